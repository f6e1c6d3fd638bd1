import { ROW_FLAG } from "@basalt/store";
import { describe, expect, it } from "vitest";
import { hasTag } from "../src/invalidations.ts";
import { TestHost, VHOST } from "./support/host.ts";
import { bodyOf } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const PURGE = { kind: "purge" } as const;
const EXPIRE = { kind: "expire" } as const;
const HARDPURGE = { kind: "hardpurge" } as const;
const byTag = (...tags: string[]) => ({ kind: "tag", tags }) as const;
const pattern = (text: string) => ({ kind: "pattern", pattern: text }) as const;

/** The rows show it too. */
const swept = async (host: TestHost): Promise<void> => {
  await host.coordinator.finishSweeps();
  await host.index.flush();
};

describe("tags", () => {
  it("are whole words, and case counts", () => {
    expect(["a", "b-1", "c"].map((tag) => hasTag("a b-1 c", tag))).toEqual([true, true, true]);
    const none = ["A", "b", "-1", "ab", "a b", "b-11"];
    expect(none.filter((tag) => hasTag("a ab-1 b-1 c", tag))).toEqual([]);
  });

  it("reach what every worker has in memory, at once, and count it once with its size", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    await first.fill("/a", "aaa", ["Surrogate-Key", "x y"]);
    await first.fill("/b", "bb", ["Cache-Tag", "y,z"]);
    await first.fill("/c", "c", ["Cache-Tag", "Y"]);
    await second.obtain("/a");
    expect(await host.coordinator.invalidate(VHOST, byTag("y", "x"), PURGE)).toEqual({ count: 2, bytes: 5 });
    expect([first.find("/a")?.purged, second.find("/a")?.purged, first.find("/b")?.purged]).toEqual([true, true, true]);
    expect(first.find("/c")?.purged).toBe(false);
    expect(await host.coordinator.invalidate(VHOST, byTag("y"), PURGE)).toEqual({ count: 0, bytes: 0 });
  });

  it("reach what is only on disk, before and after the rows show it", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    await host.worker(1).fill("/a", "old", ["Surrogate-Key", "x"]);
    await host.worker(1).fill("/b", "old", ["Surrogate-Key", "x"]);
    await host.index.flush();
    await host.coordinator.invalidate(VHOST, byTag("x"), PURGE);
    void second.obtain("/a");
    await second.origin.call();
    await swept(host);
    expect(host.row("/b")?.flags).toBe(ROW_FLAG.PURGED | ROW_FLAG.TAGGED);
    void second.obtain("/b");
    await second.origin.call(2);
  });

  it("expire and hardpurge by tag do what they do by URL", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "x", ["Surrogate-Key", "soft"]);
    await worker.fill("/b", "x", ["Surrogate-Key", "hard"]);
    await host.coordinator.invalidate(VHOST, byTag("soft"), EXPIRE);
    expect(worker.find("/a")).toMatchObject({ freshUntilMs: 0, purged: false });
    expect((await host.coordinator.invalidate(VHOST, byTag("hard"), HARDPURGE)).count).toBe(1);
    expect(worker.find("/b")).toBeUndefined();
    await swept(host);
    expect([host.row("/b"), host.row("/a")?.flags]).toEqual([undefined, ROW_FLAG.EXPIRED_BY_FORCE | ROW_FLAG.TAGGED]);
  });

  it("are those of the latest response: a new body and a 304 replace them", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "1", ["Surrogate-Key", "old", "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    host.clock.advanceSeconds(1801);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304, ["Surrogate-Key", "new"]).complete();
    await renewing;
    await until(() => host.index.tagsOf(host.row("/a")?.key ?? Buffer.alloc(16)) === "new", "the new tags");
    expect((await host.coordinator.invalidate(VHOST, byTag("old"), PURGE)).count).toBe(0);
    expect(worker.find("/a")?.purged).toBe(false);
    expect((await host.coordinator.invalidate(VHOST, byTag("new"), PURGE)).count).toBe(1);
    await worker.fill("/a", "2");
    await host.index.flush();
    expect((await host.coordinator.invalidate(VHOST, byTag("new"), PURGE)).count).toBe(0);
  });

  it("what arrives with a tag that was invalidated after its fetch began is stored as purged", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const before = worker.obtain("/a");
    const call = await worker.origin.call();
    await host.coordinator.invalidate(VHOST, byTag("x"), PURGE);
    call.reply(200, "old", ["Surrogate-Key", "x"]);
    expect(String(await bodyOf(worker, await before))).toBe("old");
    await until(() => host.row("/a") !== undefined, "the row");
    expect(host.row("/a")?.flags).toBe(ROW_FLAG.PURGED | ROW_FLAG.TAGGED);
    expect(worker.find("/a")?.isFresh(host.clock.now()) ?? false).toBe(false);
  });

  it.each([
    ["after its head came", true],
    ["before its head came", false],
  ])("whoever comes after the call does not get a body that was being fetched, %s", async (_, isEarly) => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const before = first.obtain("/a");
    const old = await first.origin.call();
    const fields = ["Content-Length", "3", "Surrogate-Key", "x"];
    if (isEarly) {
      old.head(200, fields);
      old.data("ol");
      await before;
    }
    await host.coordinator.invalidate(VHOST, byTag("x"), PURGE);
    const here = first.obtain("/a");
    const there = second.obtain("/a");
    await turns(50);
    if (!isEarly) {
      old.head(200, fields);
      old.data("ol");
    }
    await until(() => first.origin.calls.length + second.origin.calls.length > 1, "a second request");
    const fresh = first.origin.calls[1] ?? (await second.origin.call());
    fresh.reply(200, "new", ["Surrogate-Key", "x"]);
    old.data("d");
    old.complete();
    expect(String(await bodyOf(first, await before))).toBe("old");
    expect(String(await bodyOf(first, await here))).toBe("new");
    expect(String(await bodyOf(second, await there))).toBe("new");
  });

  it("whoever comes after the call to another worker does not get what arrived whole", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const before = first.obtain("/a");
    const old = await first.origin.call();
    await host.coordinator.invalidate(VHOST, byTag("x"), PURGE);
    const there = second.obtain("/a");
    await turns(50);
    old.reply(200, "old", ["Surrogate-Key", "x"]);
    expect(String(await bodyOf(first, await before))).toBe("old");
    (await second.origin.call()).reply(200, "new", ["Surrogate-Key", "x"]);
    expect(String(await bodyOf(second, await there))).toBe("new");
  });

  it("a fetch without that tag is joined as ever", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const before = first.obtain("/a");
    const call = await first.origin.call();
    await host.coordinator.invalidate(VHOST, byTag("x"), PURGE);
    const here = first.obtain("/a");
    const there = second.obtain("/a");
    await turns(50);
    call.reply(200, "one", ["Surrogate-Key", "y"]);
    for (const [worker, obtaining] of [
      [first, before],
      [first, here],
      [second, there],
    ] as const) {
      expect(String(await bodyOf(worker, await obtaining))).toBe("one");
    }
    expect(first.origin.calls.length + second.origin.calls.length).toBe(1);
  });

  it("of a response that is for one request alone are none of the store's business", async () => {
    const host = new TestHost({ vhost: "<Options><CachingProfile>rfc9111</CachingProfile></Options>" });
    const worker = host.worker(1);
    const obtaining = worker.obtain("/a");
    (await worker.origin.call()).reply(200, "own", ["Cache-Control", "private", "Surrogate-Key", "x"]);
    await obtaining;
    expect((await host.coordinator.invalidate(VHOST, byTag("x"), PURGE)).count).toBe(0);
  });

  it("only fields that the host names count", async () => {
    const host = new TestHost({ vhost: "<Options><TagHeader>X-Tags</TagHeader></Options>" });
    await host.worker(1).fill("/a", "1", ["Surrogate-Key", "x"]);
    await host.worker(1).fill("/b", "1", ["X-Tags", "x"]);
    expect((await host.coordinator.invalidate(VHOST, byTag("x"), PURGE)).count).toBe(1);
    expect([host.worker(1).find("/a")?.purged, host.worker(1).find("/b")?.purged]).toEqual([false, true]);
  });
});

