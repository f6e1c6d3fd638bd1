import { readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { damageFile, filesBelow, type TestEdge } from "../../src/index.ts";
import {
  fetchManyPages,
  fetchPages,
  pageBody,
  pagesOf,
  type SceneEdge,
  scenario,
  servePages,
  timesAsked,
} from "../../src/scenario/index.ts";

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";
const CONNECTIONS = 16;
const ONCE = { ownEdge: {} } as const;

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Resolves the moment the primary knows that many objects. */
const known = async (edge: TestEdge, count: number): Promise<void> => {
  for (const limit = Date.now() + 60_000; (await edge.status()).objects < count; ) {
    if (Date.now() > limit) throw new Error(`${(await edge.status()).objects} of ${count} objects are stored`);
  }
};

const staleLogOf = (edge: TestEdge): string => join(edge.home, "stale.log");

const staleLogBytes = (edge: TestEdge): Promise<number> =>
  stat(staleLogOf(edge)).then(
    ({ size }) => size,
    () => 0,
  );

const indexOf = (edge: TestEdge): string => join(edge.home, "data", "index.sqlite");

describe("SIGKILL of everything", () => {
  scenario("within the millisecond after 200 small objects were stored: all are hits", ONCE, async (scene) => {
    const { origin, edge } = scene;
    servePages(origin);
    for (const [round, bytes] of [900, 30_000].entries()) {
      const pages = pagesOf(bytes, 200, 1 + round * 1_000);
      await fetchManyPages(edge, pages, CONNECTIONS);
      await known(edge.cluster, 200 * (round + 1));
      await edge.cluster.crashAtOnce();
      await edge.cluster.start();
      expect((await edge.cluster.status()).objects).toBe(200 * (round + 1));
      await fetchManyPages(edge, pages, CONNECTIONS);
      expect(total(timesAsked(origin, pages))).toBe(200);
    }
  });

  scenario("before the primary has heard of 60 objects that lie in segments: all are hits", ONCE, async (scene) => {
    const { origin, edge } = scene;
    servePages(origin);
    const earlier = pagesOf(1_000, 40);
    await fetchManyPages(edge, earlier, 40);
    await known(edge.cluster, earlier.length);
    const pages = pagesOf(4_000, 60);
    const isAsked = (path: string): boolean => pages.includes(path);
    const gate = origin
      .on((request) => isAsked(request.path))
      .reply((request) => ({ status: 200, body: pageBody(request.path) }))
      .hold();
    const segmentBytes = async (): Promise<number> => {
      const paths = await filesBelow(edge.cluster.diskPaths[0] ?? "", ".seg");
      return total(await Promise.all(paths.map(async (path) => (await stat(path)).size)));
    };
    const before = await segmentBytes();
    const fetching = fetchManyPages(edge, pages, pages.length);
    await gate.arrived(pages.length);
    edge.cluster.signal((await edge.cluster.status()).primaryPid, "SIGSTOP");
    gate.release();
    await fetching;
    await expect.poll(async () => (await segmentBytes()) - before).toBeGreaterThan(4_000 * pages.length);
    await edge.cluster.crashAtOnce();
    await edge.cluster.start();
    const metrics = await edge.cluster.metrics();
    expect(metrics.sum("basalt_store_recovered_objects_total")).toBeGreaterThanOrEqual(pages.length);
    await fetchManyPages(edge, [...earlier, ...pages], CONNECTIONS);
    expect(origin.saw()).toBe(earlier.length + pages.length);
  });

  scenario("with the last of 200 answers: only what was on its way is fetched again", ONCE, async (scene) => {
    const { origin, edge } = scene;
    servePages(origin);
    const pages = pagesOf(4_000, 200);
    await fetchManyPages(edge, pages, CONNECTIONS);
    await edge.cluster.crashAtOnce();
    await edge.cluster.start();
    await fetchManyPages(edge, pages, CONNECTIONS);
    expect(total(timesAsked(origin, pages))).toBeLessThanOrEqual(200 + CONNECTIONS);
    await fetchManyPages(edge, pages, CONNECTIONS);
    expect(Math.max(...timesAsked(origin, pages))).toBeLessThanOrEqual(2);
  });

  scenario(
    "within the millisecond after bodies of 300 KB to 3 MB, those that can be told from later versions and others",
    ONCE,
    async ({ origin, edge }) => {
      const isDated = (path: string): boolean => pageBody(path).seed > 10;
      servePages(origin);
      origin
        .on(({ path }) => isDated(path))
        .reply(({ path }) => ({ status: 200, fields: { "Last-Modified": LAST_MODIFIED }, body: pageBody(path) }));
      const pages = [300_000, 600_000, 1_048_576, 1_500_000, 3_145_728].flatMap((bytes) => [
        ...pagesOf(bytes, 2),
        ...pagesOf(bytes, 2, 11),
      ]);
      await fetchManyPages(edge, pages, 4);
      await known(edge.cluster, pages.length);
      await edge.cluster.crashAtOnce();
      await edge.cluster.start();
      await fetchManyPages(edge, pages, 4);
      const whole = origin.seen().filter((request) => request.field("range") === undefined);
      expect(whole).toHaveLength(pages.length);
      await edge.cluster.restartEverything();
      const { length } = origin.requests;
      await fetchManyPages(edge, pages, 4);
      expect(origin.requests).toHaveLength(length);
    },
  );

  scenario("again and again, under load: every answer is whole and right", ONCE, async ({ origin, edge }) => {
    servePages(origin, { "Last-Modified": LAST_MODIFIED });
    const pages = [...pagesOf(1_500, 60), ...pagesOf(400_000, 10), ...pagesOf(2_000_000, 3)];
    for (let round = 0; round < 2; round++) {
      const load = fetchManyPages(edge, pages, 6).catch(() => undefined);
      await origin.sawAtLeast(() => true, 20 * (round + 1));
      await edge.cluster.crashAtOnce();
      await load;
      await edge.cluster.start();
    }
    await fetchManyPages(edge, pages, 6);
    const { length } = origin.requests;
    await edge.cluster.crash();
    await edge.cluster.start();
    await fetchManyPages(edge, pages, 6);
    expect(origin.requests.length - length).toBeLessThanOrEqual(6);
  });
});

describe("SyncStale", () => {
  /** What each target of a call hits; nothing hits `/kept`. */
  const TARGETS = {
    "/exact": ["/exact"],
    "/all/*": ["/all/", "/all/one", "/all/two/three"],
    "/some/*.jpg": ["/some/a.jpg", "/some/b/c.jpg"],
    "/directory/": ["/directory/"],
  } as const;
  const HIT = Object.values(TARGETS).flat();

  const VERBS = ["purge", "expire", "hardpurge"] as const;
  /** The paths below a folder of their own for each call. */
  const below = (verb: string, paths: readonly string[]): string[] => paths.map((path) => `/${verb}${path}`);

  const invalidate = async (edge: SceneEdge, verb: string): Promise<void> => {
    const counts: number[] = [];
    for (const target of below(verb, Object.keys(TARGETS))) counts.push(await edge.purge(target, verb));
    expect([verb, counts]).toEqual([verb, Object.values(TARGETS).map(({ length }) => length)]);
  };

  scenario(
    "REG-67, OPT-80, OPT-81, PRG-14, PRG-29: calls for a URL, patterns and a directory, then SIGKILL at once: still in force",
    ONCE,
    async ({ origin, edge }) => {
      origin.on(() => true).file("v1", { lastModified: LAST_MODIFIED });
      origin.on("/again/a").reply(200, {}, "v1").reply(200, {}, "v2").reply(200, {}, "v3");
      const kept = VERBS.flatMap((verb) => below(verb, ["/kept", "/some/a.png"]));
      const hit = VERBS.flatMap((verb) => below(verb, HIT));
      const others = ["/again/a", "/purged", "/hard"];
      for (const path of [...hit, ...kept, ...others]) await edge.get(path).expect(200, "v1");
      await known(edge.cluster, hit.length + kept.length + others.length);
      origin.requests.length = 0;

      // What is fetched after a purge is not purged again by the next start.
      expect(await edge.purge("/again/*")).toBe(1);
      await edge.get("/again/a").expect(200, "v2");
      await edge.stored("/again/a");
      for (const verb of VERBS) await invalidate(edge, verb);
      expect([await edge.purge("/purged"), await edge.purge("/hard", "hardpurge")]).toEqual([1, 1]);
      await edge.cluster.crashAtOnce();
      await edge.cluster.start();

      for (const path of kept) await edge.get(path).expect(200, "v1");
      await edge.get("/again/a").expect(200, "v2");
      expect(origin.seen().map(({ path }) => path)).toEqual(["/again/a"]);
      for (const verb of VERBS) {
        for (const path of below(verb, HIT)) await edge.get(path).expect(200, "v1");
        const conditions = below(verb, HIT).map((path) => origin.lastSeen(path).field("if-modified-since"));
        expect([verb, conditions]).toEqual([verb, HIT.map(() => (verb === "expire" ? LAST_MODIFIED : undefined))]);
      }

      // A purged object is restored when the origin is gone, a hardpurged one is not.
      await origin.refuse();
      await edge.get("/purged").expect(200, "v1");
      await edge.get("/hard").expect(500);
      await edge.get("/hard").expect(500);
    },
  );

  /** A call that a crash has kept from the index, as the log would hold it. */
  const loggedCall = (vhost: string): string => {
    const target = { kind: "url", url: "/a" };
    return `${JSON.stringify({ version: 1_000_000, vhost, target, action: { kind: "hardpurge" } })}\n`;
  };

  scenario(
    "OPT-81, OPT-82: the log is repeated at the start with SyncStale ON and ignored with OFF; damage in it is passed over",
    ONCE,
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v1");
      await edge.get("/a").expect(200, "v1");
      await edge.cluster.stop();
      await edge.cluster.configure({ serverXml: "<SyncStale>OFF</SyncStale>" });
      await writeFile(staleLogOf(edge.cluster), loggedCall(edge.host));
      await edge.cluster.start();
      await edge.get("/a").expect(200, "v1");
      expect(origin.saw("/a")).toBe(1);
      expect(await edge.purge("/none")).toBe(0);
      await edge.cluster.stop();
      await edge.cluster.configure({ serverXml: "<SyncStale>ON</SyncStale>" });
      const torn = `\u0000\u0001garbage\n{"version":\n${loggedCall(edge.host)}{"version":12,"vhost":"${edge.host}","targ`;
      await writeFile(staleLogOf(edge.cluster), torn);
      await edge.cluster.start();
      await edge.get("/a").expect(200, "v1");
      expect(origin.saw("/a")).toBe(2);
    },
  );

  scenario("OPT-83: the log is empty after a second of quiet and after a clean stop", ONCE, async (scene) => {
    const { origin, edge } = scene;
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await known(edge.cluster, 1);
    expect(await edge.purge("/a")).toBe(1);
    await expect.poll(() => staleLogBytes(edge.cluster), { interval: 20 }).toBe(0);
    for (let count = 0; count < 20; count++) await edge.purge(`/none/${count}/*`, "hardpurge");
    await edge.cluster.stop();
    expect(await staleLogBytes(edge.cluster)).toBe(0);
    await edge.cluster.start();
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
  });
});

