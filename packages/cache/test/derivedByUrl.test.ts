import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { type CachedObject, type Derived, nameOf, sourceUrlOf, VARIANT } from "../src/index.ts";
import type { DeriveReply } from "../src/protocol.ts";
import { encodeHead } from "../src/storedHead.ts";
import { madeBy, storedAs } from "./support/deriving.ts";
import { TestHost, type TestWorker, VHOST } from "./support/host.ts";
import { turns, until } from "./support/waiting.ts";

const REST = "/dims/resize/10x10/";

const hostThatMakes = (workers = 1): TestHost => {
  const host = new TestHost({ workers });
  let number = 0;
  host.derive = (request) => storedAs(host.worker(1), request, Buffer.from(`made ${++number}`));
  return host;
};

const make = (worker: TestWorker, source: CachedObject, rest = REST): Promise<Derived> =>
  worker.cache.derivations.obtain(madeBy(worker, source, rest)).result;

const textOf = (derived: Derived): string =>
  derived.kind === "object" ? String(derived.object.body) : derived.kind === "refused" ? derived.reason : derived.kind;

const inMemory = (worker: TestWorker, source: CachedObject, rest = REST): CachedObject | undefined => {
  const { url, selector } = madeBy(worker, source, rest);
  return worker.cache.find(worker.vhost, VARIANT.DERIVED, nameOf(url, selector));
};

const invalidate = (host: TestHost, url: string, action: { readonly kind: "purge" | "hardpurge" }): Promise<unknown> =>
  host.coordinator.invalidate(VHOST, { kind: "url", url }, action);

