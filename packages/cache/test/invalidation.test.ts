import { ROW_FLAG } from "@basalt/store";
import { EdgeError, epochMs } from "@basalt/types";
import { describe, expect, it, vi } from "vitest";
import { withState } from "../src/hostInvalidations.ts";
import type { Invalidation } from "../src/index.ts";
import { TestHost, VHOST } from "./support/host.ts";
import { bodyOf, patternBytes } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const url = (text: string) => ({ kind: "url", url: text }) as const;
const pattern = (text: string) => ({ kind: "pattern", pattern: text }) as const;
const PURGE = { kind: "purge" } as const;
const EXPIRE = { kind: "expire" } as const;
const HARDPURGE = { kind: "hardpurge" } as const;

const plainRow = {
  key: Buffer.alloc(16),
  vhost: VHOST,
  url: "/a",
  version: 1,
  freshUntil: epochMs(0),
  ttl: 1,
  updatedAt: epochMs(0),
  lastAccess: epochMs(0),
  missingBytes: 0,
  location: { disk: 1, segment: 1, offset: 0, headBytes: 1, bodyBytes: 1, file: 0 },
};

describe("what is stored", () => {
  it("PRG-13: the next access downloads anew, without a condition, in every worker", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    await first.fill("/a", "old", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    await second.obtain("/a");
    expect(await host.purge("/a")).toEqual({ count: 1, bytes: 3 });
    expect([first.find("/a")?.purged, second.find("/a")?.purged]).toEqual([true, true]);
    const obtaining = second.obtain("/a");
    const call = await second.origin.call();
    expect(call.request.fields).toEqual([]);
    call.reply(200, "new");
    expect(String(await bodyOf(second, await obtaining))).toBe("new");
    const again = first.obtain("/a");
    expect(String(await bodyOf(first, await again))).toBe("new");
    expect(first.origin.calls).toHaveLength(1);
  });

  it("PRG-15: what is purged already is not purged again and does not count", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "x");
    expect(await host.purge("/a")).toEqual({ count: 1, bytes: 1 });
    expect(await host.purge("/a")).toEqual({ count: 0, bytes: 0 });
    expect(await host.purge("/never-stored")).toEqual({ count: 0, bytes: 0 });
  });

  it("PRG-05, PRG-06: a pattern hits what it matches, a directory URL only itself", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    for (const path of ["/img/", "/img/a.jpg", "/img/b.png", "/css/a.css"]) await worker.fill(path, path);
    expect((await host.purge("/img/")).count).toBe(1);
    expect(worker.find("/img/a.jpg")?.purged).toBe(false);
    expect((await host.coordinator.invalidate(VHOST, pattern("/img/*.jpg"), PURGE)).count).toBe(1);
    expect((await host.coordinator.invalidate(VHOST, pattern("/img/*"), PURGE)).count).toBe(1);
    expect((await host.coordinator.invalidate(VHOST, pattern("/*"), PURGE)).count).toBe(1);
    for (const path of ["/img/", "/img/a.jpg", "/img/b.png", "/css/a.css"])
      expect(worker.find(path)?.purged).toBe(true);
  });

  it("KEY-07: a collective target hits every query string of the URL and nothing beside it", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    for (const path of ["/a", "/a?", "/a?x=1", "/a?x=2&y", "/ab", "/a/b?x=1"]) await worker.fill(path, "x");
    const { count } = await host.coordinator.invalidate(VHOST, { kind: "collective", url: "/a" }, PURGE);
    expect(count).toBe(4);
    expect([worker.find("/ab")?.purged, worker.find("/a/b?x=1")?.purged]).toEqual([false, false]);
  });

  it("REG-63: calls for single URLs never look at the other objects, however many query strings there are", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    worker.origin.answer = (call) => call.reply(200, "x");
    const urls = Array.from({ length: 600 }, (_, number) => `/a?x=${number}`);
    for (const each of ["/a", ...urls]) await worker.obtain(each);
    await until(() => host.index.totals.objects === urls.length + 1, "all objects");
    const walks = [vi.spyOn(host.index, "tally"), vi.spyOn(host.index, "tallyByHost"), vi.spyOn(host.index, "scan")];
    const looked = vi.spyOn(host.index, "findVariants");
    for (const action of [EXPIRE, PURGE, HARDPURGE]) {
      for (const target of [url("/a"), url("/a?x=7"), url("/a?x=none")]) {
        looked.mockClear();
        const { count } = await host.coordinator.invalidate(VHOST, target, action);
        expect([action.kind, target.url, count]).toEqual([action.kind, target.url, target.url === "/a?x=none" ? 0 : 1]);
        expect(looked.mock.calls.every(([, asked]) => asked === target.url)).toBe(true);
      }
    }
    for (const walk of walks) expect(walk).not.toHaveBeenCalled();
  });

  it("PRG-11: a target hits every variant of its URL", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "plain");
    const obtaining = worker.obtain("/a", { variant: 1 });
    (await worker.origin.call(2)).reply(200, "encoded");
    await obtaining;
    await until(() => host.index.findVariants(VHOST, "/a").length === 2);
    expect((await host.purge("/a")).count).toBe(2);
    expect([worker.find("/a", 0)?.purged, worker.find("/a", 1)?.purged]).toEqual([true, true]);
  });

  it("PRG-14, OPT-47: the purged object is restored for 3 s when the origin fails, also by a worker that did not hold it", async () => {
    const host = new TestHost({ workers: 2 });
    await host.worker(1).fill("/a", "kept");
    await host.purge("/a");
    await host.index.flush();
    const second = host.worker(2);
    const obtaining = second.obtain("/a");
    (await second.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_REF_FAIL_HIT" });
    expect(String(await bodyOf(second, obtained))).toBe("kept");
    await until(() => host.row("/a")?.flags === ROW_FLAG.STRETCHED, "the restored row");
    expect(Number(host.row("/a")?.freshUntil)).toBe(host.clock.now() + 3000);
  });

  it("PRG-19: expire ends the lifetime and the next access asks with a condition", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "x", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    await host.coordinator.invalidate(VHOST, url("/a"), EXPIRE);
    expect(worker.find("/a")).toMatchObject({ freshUntilMs: 0, purged: false });
    expect(host.row("/a")?.flags).toBe(ROW_FLAG.EXPIRED_BY_FORCE);
    const obtaining = worker.obtain("/a");
    const call = await worker.origin.call(2);
    expect(call.request.fields).toContain("If-Modified-Since");
    call.head(304).complete();
    expect(await obtaining).toMatchObject({ object, result: "TCP_REFRESH_HIT" });
    await until(() => host.row("/a")?.flags === 0);
  });

  it("PRG-20, PRG-21: expireafter sets the end of what is stored now and of nothing later", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "x");
    const untilMs = host.clock.now() + 60_000;
    await host.coordinator.invalidate(VHOST, pattern("/*"), { kind: "expireafter", untilMs });
    expect(worker.find("/a")).toMatchObject({ freshUntilMs: untilMs, ttlSeconds: object.ttlSeconds });
    expect((await worker.fill("/b", "x")).freshUntilMs).toBe(host.clock.now() + 1_800_000);
  });

  it("PRG-23: hardpurge deletes for good: a failing origin brings nothing back", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "x");
    expect((await host.coordinator.invalidate(VHOST, url("/a"), HARDPURGE)).count).toBe(1);
    expect(worker.find("/a")).toBeUndefined();
    expect(host.row("/a")).toBeUndefined();
    const obtaining = worker.obtain("/a");
    (await worker.origin.call(2)).fail("ORIGIN_CONNECT_FAILED");
    expect(await obtaining).toMatchObject({ kind: "failed" });
  });

  it("a worker that died does not hold up the call", async () => {
    const host = new TestHost({ workers: 2 });
    await host.worker(1).fill("/a", "x");
    host.worker(2).toWorker.close();
    expect((await host.purge("/a")).count).toBe(1);
  });

  it("lists are empty again when the index is on disk and nothing can be reading an older row", async () => {
    const held = vi.spyOn(globalThis, "setTimeout");
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "x");
    for (let round = 0; round < 20; round++) {
      await host.purge(`/${round}`);
      await host.coordinator.invalidate(VHOST, pattern(`/${round}*`), EXPIRE);
    }
    await host.coordinator.finishSweeps();
    await host.settled();
    const timers = () => held.mock.calls.filter(([, delayMs]) => delayMs === 30_000);
    for (let fired = 0; fired < timers().length; fired++) timers()[fired]?.[0]();
    held.mockRestore();
    expect(worker.vhost.invalidations.size).toBe(0);
    expect(worker.find("/a")?.purged).toBe(false);
  });
});