describe("disks in the configuration", () => {
  scenario(
    "CFG-39: objects stay with their disk when the lines change places, and one that is taken away costs its own only",
    { ownEdge: { disks: 2 } },
    async ({ origin, edge }) => {
      servePages(origin, { "Last-Modified": LAST_MODIFIED });
      const pages = [...pagesOf(2_000, 30), ...pagesOf(400_000, 10), ...pagesOf(1_500_000, 6)];
      await fetchPages(edge, pages);
      for (const page of pages) await edge.stored(page);
      const [first = "", second = ""] = edge.cluster.diskPaths;
      const lost = new Set<string>();
      for (const page of pages) {
        const [record] = await edge.fileInfo(page);
        if (record?.["Disk-Index"] === 1) lost.add(page);
      }
      expect([...lost].length).toBeGreaterThan(4);
      expect([...lost].length).toBeLessThan(pages.length - 4);
      await edge.cluster.stop();
      await edge.cluster.configure({ disks: [{ path: second }, { path: first }] });
      await edge.cluster.start();
      await fetchPages(edge, pages);
      expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
      await edge.cluster.stop();
      await edge.cluster.configure({ disks: [{ path: first }] });
      await edge.cluster.start();
      await fetchPages(edge, pages);
      expect(timesAsked(origin, pages)).toEqual(pages.map((page) => (lost.has(page) ? 2 : 1)));
    },
  );
});

