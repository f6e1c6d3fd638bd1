import { VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { type CachedObject, type StoredHead, VARIANT } from "../src/index.ts";
import { TestHost, type TestWorker } from "./support/host.ts";
import { isSettled, turns, until } from "./support/waiting.ts";

const GZIP = { kind: "gzip", level: 6 } as const;

const compressedHead = (source: CachedObject): StoredHead => ({
  ...source.head,
  variant: "gzip",
  fields: [...source.head.fields, "Content-Encoding", "gzip"],
  bodyBytes: -1,
  sourceVersion: source.head.bodyVersion,
});

const derive = (worker: TestWorker, source: CachedObject): Promise<CachedObject | undefined> =>
  worker.cache.obtainDerived(worker.vhost, VARIANT.GZIP, source, compressedHead, GZIP);

/** A host whose transform host puts "small" in the place of any source. */
const hostThatDerives = (workers = 1): TestHost => {
  const host = new TestHost({ workers });
  host.derive = async ({ head, image }) => {
    const location = await host.worker(1).bodies.append(image, head, Buffer.from("small"));
    return { kind: "stored", location, head };
  };
  return host;
};

describe("a compressed copy", () => {
  it("HTTP-59: is made once, kept as an object of its own, and has its source's lifetime", async () => {
    const host = hostThatDerives(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a", "large".repeat(100));
    host.clock.advanceSeconds(100);
    const made = await derive(first, source);
    expect(String(made?.body)).toBe("small");
    expect(made?.freshUntilMs).toBe(source.freshUntilMs);
    expect(await derive(first, source)).toBe(made);
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2);
    const theirs = await second.obtain("/a");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    expect(String((await derive(second, theirs.object))?.body)).toBe("small");
    expect(host.deriveCalls).toBe(1);
    expect(first.counters.get(first.vhost.counters + VHOST_SLOT.transforms)).toBe(1);
  });

  it("is made anew when its source has changed", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const made = await derive(worker, await worker.fill("/a", "first"));
    await host.purge("/a");
    const renewed = await worker.fill("/a", "second");
    const again = await derive(worker, renewed);
    expect(again).not.toBe(made);
    expect(again?.head.sourceVersion).toBe(renewed.head.bodyVersion);
    expect(host.deriveCalls).toBe(2);
  });

  it("PRG-11: goes with its source, without being counted", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    await derive(worker, source);
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2);
    expect((await host.purge("/a")).count).toBe(1);
    expect(worker.find("/a", VARIANT.GZIP)?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("follows an extended lifetime of its source", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    const made = await derive(worker, source);
    host.clock.advanceSeconds(1801);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    await renewing;
    expect(await derive(worker, source)).toBe(made);
    expect(made?.freshUntilMs).toBe(source.freshUntilMs);
    expect(host.deriveCalls).toBe(1);
  });

  it("HTTP-63: is done without where it cannot be made", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    expect(await derive(worker, source)).toBeUndefined();
    expect(source.incompressible).toBe(false);
    host.derive = () => Promise.resolve({ kind: "unchanged", reason: "it would grow" });
    expect(await derive(worker, source)).toBeUndefined();
    expect(source.incompressible).toBe(true);
    expect(host.coordinator.fillsInProgress).toBe(0);
  });

  it("is not tried for a source that is not on disk", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    worker.bodies.failsToAppend = true;
    expect(await derive(worker, await worker.fill("/a", "large"))).toBeUndefined();
    expect(host.deriveCalls).toBe(0);
  });

  it("HTTP-59: is made once for all clients of a worker that want it at the same time", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    await Promise.all(Array.from({ length: 20 }, () => derive(worker, source)));
    expect(host.deriveCalls).toBe(1);
  });

  it("leaves nobody waiting when two clients of another worker want it while it is made", async () => {
    const host = hostThatDerives(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a", "large");
    await host.index.flush();
    const theirs = await second.obtain("/a");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    const { derive: make } = host;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    host.derive = async (request) => {
      await released;
      return await make(request);
    };
    const making = derive(first, source);
    await until(() => host.deriveCalls === 1);
    const waiting = [derive(second, theirs.object), derive(second, theirs.object)];
    await turns(30);
    release();
    await making;
    expect(await Promise.all(waiting.map((each) => isSettled(each, 500)))).toEqual([true, true]);
  });
});
