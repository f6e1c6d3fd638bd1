import { VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { TestHost } from "./support/host.ts";
import { bodyOf, patternBytes, readSource } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;

describe("one worker", () => {
  it("asks the origin once for all who ask at the same time (TTL-32)", async () => {
    const worker = new TestHost().worker(1);
    const obtaining = Array.from({ length: 50 }, () => worker.obtain("/a"));
    (await worker.origin.call()).reply(200, "hello");
    for (const obtained of await Promise.all(obtaining)) {
      expect(obtained).toMatchObject({ kind: "object", result: "TCP_MISS" });
      expect((await bodyOf(worker, obtained)).toString()).toBe("hello");
    }
    expect(worker.origin.calls).toHaveLength(1);
    expect(worker.counters.get(worker.vhost.counters + VHOST_SLOT.fills)).toBe(1);
    expect(worker.counters.get(worker.vhost.counters + VHOST_SLOT.coalescedRequests)).toBe(49);
  });

  it("gives those who come while the body grows the same body", async () => {
    const worker = new TestHost().worker(1);
    const first = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200, ["Content-Length", "10"]);
    const early = await first;
    call.data("01234");
    const late = await worker.obtain("/a");
    expect([early.kind, late.kind]).toEqual(["body", "body"]);
    const bodies = Promise.all([bodyOf(worker, early), bodyOf(worker, late)]);
    call.data("56789");
    call.complete();
    expect((await bodies).map(String)).toEqual(["0123456789", "0123456789"]);
    expect(worker.origin.calls).toHaveLength(1);
    await until(() => worker.find("/a") !== undefined);
    await worker.cache.whenStored(worker.find("/a") ?? expect.fail());
    expect(worker.cache.filling.inProgress).toBe(0);
  });

  it("keeps variants of a URL apart (KEY-01)", async () => {
    const worker = new TestHost().worker(1);
    const both = Promise.all([worker.obtain("/a"), worker.obtain("/a", { variant: 1 })]);
    (await worker.origin.call(1)).reply(200, "plain");
    (await worker.origin.call(2)).reply(200, "encoded");
    const [plain, encoded] = await both;
    expect(String(await bodyOf(worker, plain))).toBe("plain");
    expect(String(await bodyOf(worker, encoded))).toBe("encoded");
  });

  it.each([
    ["an empty body", 0],
    ["one byte", 1],
    ["a packed body at its limit", 256 * 1024],
    ["a body of its own file", 256 * 1024 + 1],
    ["a body kept whole in memory", MIB],
    ["a body too long to be kept whole", MIB + 1],
    ["a long body", 5 * MIB + 3],
  ])("stores %s so that it can be read from disk", async (_, length) => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const body = patternBytes(length);
    const obtaining = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", String(length)]);
    for (let start = 0; start < length; start += 700_001) call.data(body.subarray(start, start + 700_001));
    call.complete();
    expect((await bodyOf(first, await obtaining)).equals(body)).toBe(true);
    await until(() => host.row("/a") !== undefined, "the row");
    const obtained = await second.obtain("/a");
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_HIT" });
    expect((await bodyOf(second, obtained)).equals(body)).toBe(true);
    expect(second.origin.calls).toHaveLength(0);
    host.clock.advanceSeconds(11);
    for (const worker of host.workers) worker.cache.stored.closeUnusedBodies();
    await until(() => first.bodies.openReaders + second.bodies.openReaders === 0, "readers released");
    expect(first.bodies.openFiles).toBe(0);
  });

  it("reads a chunked body of unknown length while it comes, and knows its length after", async () => {
    const worker = new TestHost().worker(1);
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200);
    const obtained = await obtaining;
    if (obtained.kind !== "body") throw new Error(obtained.kind);
    expect(obtained.source.totalBytes).toBe(-1);
    const reading = readSource(obtained.source);
    for (const text of ["one ", "two ", "three"]) {
      call.data(text);
      await turns(2);
    }
    call.complete();
    expect(String(await reading)).toBe("one two three");
    expect(obtained.source.totalBytes).toBe(13);
    expect(worker.find("/a")?.bodyBytes).toBe(13);
  });

  it("asks again when the response broke off and nobody may take the part for the whole", async () => {
    const worker = new TestHost().worker(1);
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200, ["Content-Length", "100"]);
    const obtained = await obtaining;
    call.data("part");
    const reading = bodyOf(worker, obtained);
    call.fail("ORIGIN_CLOSED");
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    expect(worker.find("/a")).toBeUndefined();
    expect(worker.cache.filling.inProgress).toBe(0);
  });
});