describe("an object made of another, with a URL of its own", () => {
  it("DIMS-14: is made once for the host and found by its URL", async () => {
    const host = hostThatMakes(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a.jpg", "picture");
    expect(textOf(await make(first, source))).toBe("made 1");
    await until(() => host.index.findVariants(VHOST, `/a.jpg${REST}`).length === 1);
    const theirs = await second.obtain("/a.jpg");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    expect(textOf(await make(second, theirs.object))).toBe("made 1");
    expect(textOf(await make(second, theirs.object, "/dims/optimize"))).toBe("made 2");
    expect(host.deriveCalls).toBe(2);
  });

  it.each(["purge", "hardpurge"] as const)("DIMS-17: ends with a %s of its source, in every worker", async (kind) => {
    const host = hostThatMakes(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a.jpg", "picture");
    await make(first, source);
    await until(() => host.index.findVariants(VHOST, `/a.jpg${REST}`).length === 1);
    const theirs = await second.obtain("/a.jpg");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    await make(second, theirs.object);
    await invalidate(host, "/a.jpg", { kind });
    for (const worker of [first, second])
      expect(inMemory(worker, source)?.isFresh(host.clock.now()) ?? false).toBe(false);
    const renewed = await first.fill("/a.jpg", "another picture");
    expect(textOf(await make(first, renewed))).toBe("made 2");
  });

  it.each(["purge", "hardpurge"] as const)(
    "REG-186 DIMS-17: a %s of the source while it is made leaves no old one behind",
    async (kind) => {
      const host = hostThatMakes();
      const worker = host.worker(1);
      const source = await worker.fill("/a.jpg", "picture");
      const { derive } = host;
      const { promise, resolve } = Promise.withResolvers<void>();
      host.derive = async (request) => {
        await promise;
        return await derive(request);
      };
      const making = make(worker, source);
      await until(() => host.deriveCalls === 1);
      await invalidate(host, "/a.jpg", { kind });
      resolve();
      expect(textOf(await making)).toBe("made 1");
      expect(inMemory(worker, source)?.isFresh(host.clock.now()) ?? false).toBe(false);
      const renewed = await worker.fill("/a.jpg", "another picture");
      expect(textOf(await make(worker, renewed))).toBe("made 2");
    },
  );

  it("DIMS-17: is a purge target of its own, and leaves its source alone", async () => {
    const host = hostThatMakes();
    const worker = host.worker(1);
    const source = await worker.fill("/a.jpg", "picture");
    await make(worker, source);
    await until(() => host.index.findVariants(VHOST, `/a.jpg${REST}`).length === 1);
    await invalidate(host, `/a.jpg${REST}`, { kind: "purge" });
    expect(worker.find("/a.jpg")?.isFresh(host.clock.now())).toBe(true);
    expect(textOf(await make(worker, source))).toBe("made 2");
  });

  it("DIMS-11: a refusal is remembered for that body of the source alone", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    host.derive = (): Promise<DeriveReply> => Promise.resolve({ kind: "refused", reason: "unreadable", detail: "x" });
    const source = await worker.fill("/a.jpg", "no picture");
    expect(textOf(await make(worker, source))).toBe("unreadable");
    expect(textOf(await make(worker, source))).toBe("unreadable");
    expect(host.deriveCalls).toBe(1);
    await invalidate(host, "/a.jpg", { kind: "purge" });
    await make(worker, await worker.fill("/a.jpg", "still none"));
    expect(host.deriveCalls).toBe(2);
    expect(host.coordinator.fillsInProgress).toBe(0);
  });

  it("DIMS-11: a refusal is forgotten after a minute: limits and files of the host may have changed", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    host.derive = (): Promise<DeriveReply> => Promise.resolve({ kind: "refused", reason: "conversion", detail: "x" });
    const source = await worker.fill("/a.jpg", "picture");
    expect(textOf(await make(worker, source))).toBe("conversion");
    host.derive = (request) => storedAs(worker, request, Buffer.from("made"));
    host.clock.advanceSeconds(59);
    expect(textOf(await make(worker, source))).toBe("conversion");
    host.clock.advanceSeconds(1);
    expect(textOf(await make(worker, source))).toBe("made");
  });

  it("a failure is not remembered", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/a.jpg", "picture");
    expect(textOf(await make(worker, source))).toBe("failed");
    host.derive = (request) => storedAs(worker, request, Buffer.from("made"));
    expect(textOf(await make(worker, source))).toBe("made");
  });

  it("is given up when the last who waits has left, and not before", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    host.derive = () => new Promise(() => {});
    const source = await first.fill("/a.jpg", "picture");
    await until(() => host.row("/a.jpg") !== undefined);
    const theirs = await second.obtain("/a.jpg");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    const waits = [1, 2].map(() => first.cache.derivations.obtain(madeBy(first, source, REST)));
    await until(() => host.deriveCalls === 1);
    waits[0]?.leave();
    waits[0]?.leave();
    await turns(20);
    expect(host.abandoned).toEqual([]);
    waits[1]?.leave();
    await until(() => host.abandoned.length === 1);
    expect(host.deriveCalls).toBe(1);
  });

  it("is not begun when all have left before it was granted", async () => {
    const host = hostThatMakes();
    const worker = host.worker(1);
    const source = await worker.fill("/a.jpg", "picture");
    const wait = worker.cache.derivations.obtain(madeBy(worker, source, REST));
    wait.leave();
    await wait.result;
    expect([host.deriveCalls, host.coordinator.fillsInProgress]).toEqual([0, 0]);
    expect(textOf(await make(worker, source))).toBe("made 1");
  });

  it("goes on while another worker waits for it", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    host.derive = () => new Promise(() => {});
    const source = await first.fill("/a.jpg", "picture");
    await until(() => host.row("/a.jpg") !== undefined);
    const theirs = await second.obtain("/a.jpg");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    const wait = first.cache.derivations.obtain(madeBy(first, source, REST));
    await until(() => host.deriveCalls === 1);
    second.cache.derivations.obtain(madeBy(second, theirs.object, REST));
    await until(() => first.cache.filling.sharesAsked === 1, "the other worker");
    wait.leave();
    await turns(30);
    expect(host.abandoned).toEqual([]);
  });

  it("DIMS-14: is made of a source that memory has, though the disk has moved it or given it up", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const gone = new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
    const source = await worker.fill("/a.jpg", "picture");
    await until(() => host.row("/a.jpg") !== undefined);
    const asked: string[] = [];
    const before = source.location;
    host.derive = (request) => {
      asked.push(request.source.kind);
      const isThere = request.source.kind === "bytes" || request.source.location.offset !== before?.offset;
      return isThere ? storedAs(worker, request, Buffer.from("made")) : Promise.reject(gone);
    };
    expect(textOf(await make(worker, source))).toBe("made");
    expect(asked).toEqual(["stored", "bytes"]);
    const row = host.row("/a.jpg");
    if (row === undefined || before === undefined) throw new Error("not stored");
    const location = await worker.bodies.append({ ...row, tags: "" }, encodeHead(source.head), Buffer.from("picture"));
    host.index.update(row.key, { location });
    await host.index.flush();
    // A reader sees the index as it was a moment ago.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(textOf(await make(worker, source, "/dims/optimize"))).toBe("made");
    expect(asked.slice(2)).toEqual(["stored", "stored"]);
    await until(() => host.index.findVariants(VHOST, "/a.jpg/dims/optimize").length === 1);
  });

  it("DIMS-10: is made for those who ask alone where the disk takes no result", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    host.derive = async (request) => {
      if (request.image !== undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "no space left" });
      return await storedAs(worker, request, Buffer.from("made"));
    };
    const source = await worker.fill("/a.jpg", "picture");
    expect(textOf(await make(worker, source))).toBe("made");
    expect(inMemory(worker, source)).toBeUndefined();
    expect(host.coordinator.fillsInProgress).toBe(0);
  });

  it("is made of bytes that no disk has taken, for those who asked alone", async () => {
    const host = hostThatMakes();
    const worker = host.worker(1);
    worker.bodies.failsToAppend = true;
    const source = await worker.fill("/a.jpg", "picture");
    expect(textOf(await make(worker, source))).toBe("made 1");
    expect(inMemory(worker, source)).toBeUndefined();
  });

  it("names the URL of its source", () => {
    expect(sourceUrlOf("/a.jpg/dims/strip/true", "derived 6,encoded,")).toBe("/a.jpg");
    expect(sourceUrlOf("/a.jpg", "gzip")).toBeUndefined();
  });
});
