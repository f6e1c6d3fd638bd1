import { describe, expect, it } from "vitest";
import { TestHost } from "./support/host.ts";
import { patternBytes } from "./support/reading.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;

describe("what a worker holds", () => {
  it("a body of moderate length comes into memory when it is asked for again", async () => {
    const worker = new TestHost().worker(1);
    const body = patternBytes(300_000);
    const object = await worker.fill("/a", body);
    expect(object.body).toBeUndefined();
    expect(await worker.cache.stored.promote(worker.vhost, 0, object)).toBe(true);
    expect(worker.find("/a")?.body?.equals(body)).toBe(true);
    expect(worker.bodies.openReaders).toBe(0);
  });

  it("a long body stays on disk, and is kept open only while it is in use", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", patternBytes(2 * MIB));
    expect(await worker.cache.stored.promote(worker.vhost, 0, object)).toBe(false);
    const body = await worker.cache.stored.openBody(worker.vhost, 0, object);
    body?.retain();
    body?.release();
    expect(worker.bodies.openReaders).toBe(1);
    expect(await worker.cache.stored.openBody(worker.vhost, 0, object)).toBe(body);
    host.clock.advanceSeconds(9);
    worker.cache.stored.closeUnusedBodies();
    expect(worker.bodies.openReaders).toBe(1);
    body?.retain();
    host.clock.advanceSeconds(2);
    worker.cache.stored.closeUnusedBodies();
    expect(worker.bodies.openReaders).toBe(1);
    body?.release();
    expect(worker.bodies.openReaders).toBe(0);
  });

  it("OPT-04: what leaves memory for lack of room is found on disk", async () => {
    const host = new TestHost({ tierBytes: 100_000 });
    const worker = host.worker(1);
    for (let number = 0; number < 20; number++) await worker.fill(`/${number}`, Buffer.alloc(20_000, number));
    expect(worker.tier.bytes).toBeLessThanOrEqual(100_000);
    await host.index.flush();
    const missing = Array.from({ length: 20 }, (_, number) => `/${number}`).filter(
      (url) => worker.find(url) === undefined,
    );
    expect(missing.length).toBeGreaterThan(10);
    for (const url of missing) expect(await worker.obtain(url)).toMatchObject({ kind: "object", result: "TCP_HIT" });
    expect(worker.origin.calls).toHaveLength(20);
  });

  it("a small fresh object comes from the page cache at once, a stale or purged one does not", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    await host.worker(1).fill("/a", "fresh");
    await host.worker(1).fill("/b", "purged");
    await host.worker(1).fill("/warm-up", "opens the segment");
    await host.purge("/b");
    await host.index.flush();
    await second.obtain("/warm-up");
    const now: number = host.clock.now();
    const load = (url: string, moment = now) =>
      second.cache.stored.loadNow(second.vhost, 0, url, moment, false)?.object;
    await until(() => load("/a") !== undefined, "the row");
    expect(String(load("/a")?.body)).toBe("fresh");
    expect(load("/b")).toBeUndefined();
    expect(load("/c")).toBeUndefined();
    expect(load("/a", now + 1_800_000)).toBeUndefined();
  });

  it("what is read for the first time passes through, the second time it is kept", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    for (const url of ["/a", "/b", "/warm-up"]) await host.worker(1).fill(url, `body of ${url}`);
    await host.index.flush();
    await second.obtain("/warm-up");
    const load = (url: string) => second.cache.stored.loadNow(second.vhost, 0, url, host.clock.now(), true);
    const first = load("/a");
    expect([first?.isPassing, String(first?.object.body), second.find("/a")]).toEqual([true, "body of /a", undefined]);
    second.cache.stored.keepPassing();
    expect(String(load("/b")?.object.body)).toBe("body of /b");
    expect(String(first?.object.body)).toBe("body of /a");
    const again = load("/a");
    expect([again?.isPassing, second.find("/a")]).toEqual([false, again?.object]);
  });
});
