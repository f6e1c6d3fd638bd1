import { VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { type CachedObject, type DerivedRequest, VARIANT } from "../src/index.ts";
import { compressed, compressionOf, storedAs } from "./support/deriving.ts";
import { TestHost, type TestWorker } from "./support/host.ts";
import { turns, until } from "./support/waiting.ts";

/** A host whose transform host puts "small" in the place of any source. */
const hostThatDerives = (workers = 1): TestHost => {
  const host = new TestHost({ workers });
  host.derive = (request) => storedAs(host.worker(1), request, Buffer.from("small"));
  return host;
};

describe("a compressed copy", () => {
  it("HTTP-59: is made once, kept as an object of its own, and has its source's lifetime", async () => {
    const host = hostThatDerives(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a", "large".repeat(100));
    host.clock.advanceSeconds(100);
    const made = await compressed(first, source);
    expect(String(made?.body)).toBe("small");
    expect(made?.freshUntilMs).toBe(source.freshUntilMs);
    expect(await compressed(first, source)).toBe(made);
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2);
    const theirs = await second.obtain("/a");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    expect(String((await compressed(second, theirs.object))?.body)).toBe("small");
    expect(host.deriveCalls).toBe(1);
    expect(first.counters.get(first.vhost.counters + VHOST_SLOT.transforms)).toBe(1);
  });

  it("is made anew when its source has changed", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const made = await compressed(worker, await worker.fill("/a", "first"));
    await host.purge("/a");
    const renewed = await worker.fill("/a", "second");
    const again = await compressed(worker, renewed);
    expect(again).not.toBe(made);
    expect(again?.head.sourceVersion).toBe(renewed.head.bodyVersion);
    expect(host.deriveCalls).toBe(2);
  });

  it("PRG-11: goes with its source, without being counted", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    await compressed(worker, source);
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2);
    expect((await host.purge("/a")).count).toBe(1);
    expect(worker.find("/a", VARIANT.GZIP)?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("follows an extended lifetime of its source", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    const made = await compressed(worker, source);
    host.clock.advanceSeconds(1801);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    await renewing;
    expect(await compressed(worker, source)).toBe(made);
    expect(made?.freshUntilMs).toBe(source.freshUntilMs);
    expect(host.deriveCalls).toBe(1);
  });

  it("HTTP-63: is done without where it cannot be made", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    expect(await compressed(worker, source)).toBeUndefined();
    host.derive = () => Promise.resolve({ kind: "unchanged", reason: "it would grow" });
    expect(await compressed(worker, source)).toBeUndefined();
    expect(await compressed(worker, source)).toBeUndefined();
    expect(host.deriveCalls).toBe(2);
    expect(host.coordinator.fillsInProgress).toBe(0);
  });

  it("is not tried for a source that is not on disk", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    worker.bodies.failsToAppend = true;
    expect(await compressed(worker, await worker.fill("/a", "large"))).toBeUndefined();
    expect(host.deriveCalls).toBe(0);
  });

  it("HTTP-59: is made once for all clients of a worker that want it at the same time", async () => {
    const host = hostThatDerives();
    const worker = host.worker(1);
    const source = await worker.fill("/a", "large");
    await Promise.all(Array.from({ length: 20 }, () => compressed(worker, source)));
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
    const making = compressed(first, source);
    await until(() => host.deriveCalls === 1);
    const waiting = [compressed(second, theirs.object), compressed(second, theirs.object)];
    await turns(30);
    release();
    await making;
    await Promise.allSettled(waiting);
  });

  it("holds no news of a copy that another worker is making anew", async () => {
    const host = hostThatDerives(2);
    const [first, second] = [host.worker(1), host.worker(2)];
    const source = await first.fill("/a", "large");
    await host.index.flush();
    const theirs = await second.obtain("/a");
    if (theirs.kind !== "object") throw new Error(theirs.kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { derive: make } = host;
    host.derive = async (request) => {
      await promise;
      return await make(request);
    };
    const best = (worker: TestWorker, from: CachedObject): DerivedRequest => {
      const request = compressionOf(worker, from);
      return { ...request, head: { ...request.head, bodyVersion: 9 } };
    };
    const improving = [first.cache.derivations.improve(best(first, source))];
    await until(() => host.deriveCalls === 1);
    improving.push(second.cache.derivations.improve(best(second, theirs.object)));
    await until(() => first.cache.filling.sharesAsked === 1, "the other worker");
    resolve();
    await Promise.all(improving);
    await turns(30);
    const news: number[] = [];
    for (let fillId = 1; fillId < 20; fillId++) second.cache.followers.follow(fillId, () => news.push(fillId));
    expect([host.deriveCalls, news]).toEqual([1, []]);
  });
});
