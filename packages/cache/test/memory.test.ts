import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type CachedObject, PASSING_ROOM_BYTES } from "../src/index.ts";
import { TestHost } from "./support/host.ts";
import { patternBytes } from "./support/reading.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;

setFlagsFromString("--expose-gc");
const exposed: unknown = runInNewContext("gc");
const collectGarbage = (): void => {
  if (typeof exposed === "function") exposed();
};

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
    const load = (url: string, moment = now) => second.cache.stored.loadNow(second.vhost, 0, url, moment);
    await until(() => load("/a") !== undefined, "the row");
    const loaded = load("/a") ?? expect.fail();
    expect(String(second.cache.stored.bodyNow(second.vhost, loaded))).toBe("fresh");
    expect(load("/b")).toBeUndefined();
    expect(load("/c")).toBeUndefined();
    expect(load("/a", now + 1_800_000)).toBeUndefined();
  });

  it("REG-310 OPT-04: of many chunked bodies nothing stays in memory but what the tier has room for", {
    timeout: 120_000,
  }, async () => {
    const host = new TestHost({ tierBytes: MIB });
    const worker = host.worker(1);
    const fetchAll = async (from: number, count: number): Promise<void> => {
      for (let number = from; number < from + count; number++) {
        const nextCall = worker.origin.calls.length + 1;
        const obtaining = worker.obtain(`/${number}`);
        const call = (await worker.origin.call(nextCall)).head(200);
        const obtained = await obtaining;
        for (let piece = 0; piece < 4; piece++) call.data(Buffer.alloc(16_384, number));
        if (number % 3 === 0) call.fail("ORIGIN_CLOSED");
        else call.complete();
        if (obtained.kind === "body") obtained.source.release();
      }
      worker.origin.calls.length = 0;
    };
    const heldBytes = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    await fetchAll(0, 100);
    const before = heldBytes();
    await fetchAll(100, 1_000);
    await until(() => worker.cache.filling.inProgress === 0, "bodies to be stored");
    expect(worker.cache.filling.pinnedBytes).toBe(0);
    expect(worker.tier.bytes).toBeLessThanOrEqual(MIB);
    await expect.poll(() => heldBytes() - before, { timeout: 60_000 }).toBeLessThan(8 * MIB);
  });

  it("OPT-04: a body that is read for the first time passes through, the second time it is kept", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    const { stored } = second.cache;
    for (const url of ["/a", "/b", "/warm-up"]) await host.worker(1).fill(url, `body of ${url}`);
    await host.index.flush();
    await second.obtain("/warm-up");
    const load = (url: string) => stored.loadNow(second.vhost, 0, url, host.clock.now()) ?? expect.fail();
    const read = (object: CachedObject) => stored.bodyNow(second.vhost, object) ?? expect.fail();
    const a = load("/a");
    const first = read(a);
    expect([String(first), a.hasBody, second.find("/a")]).toEqual(["body of /a", false, a]);
    stored.keepPassing();
    expect(String(read(load("/b")))).toBe("body of /b");
    expect(String(first)).toBe("body of /a");
    const charged = second.tier.bytes;
    expect([String(read(a)), a.hasBody, second.find("/a")]).toEqual(["body of /a", true, a]);
    expect(second.tier.bytes - charged).toBe("body of /a".length);
  });

  it("the head of a response fits in front of a body that passes through", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    for (const url of ["/a", "/warm-up"]) await host.worker(1).fill(url, "body");
    await host.index.flush();
    await second.obtain("/warm-up");
    const object = second.cache.stored.loadNow(second.vhost, 0, "/a", host.clock.now()) ?? expect.fail();
    const body = second.cache.stored.bodyNow(second.vhost, object) ?? expect.fail();
    Buffer.from(body.buffer, body.byteOffset - PASSING_ROOM_BYTES, PASSING_ROOM_BYTES).fill(0);
    expect(String(body)).toBe("body");
    expect(object.head).toMatchObject({ url: "/a", status: 200, bodyBytes: 4 });
  });
});