describe("damage", () => {
  scenario("an index that is garbage at the start: the service begins anew", ONCE, async ({ origin, edge }) => {
    servePages(origin);
    const pages = [...pagesOf(2_000, 20), ...pagesOf(400_000, 4)];
    await fetchPages(edge, pages);
    await known(edge.cluster, pages.length);
    await edge.cluster.stop();
    await writeFile(indexOf(edge.cluster), Buffer.alloc(100_000, 0x5a));
    for (const ending of ["-wal", "-shm"]) await rm(`${indexOf(edge.cluster)}${ending}`, { force: true });
    await edge.cluster.start();
    expect((await edge.cluster.status()).objects).toBe(0);
    expect(await edge.cluster.log()).toMatch(/The index cannot be used/);
    const names = await readdir(join(edge.cluster.home, "data"));
    expect(names.some((name) => name.startsWith("index.sqlite.damaged-"))).toBe(true);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
    await edge.cluster.restartEverything();
    await fetchPages(edge, pages);
    expect(total(timesAsked(origin, pages))).toBe(2 * pages.length);
  });

  scenario("garbage in the middle of the index, at a start and while it runs", ONCE, async ({ origin, edge }) => {
    servePages(origin);
    const pages = pagesOf(1_000, 600);
    await fetchManyPages(edge, pages, CONNECTIONS);
    await known(edge.cluster, pages.length);
    for (const isRunning of [true, false]) {
      await edge.cluster.stop();
      if (isRunning) await edge.cluster.start();
      const { size } = await stat(indexOf(edge.cluster));
      for (let position = 8_192; position + 4_096 < size; position += 3 * 4_096)
        await damageFile(indexOf(edge.cluster), position, 4_096);
      if (!isRunning) await edge.cluster.start();
      await fetchManyPages(edge, pages, CONNECTIONS);
      await fetchManyPages(edge, pages, CONNECTIONS);
      await edge.cluster.crash();
      await edge.cluster.start();
      await fetchManyPages(edge, pages, CONNECTIONS);
    }
  });

  for (const isRunning of [false, true]) {
    scenario(
      `truncated segments and removed body files ${isRunning ? "while it runs" : "at a start"}: every answer is right`,
      ONCE,
      async ({ origin, edge }) => {
        servePages(origin, { "Last-Modified": LAST_MODIFIED });
        const pages = [...pagesOf(3_000, 100), ...pagesOf(400_000, 8), ...pagesOf(2_000_000, 4)];
        await fetchManyPages(edge, pages, 4);
        await known(edge.cluster, pages.length);
        await edge.cluster.stop();
        if (isRunning) await edge.cluster.start();
        const [disk = ""] = edge.cluster.diskPaths;
        for (const path of await filesBelow(disk, ".seg"))
          await truncate(path, Math.floor((await stat(path)).size / 2));
        const bodies = await filesBelow(disk, ".body");
        for (const path of bodies.slice(0, bodies.length / 2)) await rm(path);
        for (const path of bodies.slice(-2)) await truncate(path, 100_000);
        if (!isRunning) await edge.cluster.start();
        await fetchManyPages(edge, pages, 4);
        const asked = total(timesAsked(origin, pages));
        expect(asked).toBeGreaterThan(pages.length + 6);
        expect(asked).toBeLessThan(2 * pages.length + 8);
        await fetchManyPages(edge, pages, 4);
        expect(total(timesAsked(origin, pages))).toBe(asked);
        await expect
          .poll(async () => {
            const metrics = await edge.cluster.metrics();
            return metrics.sum("basalt_store_damaged_total") + metrics.sum("basalt_store_missing_total") > 0;
          })
          .toBe(true);
        if (isRunning) return;
        await edge.cluster.restartEverything();
        await fetchManyPages(edge, pages, 4);
        expect(total(timesAsked(origin, pages))).toBe(asked);
      },
    );
  }

  scenario("the folder of the index is taken away between two starts", ONCE, async ({ origin, edge }) => {
    servePages(origin);
    const pages = pagesOf(2_000, 10);
    await fetchPages(edge, pages);
    await known(edge.cluster, pages.length);
    await edge.cluster.stop();
    await rename(join(edge.cluster.home, "data"), join(edge.cluster.home, "elsewhere"));
    await edge.cluster.start();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
  });
});