describe("two workers", () => {
  it("ask the origin once and both follow the growing file", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const body = patternBytes(6 * MIB);
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", String(body.length), "ETag", '"1"']);
    const reading = bodyOf(first, await early);
    call.data(body.subarray(0, 2 * MIB));
    const followed = await second.obtain("/a");
    expect(followed).toMatchObject({ kind: "body", result: "TCP_MISS" });
    const following = bodyOf(second, followed);
    for (let start = 2 * MIB; start < body.length; start += 300_000) {
      call.data(body.subarray(start, Math.min(body.length, start + 300_000)));
      await turns(3);
    }
    call.complete();
    expect((await reading).equals(body)).toBe(true);
    expect((await following).equals(body)).toBe(true);
    expect(second.origin.calls).toHaveLength(0);
    await until(() => first.bodies.openReaders + second.bodies.openReaders === 0, "readers released");
  });

  it("share a small fill in memory only when the second asks", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", "10"]);
    const reading = bodyOf(first, await early);
    call.data("01234");
    await turns(5);
    expect(first.bodies.openFiles).toBe(0);
    const followed = await second.obtain("/a");
    const following = bodyOf(second, followed);
    expect(first.bodies.openFiles).toBe(1);
    call.data("56789");
    call.complete();
    expect([String(await reading), String(await following)]).toEqual(["0123456789", "0123456789"]);
  });

  it("stream to the second also when it asked before the origin answered", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = await first.origin.call();
    const late = second.obtain("/a");
    await turns(20);
    call.head(200, ["Content-Length", "10"]).data("01234");
    const followed = await late;
    expect(followed.kind).toBe("body");
    const both = Promise.all([bodyOf(first, await early), bodyOf(second, followed)]);
    call.data("56789");
    call.complete();
    expect((await both).map(String)).toEqual(["0123456789", "0123456789"]);
  });

  it("give the second what was complete before it could be shared", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = await first.origin.call();
    const late = second.obtain("/a");
    await turns(20);
    call.reply(200, "hello");
    expect(String(await bodyOf(first, await early))).toBe("hello");
    expect(String(await bodyOf(second, await late))).toBe("hello");
    expect(second.origin.calls).toHaveLength(0);
  });

  it("TTL-12 both get the failure of a fill without asking twice", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = await first.origin.call();
    const late = second.obtain("/a");
    await turns(20);
    call.fail("ORIGIN_CONNECT_FAILED");
    expect(await early).toMatchObject({
      kind: "failed",
      error: { code: "ORIGIN_CONNECT_FAILED" },
      result: "TCP_ERROR",
    });
    expect(await late).toMatchObject({ kind: "failed", error: { code: "ORIGIN_CONNECT_FAILED" } });
    expect(second.origin.calls).toHaveLength(0);
  });

  it("a follower learns of a body that breaks off", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", "100"]);
    const reading = bodyOf(first, await early);
    call.data("part");
    const following = bodyOf(second, await second.obtain("/a"));
    call.fail("ORIGIN_CLOSED");
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await expect(following).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await until(() => first.bodies.openFiles === 0 && second.bodies.openReaders === 0, "everything closed");
  });

  it.each([
    ["a stored fill", 'ETag "1"', "ETag", '"1"'],
    ["by its date", "Last-Modified", "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"],
  ])("an orphaned fill is taken over where the validator is the same: %s", async (_, __, name, value) => {
    const host = new TestHost({ workers: 2, vhost: "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>" });
    const [first, second] = [host.worker(1), host.worker(2)];
    const body = patternBytes(2 * MIB);
    const head = ["Content-Length", String(body.length), name, value];
    void first.obtain("/a");
    const call = (await first.origin.call()).head(200, head);
    call.data(body.subarray(0, MIB));
    const followed = await second.obtain("/a");
    const following = bodyOf(second, followed);
    await turns(20);
    first.die(host);
    const again = (await second.origin.call()).head(200, head);
    again.data(body);
    again.complete();
    expect((await following).equals(body)).toBe(true);
    await until(() => host.coordinator.fillsInProgress === 0, "nothing on its way");
  });

  it.each([
    ["another ETag", ["ETag", '"2"'], 2 * MIB],
    ["no validator", [], 2 * MIB],
    ["another length", ["ETag", '"1"'], MIB],
  ])("an orphaned fill is refused where the new response has %s (RFC 9110 8.8)", async (_, fields, length) => {
    const host = new TestHost({ workers: 2, vhost: "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>" });
    const [first, second] = [host.worker(1), host.worker(2)];
    void first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", String(2 * MIB), "ETag", '"1"']);
    call.data(patternBytes(MIB));
    const following = bodyOf(second, await second.obtain("/a"));
    const refused = expect(following).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await turns(20);
    first.die(host);
    const again = (await second.origin.call()).head(200, ["Content-Length", String(length), ...fields]);
    again.data(patternBytes(length));
    again.complete();
    await refused;
  });

  it("a follower whose worker died before the head asks the origin itself", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    void first.obtain("/a").catch(() => {});
    await first.origin.call();
    const late = second.obtain("/a");
    await turns(20);
    first.die(host);
    (await second.origin.call()).reply(200, "mine");
    expect(String(await bodyOf(second, await late))).toBe("mine");
    expect(host.coordinator.fillsInProgress).toBeLessThanOrEqual(1);
  });

  it("leave no fill behind", async () => {
    const host = new TestHost({ workers: 2 });
    for (const [number, worker] of host.workers.entries()) {
      await worker.fill(`/ok-${number}`, "x");
      const failing = worker.obtain(`/bad-${number}`);
      (await worker.origin.call(2)).fail("ORIGIN_RECEIVE_TIMEOUT");
      await failing;
    }
    await until(() => host.coordinator.fillsInProgress === 0, "no fill");
  });
});

describe("what the origin may send", () => {
  it.each([304, 206, 100])("a %i that nobody asked for is a failure of the origin, not an object", async (status) => {
    const host = new TestHost();
    const worker = host.worker(1);
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call()).head(status);
    expect(await obtaining).toMatchObject({ kind: "failed", error: { code: "ORIGIN_MALFORMED" } });
    call.complete();
    await until(() => host.coordinator.fillsInProgress === 0);
  });

  it.each([
    ["shorter", "100", "only this"],
    ["unreadable", "1x", "body"],
  ])("a Content-Length that is %s than the body does not hang a reader", async (_, length, body) => {
    const worker = new TestHost().worker(1);
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200, ["Content-Length", length]);
    call.data(body);
    call.complete();
    await Promise.allSettled([obtaining.then((obtained) => bodyOf(worker, obtained))]);
  });

  it("a 204 has no body", async () => {
    const worker = new TestHost().worker(1);
    const obtaining = worker.obtain("/a");
    (await worker.origin.call()).head(204).complete();
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", object: { bodyBytes: 0 } });
  });
});