describe("rows that follow behind", () => {
  it("PRG-15, PRG-30: are seen as they will be, by whoever asks, and count once", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    for (const path of ["/img/a", "/img/b", "/css/c"]) await worker.fill(path, "12345", ["Surrogate-Key", "all"]);
    const { coordinator } = host;
    const calls = [
      coordinator.invalidate(VHOST, pattern("/img/*"), PURGE),
      coordinator.invalidate(VHOST, pattern("/*"), PURGE),
      coordinator.invalidate(VHOST, byTag("all"), PURGE),
      coordinator.invalidate(VHOST, { kind: "url", url: "/css/c" }, PURGE),
      coordinator.invalidate(VHOST, byTag("all"), HARDPURGE),
      coordinator.invalidate(VHOST, pattern("/*"), EXPIRE),
    ];
    expect((await Promise.all(calls)).map(({ count }) => count)).toEqual([2, 1, 0, 0, 3, 0]);
    expect(coordinator.variantsOf(VHOST, "/img/a")).toEqual([]);
    await swept(host);
    expect(host.row("/img/a")).toBeUndefined();
  });

  it("are held against what a worker reads from the index meanwhile, in one that starts now too", async () => {
    const host = new TestHost({ workers: 2 });
    const second = host.worker(2);
    await host.worker(1).fill("/a", "old");
    await host.index.flush();
    host.coordinator.removeWorker(2);
    const journaled = host.coordinator.invalidate(VHOST, pattern("/*"), PURGE);
    host.coordinator.addWorker(2, second.toWorker);
    await journaled;
    void second.obtain("/a");
    await second.origin.call();
  });

  it("OPT-81 repeated at a start they are in force before the rows show them", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "old", ["Surrogate-Key", "x"]);
    await host.worker(1).fill("/b", "old");
    const version = host.coordinator.newestVersion + 5;
    await host.coordinator.replay([
      { version, vhost: VHOST, target: byTag("x"), action: HARDPURGE },
      { version: version + 1, vhost: VHOST, target: { kind: "url", url: "/b" }, action: PURGE },
    ]);
    expect(host.coordinator.variantsOf(VHOST, "/a")).toEqual([]);
    expect(host.row("/b")?.flags).toBe(ROW_FLAG.PURGED);
    expect(host.coordinator.newestVersion).toBe(version + 1);
    await swept(host);
    expect(host.row("/a")).toBeUndefined();
  });
});

describe("a dry run", () => {
  it("tells what each target would affect behind those before it, and changes nothing", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "aaa", ["Surrogate-Key", "x"]);
    await worker.fill("/b", "bb", ["Surrogate-Key", "x"]);
    await worker.fill("/c", "c");
    const ask = (...targets: Parameters<TestHost["coordinator"]["invalidate"]>[1][]) =>
      targets.map((target) => ({ vhost: VHOST, target, action: PURGE }));
    const wanted = ask({ kind: "url", url: "/a" }, byTag("x"), pattern("/*"), { kind: "collective", url: "/c" });
    const told = await host.coordinator.measure(wanted);
    expect(told).toEqual([
      { count: 1, bytes: 3 },
      { count: 1, bytes: 2 },
      { count: 1, bytes: 1 },
      { count: 0, bytes: 0 },
    ]);
    expect(["/a", "/b", "/c"].map((path) => worker.find(path)?.purged)).toEqual([false, false, false]);
    expect(await host.coordinator.invalidateAll(wanted)).toEqual(told);
    expect(await host.coordinator.measure(wanted)).toEqual(told.map(() => ({ count: 0, bytes: 0 })));
  });
});
