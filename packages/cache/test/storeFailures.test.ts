import { describe, expect, it } from "vitest";
import { TestHost } from "./support/host.ts";
import { bodyOf, patternBytes } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;

describe("a store that takes nothing", () => {
  it("a small object is served, and kept in memory", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    first.bodies.failsToAppend = true;
    const obtaining = first.obtain("/a");
    const call = await first.origin.call();
    const following = second.obtain("/a");
    await turns(10);
    call.reply(200, "hello");
    expect(String(await bodyOf(first, await obtaining))).toBe("hello");
    expect(first.find("/a")?.isFresh(host.clock.now())).toBe(true);
    expect(host.row("/a")).toBeUndefined();
    (await second.origin.call()).reply(200, "hello");
    expect(String(await bodyOf(second, await following))).toBe("hello");
    await until(() => host.coordinator.fillsInProgress === 0);
  });

  it("REG-58, PRG-14: a purged object that is not on disk survives an origin that fails", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    worker.bodies.failsToAppend = true;
    await worker.fill("/a", "hello");
    await host.purge("/a");
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).fail("ORIGIN_CONNECT_FAILED");
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_REF_FAIL_HIT" });
    expect(String(await bodyOf(worker, obtained))).toBe("hello");
  });

  it("a long body goes on for its readers when the disk fails half way, and others ask anew", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(4 * MIB);
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["Content-Length", String(whole.length)]);
    call.data(whole.subarray(0, MIB));
    const obtained = await early;
    const following = bodyOf(second, await second.obtain("/a"));
    const refused = following.then(
      () => "complete",
      () => "failed",
    );
    const reading = bodyOf(first, obtained);
    await turns(20);
    first.bodies.failsToWrite = true;
    second.bodies.failsToWrite = true;
    for (let at = MIB; at < whole.length; at += MIB) {
      call.data(whole.subarray(at, at + MIB));
      await turns(20);
    }
    call.complete();
    expect((await reading).equals(whole)).toBe(true);
    (await second.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    expect(await refused).toBe("failed");
    await until(() => host.coordinator.fillsInProgress === 0);
    await until(() => first.bodies.openFiles === 0 && first.bodies.openReaders + second.bodies.openReaders === 0);
    expect(host.row("/a")).toBeUndefined();
    first.bodies.failsToWrite = false;
    const again = first.obtain("/b");
    (await first.origin.call(2)).reply(200, "short now");
    expect(String(await bodyOf(first, await again))).toBe("short now");
  });

  it("a body whose last bytes cannot be written is fetched anew by those who followed it", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(3 * MIB);
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, ["ETag", '"1"']);
    call.data(whole.subarray(0, MIB));
    const reading = bodyOf(first, await early);
    const following = bodyOf(second, await second.obtain("/a"));
    await turns(20);
    first.bodies.failsToWrite = true;
    call.data(whole.subarray(MIB));
    call.complete();
    expect((await reading).equals(whole)).toBe(true);
    (await second.origin.call()).reply(200, whole, ["ETag", '"1"']);
    await expect(following).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await until(() => host.coordinator.fillsInProgress === 0);
  });

  it("a request that the store has failed is answered past it: not joined, not kept, told to nobody", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(3 * MIB);
    for (const body of [Buffer.from("small"), whole]) {
      const number = first.origin.calls.length + 1;
      const obtaining = first.obtain("/a", { isPastStore: true });
      const call = await first.origin.call(number);
      const waiting = second.obtain("/a");
      await turns(5);
      call.head(200).data(body);
      call.complete();
      expect((await bodyOf(first, await obtaining)).equals(body)).toBe(true);
      expect(first.find("/a")).toBeUndefined();
      (await second.origin.call(number)).fail("ORIGIN_CONNECT_FAILED");
      expect((await waiting).kind).toBe("failed");
      host.clock.advanceSeconds(10);
    }
    expect(host.row("/a")).toBeUndefined();
    expect(first.bodies.openFiles).toBe(0);
  });

  it("a renewal that only extends needs no store", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "x", ["Cache-Control", "max-age=1"]);
    worker.bodies.failsToAppend = true;
    host.clock.advanceSeconds(2);
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    expect(await obtaining).toMatchObject({ object, result: "TCP_REFRESH_HIT" });
    await until(() => host.row("/a")?.version === object.version);
  });
});

describe("a store that fails while a changed object is fetched", () => {
  it("does not hold a body of unknown length back until its end", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "old", ["Cache-Control", "max-age=1"]);
    host.clock.advanceSeconds(2);
    worker.bodies.failsToWrite = true;
    const whole = patternBytes(8 * MIB);
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call(2)).head(200);
    let reading: Promise<Buffer> | undefined;
    void obtaining.then((obtained) => {
      reading = bodyOf(worker, obtained);
    });
    for (let at = 0; at < whole.length; at += 64 * 1024) {
      const before = call.resumed;
      if (!call.data(whole.subarray(at, at + 64 * 1024)))
        await until(() => call.resumed > before, "the origin goes on");
      await turns(2);
    }
    call.complete();
    await until(() => reading !== undefined, "a body to read");
    expect((await reading)?.equals(whole)).toBe(true);
  });
});

describe("a body that only passes through", () => {
  it("PRG-14: restores no purged object when its reader leaves: no origin has failed", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "old", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    await host.purge("/a");
    worker.bodies.failsToWrite = true;
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call(2)).head(200, ["Content-Length", String(4 * MIB)]);
    call.data(patternBytes(MIB));
    const obtained = await obtaining;
    if (obtained.kind !== "body") throw new Error(obtained.kind);
    obtained.source.retain();
    await turns(20);
    obtained.source.release();
    await until(() => call.aborted);
    await turns(5);
    expect(worker.find("/a")?.purged).toBe(true);
  });
});

describe("a pool that throws", () => {
  it("leaves no fill behind for which other workers would wait for ever", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    first.origin.send = () => {
      throw new Error("the pool is closed");
    };
    await first.obtain("/a").catch(() => {});
    const waiting = second.obtain("/a");
    second.origin.answer = (call) => call.reply(200, "x");
    await Promise.allSettled([waiting]);
  });
});
