import { ROW_FLAG } from "@basalt/store";
import { describe, expect, it } from "vitest";
import { TestHost, type TestWorker } from "./support/host.ts";
import { bodyOf } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const NO_STORE_FIELDS: readonly string[] = [];

describe("lifetimes given at first storage", () => {
  it.each([
    ["TTL-03 a 2xx without its own", 200, NO_STORE_FIELDS, 1800],
    ["TTL-06 no-cache", 200, ["Cache-Control", "no-cache"], 5],
    ["TTL-09 a redirect", 301, ["Location", "/b"], 300],
    ["TTL-10 a 404", 404, NO_STORE_FIELDS, 30],
    ["TTL-11 a 500", 500, NO_STORE_FIELDS, 30],
    ["TTL-22 max-age", 200, ["Cache-Control", "max-age=100"], 100],
    ["TTL-15 max-age=0", 200, ["Cache-Control", "max-age=0"], 0],
  ])("%s", async (_, status, fields, seconds) => {
    const host = new TestHost();
    const object = await host.worker(1).fill("/a", "body", fields, status);
    expect(object.ttlSeconds).toBe(seconds);
    expect(object.freshUntilMs).toBe(host.clock.now() + seconds * 1000);
    expect(host.row("/a")).toMatchObject({ ttl: seconds, freshUntil: object.freshUntilMs, flags: 0 });
  });

  it("TTL-19 ttl.txt is looked up by the canonical URL", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const vhost = { ...worker.vhost, customTtl: (url: string) => (url === "/a" ? { seconds: 7, line: 1 } : undefined) };
    const obtaining = worker.obtain("/a", { vhost });
    (await worker.origin.call()).reply(200, "x");
    expect(await obtaining).toMatchObject({ object: { ttlSeconds: 7 } });
  });
});

describe("renewal", () => {
  const staleHost = async (vhost = "", workers = 1) => {
    const host = new TestHost({ vhost, workers });
    const object = await host.worker(1).fill("/a", "old", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    host.clock.advanceSeconds(1801);
    return { host, worker: host.worker(1), object };
  };

  it("TTL-02, TTL-04, STAT-44.3 and OPT-32: a 304 extends the lifetime by the ratio and keeps the body", async () => {
    const { host, worker, object } = await staleHost();
    const obtaining = worker.obtain("/a");
    const call = await worker.origin.call(2);
    expect(call.request.fields).toContain("If-Modified-Since");
    call.head(304).complete();
    expect(await obtaining).toMatchObject({ kind: "object", object, result: "TCP_REFRESH_HIT" });
    expect(object.ttlSeconds).toBe(2160);
    expect(object.isFresh(host.clock.now())).toBe(true);
    await until(() => host.row("/a")?.ttl === 2160, "the row");
  });

  it("TTL-31, OPT-37 and STAT-44.8: a 200 replaces the object, the old body can still be read to its end", async () => {
    const { worker, object } = await staleHost();
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).reply(200, "new");
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_REFRESH_MISS" });
    expect(String(await bodyOf(worker, obtained))).toBe("new");
    expect(String(object.body)).toBe("old");
    expect(String(worker.find("/a")?.body)).toBe("new");
  });

  it("TTL-14, ORG-28 and ORG-29: a busy origin is not asked to renew, and is asked for what is not stored", async () => {
    const options = "<OriginOptions><BusySessionCount>1</BusySessionCount></OriginOptions>";
    const { host, worker, object } = await staleHost(options);
    worker.origin.transactions = 2;
    expect(await worker.obtain("/a")).toMatchObject({ kind: "object", object, result: "TCP_REF_FAIL_HIT" });
    expect(object.freshUntilMs).toBe(host.clock.now() + 3000);
    expect(worker.origin.calls.length).toBe(1);
    const first = worker.obtain("/b");
    (await worker.origin.call(2)).reply(200, "new");
    expect(await first).toMatchObject({ result: "TCP_MISS" });
    worker.origin.transactions = 1;
    host.clock.advanceSeconds(4);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(3)).head(304).complete();
    expect(await renewing).toMatchObject({ result: "TCP_REFRESH_HIT" });
  });

  it("TTL-12, TTL-13, OPT-33, OPT-46 and STAT-44.4: what is stored is served for 3 s when the origin fails", async () => {
    const { host, worker, object } = await staleHost();
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).fail("ORIGIN_CONNECT_FAILED");
    expect(await obtaining).toMatchObject({ kind: "object", object, result: "TCP_REF_FAIL_HIT" });
    expect(object.freshUntilMs).toBe(host.clock.now() + 3000);
  });

  it("TTL-24: a 500 to a renewal counts as a 304, by default", async () => {
    const { host, worker, object } = await staleHost();
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).reply(500, "sorry");
    expect(await obtaining).toMatchObject({ kind: "object", object });
    expect(object.isFresh(host.clock.now())).toBe(true);
  });

  it("TTL-23: a 404 to a renewal replaces the object, by default", async () => {
    const { worker } = await staleHost();
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).reply(404, "gone");
    expect(await obtaining).toMatchObject({ kind: "object", object: { head: { status: 404 } } });
  });

  it("TTL-27: a body of unknown length that breaks off leaves the earlier object in service in other workers, too", async () => {
    const { host, worker } = await staleHost("", 2);
    const other = host.worker(2);
    const asked = worker.obtain("/a");
    const call = await worker.origin.call(2);
    call.head(200, []).data("new, but ");
    const following = other.obtain("/a");
    await turns(20);
    call.fail("ORIGIN_CLOSED");
    expect(String(await bodyOf(worker, await asked))).toBe("old");
    expect(String(await bodyOf(other, await following))).toBe("old");
    expect(other.origin.calls.length).toBe(0);
  });

  it("TTL-27: a chunked body that breaks off leaves the earlier object in service", async () => {
    const { worker, object } = await staleHost();
    const obtaining = worker.obtain("/a");
    const call = (await worker.origin.call(2)).head(200);
    await turns(5);
    call.data("half of the n");
    call.fail("ORIGIN_CLOSED");
    expect(await obtaining).toMatchObject({ kind: "object", object, result: "TCP_REF_FAIL_HIT" });
  });

  it("TTL-32: one renewal for all who ask, over both workers", async () => {
    const { host, worker } = await staleHost("", 2);
    const second = host.worker(2);
    const obtaining = [worker.obtain("/a"), worker.obtain("/a")];
    const call = await worker.origin.call(2);
    obtaining.push(second.obtain("/a"), second.obtain("/a"));
    await turns(30);
    call.head(304).complete();
    for (const obtained of await Promise.all(obtaining)) expect(obtained).toMatchObject({ kind: "object" });
    expect(second.origin.calls).toHaveLength(0);
    expect(second.find("/a")?.ttlSeconds).toBe(2160);
  });

  it("TTL-37: a client that insists has a fresh object renewed", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "old");
    const held = worker.find("/a");
    if (held !== undefined) held.freshUntilMs = 0;
    const obtaining = worker.obtain("/a", { mustRenew: true });
    (await worker.origin.call(2)).head(304).complete();
    expect(await obtaining).toMatchObject({ kind: "object", result: "TCP_REFRESH_HIT" });
  });

  it("TTL-17: after a forced expiry the base value is given again", async () => {
    const { host, worker, object } = await staleHost();
    object.ttlSeconds = 5000;
    await host.coordinator.invalidate(worker.vhost.name, { kind: "url", url: "/a" }, { kind: "expire" });
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    await obtaining;
    expect(object.ttlSeconds).toBe(1800);
  });

  it("an object survives a restart of the worker with its state", async () => {
    const { host } = await staleHost("", 2);
    const second = host.worker(2);
    await host.index.flush();
    const obtaining = second.obtain("/a");
    (await second.origin.call()).head(304).complete();
    expect(await obtaining).toMatchObject({ kind: "object", result: "TCP_REFRESH_HIT" });
  });
});