describe("what is being fetched", () => {
  it("REG-25, TTL-34: a purge before the first answer leaves the waiting client with its answer", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const waiting = worker.obtain("/a");
    const call = await worker.origin.call();
    await host.purge("/a");
    call.reply(200, "x");
    expect(String(await bodyOf(worker, await waiting))).toBe("x");
  });

  it("TTL-34: whoever comes after the purge does not join the fetch that began before it", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const before = first.obtain("/a");
    const old = (await first.origin.call()).head(200, ["Content-Length", "3"]);
    old.data("ol");
    const reading = bodyOf(first, await before);
    await host.purge("/a");
    const here = first.obtain("/a");
    const there = second.obtain("/a");
    await until(() => first.origin.calls.length + second.origin.calls.length > 1, "a second request");
    const fresh = first.origin.calls[1] ?? (await second.origin.call());
    fresh.reply(200, "new");
    old.data("d");
    old.complete();
    expect(String(await reading)).toBe("old");
    expect(String(await bodyOf(first, await here))).toBe("new");
    expect(String(await bodyOf(second, await there))).toBe("new");
  });

  it("PRG-15: what arrives after the purge that it began before is stored as purged", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const call = await worker.origin.call();
    await host.purge("/a");
    call.reply(200, "old");
    await before;
    await until(() => host.row("/a") !== undefined, "the row");
    expect(host.row("/a")?.flags).toBe(ROW_FLAG.PURGED);
    expect(worker.find("/a")?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("a fetch that began before the purge is not served after it: the purge is not settled before the fetch ends", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200, ["Content-Length", "3"]);
    call.data("ol");
    await before;
    await host.purge("/a");
    await host.index.flush();
    expect(worker.settledVersions).toEqual([]);
    call.data("d");
    call.complete();
    await until(() => host.row("/a") !== undefined, "the row");
    expect(worker.find("/a")?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("an older fetch that ends late does not replace what was fetched after the purge", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const old = (await worker.origin.call()).head(200, ["Content-Length", "3"]);
    old.data("ol");
    await before;
    await host.purge("/a");
    await worker.fill("/a", "new");
    old.data("d");
    old.complete();
    await until(() => host.coordinator.fillsInProgress === 0, "both fills");
    await turns(10);
    expect(String(worker.find("/a")?.body)).toBe("new");
    expect(host.row("/a")).toMatchObject({ flags: 0, version: worker.find("/a")?.version });
  });

  it("PRG-23: a hardpurge during a fetch deletes only what is older than it", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const old = (await worker.origin.call()).head(200, ["Content-Length", "3"]);
    old.data("ol");
    await before;
    await host.coordinator.invalidate(VHOST, url("/a"), HARDPURGE);
    await worker.fill("/a", "new");
    old.data("d");
    old.complete();
    await until(() => host.coordinator.fillsInProgress === 0, "both fills");
    await turns(10);
    expect(host.row("/a")).toMatchObject({ location: { bodyBytes: 3 }, flags: 0 });
  });

  it.each([
    ["purge", PURGE],
    ["expire", EXPIRE],
    ["hardpurge", HARDPURGE],
  ])("PRG-23 REG-62: %s during a renewal is not undone by the 304 that it did not wait for", async (_, action) => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "old", ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    host.clock.advanceSeconds(1801);
    const renewing = worker.obtain("/a");
    const call = await worker.origin.call(2);
    await host.coordinator.invalidate(VHOST, url("/a"), action);
    call.head(304).complete();
    await renewing;
    await turns(20);
    expect(worker.find("/a")?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("an object read from disk while it is purged is not served after, however long the disk took", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    await first.fill("/a", "old");
    await host.index.flush();
    let release = (): void => {};
    second.bodies.beforeLoad = new Promise((resolve) => {
      release = resolve;
    });
    const loading = second.obtain("/a");
    await until(() => second.bodies.loads === 1);
    await host.purge("/a");
    await host.settled();
    release();
    await second.origin.call();
    void loading;
    expect(second.find("/a")?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it("PRG-13: where its rows cannot be changed the call fails, they follow behind, and nothing is remembered for ever", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "old");
    vi.spyOn(host.index, "update").mockImplementationOnce(() => {
      throw new EdgeError("STORE_UNAVAILABLE");
    });
    await expect(host.purge("/a")).rejects.toThrow();
    expect((await host.purge("/b")).count).toBe(0);
    await host.coordinator.finishSweeps();
    expect(host.row("/a")?.flags).toBe(ROW_FLAG.PURGED);
    expect(host.coordinator.appliedVersion).toBe(host.coordinator.newestVersion);
  });

  it("AWS-53 versions of a pattern are outstanding until its sweep has passed, those of a URL until the call returned", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "old");
    const { coordinator } = host;
    const first = coordinator.newestVersion + 1;
    const action = { kind: "purge" } as const;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const scan = host.index.scan.bind(host.index);
    vi.spyOn(host.index, "scan").mockImplementation(async (...asked) => {
      await gate;
      return await scan(...asked);
    });
    const calling = coordinator.invalidateAll([
      { vhost: VHOST, target: url("/a"), action },
      { vhost: VHOST, target: { kind: "pattern", pattern: "/b/*" }, action },
    ]);
    expect(coordinator.newestVersion).toBe(first + 1);
    expect(coordinator.areOutstanding(first, first)).toBe(true);
    await calling;
    expect([coordinator.areOutstanding(first, first), coordinator.areOutstanding(first, first + 1)]).toEqual([
      false,
      true,
    ]);
    open();
    await coordinator.finishSweeps();
    expect(coordinator.areOutstanding(first, first + 1)).toBe(false);
    expect(coordinator.areOutstanding(first + 2, first + 1)).toBe(false);
  });

  it("a row keeps what it says of its confirmation when it is invalidated", () => {
    const { STRETCHED, TAGGED, DERIVED, EXPIRED_BY_FORCE } = ROW_FLAG;
    const row = { ...plainRow, flags: STRETCHED | TAGGED | DERIVED | EXPIRED_BY_FORCE };
    const state = { freshUntilMs: 0, purged: true, expiredByForce: false };
    expect(withState(row, state).flags).toBe(STRETCHED | TAGGED | DERIVED | ROW_FLAG.PURGED);
  });

  it("PRG-29: what a worker was storing when it died may be found at the next start: purges of it stay in the log", async () => {
    const journaled: Invalidation[] = [];
    const journal = { append: (invalidation: Invalidation) => Promise.resolve(void journaled.push(invalidation)) };
    const host = new TestHost({ workers: 2, journal });
    const worker = host.worker(1);
    void worker.obtain("/a").catch(() => undefined);
    await worker.origin.call();
    worker.die(host);
    await host.purge("/a");
    await host.purge("/b");
    expect(journaled.map(({ target }) => target)).toEqual([url("/a")]);
    await turns(50);
    expect(host.coordinator.settledVersion).toBeLessThan(journaled[0]?.version ?? 0);
    // A stop in order within that time keeps them too.
    await until(() => host.coordinator.appliedVersion === host.coordinator.newestVersion, "applied");
    expect(host.coordinator.forgettableVersion).toBeLessThan(journaled[0]?.version ?? 0);
    host.clock.advanceSeconds(601);
    await host.purge("/b");
    await until(() => host.coordinator.settledVersion === host.coordinator.newestVersion, "settled");
    expect(host.coordinator.forgettableVersion).toBe(host.coordinator.newestVersion);
  });

  it("PRG-23: an object that is hardpurged while it is taken into memory stays deleted", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", patternBytes(300_000));
    let release = (): void => {};
    worker.bodies.beforeOpen = new Promise((resolve) => {
      release = resolve;
    });
    const promoting = worker.cache.stored.promote(worker.vhost, 0, object);
    await host.coordinator.invalidate(VHOST, url("/a"), HARDPURGE);
    release();
    await promoting;
    expect(worker.find("/a")).toBeUndefined();
  });

  it("REG-62, PRG-23: a long body that is hardpurged while it comes leaves no file on the disk", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const call = (await worker.origin.call()).head(200, ["Content-Length", "400000"]);
    await before;
    call.data(Buffer.alloc(300_000));
    await host.coordinator.invalidate(VHOST, url("/a"), HARDPURGE);
    call.data(Buffer.alloc(100_000));
    call.complete();
    await until(() => host.coordinator.fillsInProgress === 0, "the fill");
    expect(host.row("/a")).toBeUndefined();
    expect(host.bodyFileCount() - host.index.takeReleasedFiles().length).toBe(0);
  });
});