describe("failures with nothing stored", () => {
  it("TTL-12 and TTL-18: repeated for 3 s without asking the origin, on the whole host", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const obtaining = first.obtain("/a");
    (await first.origin.call()).fail("ORIGIN_CONNECT_TIMEOUT");
    expect(await obtaining).toMatchObject({ kind: "failed", result: "TCP_ERROR" });
    host.clock.advanceSeconds(2.9);
    for (const worker of [first, second]) {
      expect(await worker.obtain("/a")).toMatchObject({
        kind: "failed",
        error: { code: "ORIGIN_CONNECT_TIMEOUT" },
        result: "TCP_NEGATIVE_HIT",
      });
    }
    host.clock.advanceSeconds(0.1);
    const again = second.obtain("/a");
    (await second.origin.call()).reply(200, "back");
    expect(await again).toMatchObject({ kind: "object", result: "TCP_MISS" });
  });

  it("a success ends the memory of a failure", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const failing = worker.obtain("/a");
    (await worker.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    await failing;
    host.clock.advanceSeconds(4);
    await worker.fill("/a", "back");
    await host.coordinator.invalidate(worker.vhost.name, { kind: "url", url: "/a" }, { kind: "hardpurge" });
    await worker.fill("/a", "again");
    expect(String(worker.find("/a")?.body)).toBe("again");
  });
});

describe("objects whose body is lost", () => {
  it("TTL-38: a row without a readable body is dropped and the origin asked", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const object = await first.fill("/a", "x");
    const row = host.row("/a");
    if (row === undefined || object.location === undefined) throw new Error("not stored");
    host.index.update(row.key, { location: { ...row.location, offset: row.location.offset + 40_960 } });
    await host.index.flush();
    const obtaining = second.obtain("/a");
    (await second.origin.call()).reply(200, "new");
    expect(await obtaining).toMatchObject({ kind: "object", result: "TCP_MISS" });
    expect(host.problems).toHaveLength(1);
  });
});

describe("a stored 404", () => {
  it("REG-60: whose body is lost is answered while the origin fails, and fetched anew when it is back", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const object = await first.fill("/a", "no such page", [], 404);
    const row = host.row("/a");
    if (row === undefined || object.location === undefined) throw new Error("not stored");
    host.index.update(row.key, { location: { ...row.location, offset: row.location.offset + 40_960 } });
    await host.index.flush();
    const obtaining = second.obtain("/a");
    (await second.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    expect(await obtaining).toMatchObject({ kind: "failed" });
    expect(await second.obtain("/a")).toMatchObject({ kind: "failed" });
    expect(second.origin.calls.length).toBe(1);
    host.clock.advanceSeconds(4);
    expect(await second.fill("/a", "there now")).toMatchObject({ status: 200 });
    expect(String(second.find("/a")?.body)).toBe("there now");
  });

  it("REG-61: swapped out of memory again and again is answered each time, and asked for once", async () => {
    const host = new TestHost({ workers: 2, tierBytes: 128 * 1024 });
    const pages = Array.from({ length: 200 }, (_, number) => `/${number}`);
    for (const worker of host.workers) {
      worker.origin.answer = (call) => call.reply(404, `none at ${call.request.target} `.repeat(100));
    }
    let inMemory = 0;
    const expectPage = async (worker: TestWorker, page: string): Promise<void> => {
      const held = worker.find(page);
      if (held?.isFresh(host.clock.now()) === true) inMemory += 1;
      const obtained = held === undefined ? await worker.obtain(page) : undefined;
      expect([held?.status ?? 404, obtained ?? { kind: "object" }]).toMatchObject([404, { kind: "object" }]);
      const body = obtained === undefined ? held?.body : await bodyOf(worker, obtained);
      expect(String(body)).toBe(`none at ${page} `.repeat(100));
    };
    for (const page of pages) await expectPage(host.worker(1), page);
    await until(() => host.index.totals.objects === pages.length, "all pages");
    await host.index.flush();
    for (let round = 0; round < 1_000; round++) {
      const page = pages[(round * 37) % pages.length] ?? "/";
      await expectPage(host.worker(1 + (round % 2)), page);
    }
    expect(host.workers.flatMap(({ origin }) => origin.calls).length).toBe(pages.length);
    expect(inMemory).toBeLessThan(900);
    expect(host.problems).toEqual([]);
  });
});

describe("content that is renewed thousands of times", () => {
  it("REG-40 REG-41: leaves no files behind, and an index of the same size", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    let round = 0;
    worker.origin.answer = (call) =>
      call.reply(200, `version ${round}`, ["Cache-Control", "max-age=0", "ETag", `"${round}"`]);
    const sizes: number[] = [];
    for (let part = 0; part < 4; part++) {
      for (let count = 0; count < 500; count++) {
        round += 1;
        host.clock.advanceSeconds(3);
        await bodyOf(worker, await worker.obtain(`/${count % 5}`));
      }
      await until(() => host.coordinator.fillsInProgress === 0, "all fills");
      await host.index.flush();
      sizes.push(host.indexBytes());
    }
    expect(worker.origin.calls.length).toBe(2_000);
    expect(host.index.totals.objects).toBe(5);
    expect(host.fileCount()).toBeLessThan(8);
    expect(sizes.at(-1)).toBeLessThanOrEqual((sizes[0] ?? 0) + 65_536);
  });
});

describe("reports to the index", () => {
  it("accesses are told at most once a minute and object", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "x");
    const second = Math.floor(host.clock.now() / 1000);
    for (const later of [0, 1, 59]) worker.cache.touch(object, second + later);
    host.clock.advanceSeconds(10);
    worker.cache.reportTouched();
    await until(() => host.row("/a")?.lastAccess === host.clock.now(), "the access");
    host.clock.advanceSeconds(20);
    worker.cache.touch(object, second + 59);
    worker.cache.reportTouched();
    await turns(5);
    expect(host.row("/a")?.lastAccess).toBe(host.clock.now() - 20_000);
    worker.cache.touch(object, second + 60);
    worker.cache.reportTouched();
    await until(() => host.row("/a")?.lastAccess === host.clock.now(), "the later access");
  });

  it("flags a purged object until it is restored (PRG-14)", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "kept");
    await host.purge("/a");
    expect(host.row("/a")?.flags).toBe(ROW_FLAG.PURGED);
    const obtaining = worker.obtain("/a");
    const call = await worker.origin.call(2);
    expect(call.request.fields).toEqual([]);
    call.fail("ORIGIN_CONNECT_FAILED");
    expect(await obtaining).toMatchObject({ kind: "object", object, result: "TCP_REF_FAIL_HIT" });
    expect(object.freshUntilMs).toBe(host.clock.now() + 3000);
    await until(() => host.row("/a")?.flags === ROW_FLAG.STRETCHED, "the restored row");
  });
});
