import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { readdir, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchAll, filesBelow, type TestEdge } from "../../src/index.ts";
import {
  fetchManyPages,
  fetchPage,
  fetchPages,
  PageLoad,
  pageBody,
  pagesOf,
  type SceneEdge,
  scenario,
  servePages,
  timesAsked,
} from "../../src/scenario/index.ts";

const MIB = 1024 * 1024;
const DAY_SECONDS = 86_400;
/** Long enough for a file of their own. */
const LONG = 600_000;
const SHORT = 2_000;
/** The least that the plan gives (16 MiB for contents, a quota of half of that) on hosts of up to some 500 GB. */
const LEAST_MEMORY = "<SystemMemoryRatio>1</SystemMemoryRatio><ContentMemoryRatio>1</ContentMemoryRatio>";
const YEAR_LONG = { "Cache-Control": "max-age=31536000" };

const isStored = async (edge: SceneEdge, path: string): Promise<boolean> => (await edge.fileInfo(path)).length > 0;

const whichAreStored = async (edge: SceneEdge, paths: readonly string[]): Promise<string[]> => {
  const found: string[] = [];
  for (const path of paths) if (await isStored(edge, path)) found.push(path);
  return found;
};

const storePages = async (edge: SceneEdge, paths: readonly string[]): Promise<void> => {
  await fetchPages(edge, paths);
  for (const path of paths) await edge.stored(path);
};

const diskOf = (edge: TestEdge): string => {
  const [path] = edge.diskPaths;
  if (path === undefined) throw new Error("no disk");
  return path;
};

const usedBytes = async (edge: TestEdge): Promise<number> => (await edge.status()).disks[0]?.usedBytes ?? 0;

/** Seconds since the last access that the index knows of. */
const lastAccessAge = async (edge: SceneEdge, path: string): Promise<number> => {
  const record = (await edge.fileInfo(path))[0];
  return -Number(/, (-?\d+) \]$/.exec(String(record?.LastAccess))?.[1]);
};

const cleanup = async (edge: TestEdge, query = ""): Promise<Readonly<Record<string, number>>> => {
  const { httpStatus, status, result } = await edge.apiJson(`/command/cleanup${query}`);
  expect([httpStatus, status]).toEqual([200, "OK"]);
  const figures: Record<string, number> = {};
  for (const name of ["Count", "Size", "Segments", "Folders"]) {
    figures[name] = Number(typeof result === "object" && result !== null ? Reflect.get(result, name) : Number.NaN);
  }
  return figures;
};

scenario(
  "OPT-05, CFG-39, CFG-40: without a disk contents lie in memory, never above the quota of the plan; what is used stays",
  { ownEdge: { disks: "memory", serverXml: LEAST_MEMORY } },
  async ({ origin, edge, clock }) => {
    servePages(origin, YEAR_LONG);
    const { cluster } = edge;
    const [memory] = (await cluster.status()).disks;
    expect(memory).toMatchObject({ path: `${cluster.home}/memory`, state: "Normal", quotaBytes: 8 * MIB });
    const early = pagesOf(100_000, 24);
    await storePages(edge, early);
    await clock.advance(300);
    const used = early.filter((_, index) => index % 4 === 0);
    await fetchPages(edge, used);
    for (const path of used) await expect.poll(() => lastAccessAge(edge, path)).toBeLessThan(200);
    const unused = early.filter((path) => !used.includes(path));
    let highest = 0;
    for (let seed = 101; (await whichAreStored(edge, unused)).length > 0; seed++) {
      expect(seed).toBeLessThan(250);
      await fetchPages(edge, pagesOf(100_000, 4, seed * 10));
      highest = Math.max(highest, await usedBytes(cluster));
    }
    expect((await whichAreStored(edge, used)).length).toBeGreaterThan(used.length / 2);
    await fetchPages(edge, pagesOf(100_000, 60, 5_000));
    highest = Math.max(highest, await usedBytes(cluster));
    expect(highest).toBeGreaterThan(3 * MIB);
    expect(highest).toBeLessThanOrEqual(8 * MIB);
    await fetchPages(edge, early);
  },
);

scenario(
  "REG-311, OPT-05, OPT-08: in memory bodies longer than all of it pass through, and no cleanup runs at its time",
  {
    ownEdge: { disks: "memory", serverXml: `${LEAST_MEMORY}<Cleanup><Time>02:00</Time><Age>1</Age></Cleanup>` },
  },
  async ({ origin, edge, clock }) => {
    servePages(origin, YEAR_LONG);
    const { cluster } = edge;
    await fetchPages(edge, ["/20000000/1", "/20000000/1"]);
    expect(await usedBytes(cluster)).toBeLessThanOrEqual(8 * MIB);
    const pages = pagesOf(SHORT, 5, 10);
    await storePages(edge, pages);
    await clock.advance(3 * DAY_SECONDS);
    await pause(1_500);
    expect(await whichAreStored(edge, pages)).toEqual(pages);
    expect(await cluster.log()).not.toContain("cleanup");
    await cluster.restart();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
  },
);

scenario(
  "CFG-39, CFG-40: a disk with a quota is never above it; the least recently used goes, what is used stays",
  { ownEdge: { disks: [{ quotaGigabytes: 1 }] } },
  async ({ origin, edge, clock }) => {
    servePages(origin, YEAR_LONG);
    const { cluster } = edge;
    const early = pagesOf(30_000_000, 4);
    await storePages(edge, early);
    await clock.advance(300);
    const [used = "/", ...unused] = early;
    await fetchPage(edge, used);
    await expect.poll(() => lastAccessAge(edge, used)).toBeLessThan(200);
    await clock.advance(300);
    let highest = 0;
    for (let seed = 11; seed <= 43; seed++) {
      const [outcome] = await fetchAll(edge.port, 1, { path: `/30000000/${seed}`, host: edge.host });
      expect(outcome).toMatchObject({ status: 200, bytes: 30_000_000 });
      highest = Math.max(highest, await usedBytes(cluster));
    }
    expect(highest).toBeGreaterThan(900 * MIB);
    expect(highest).toBeLessThanOrEqual(1024 * MIB);
    expect(await whichAreStored(edge, unused)).toEqual([]);
    expect(await isStored(edge, used)).toBe(true);
    expect((await cluster.metrics()).sum("basalt_disk_quota_bytes", { disk: diskOf(cluster) })).toBe(1024 * MIB);
  },
);

const FULL_DISK = "REG-313, CFG-39: a small file system never fills up, and bodies longer than it pass through";
const smallDisk = join(tmpdir(), `basalt-small-disk-${process.pid}`);
const mountSmallDisk = (): boolean => {
  mkdirSync(smallDisk, { recursive: true });
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", smallDisk]).status === 0;
};
const unmountSmallDisk = (): void => {
  spawnSync("umount", ["-l", smallDisk]);
  rmSync(smallDisk, { recursive: true, force: true });
};
const mayMount = mountSmallDisk();
unmountSmallDisk();
beforeAll(() => {
  if (mayMount) mountSmallDisk();
});
// Another attempt begins with an empty one.
afterEach(({ task }) => {
  if (!mayMount || !task.name.startsWith(FULL_DISK)) return;
  unmountSmallDisk();
  mountSmallDisk();
});
afterAll(unmountSmallDisk);

if (!mayMount) test.skip(`${FULL_DISK} (needs the right to mount a tmpfs)`);
else {
  scenario(FULL_DISK, { ownEdge: { disks: [{ path: smallDisk }] } }, async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const load = new PageLoad(edge, [...pagesOf(SHORT, 20), ...pagesOf(90_000, 40)], 2);
    await fetchPages(edge, pagesOf(LONG, 60, 100));
    await fetchPages(edge, pagesOf(3_000_000, 10, 200));
    const longest = pageBody("/40000000/300");
    // a client that follows another worker's fill can go on by itself where a validator tells that it is the same body
    origin.on("/40000000/300").file(longest, { lastModified: "Tue, 01 Jan 2019 00:00:00 GMT" });
    const outcomes = await fetchAll(edge.port, 3, { path: "/40000000/300", host: edge.host });
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining({ status: 200, sha256: longest.digest() })));
    await fetchPages(edge, pagesOf(LONG, 10, 400));
    expect(await load.stop()).toEqual([]);
    await expect.poll(async () => (await statfs(smallDisk)).bavail * 4096).toBeGreaterThan(0.02 * 24 * MIB);
    const late = `/${LONG}/500`;
    await storePages(edge, [late]);
    await fetchPage(edge, late);
    expect(origin.saw(late)).toBe(1);
    expect((await cluster.status()).disks[0]?.state).toBe("Normal");
  });
}

scenario(
  "CFG-48, CFG-52: cleanup with an age removes what was not accessed for that long, and nothing else",
  { ownEdge: {} },
  async ({ origin, edge, clock }) => {
    servePages(origin, YEAR_LONG);
    const { cluster } = edge;
    const pages = [...pagesOf(SHORT, 6), ...pagesOf(LONG, 6)];
    await storePages(edge, pages);
    await clock.advance(11 * DAY_SECONDS);
    const used = [pages[0] ?? "/", pages[6] ?? "/"];
    await fetchPages(edge, used);
    for (const path of used) await expect.poll(() => lastAccessAge(edge, path)).toBeLessThan(60);
    expect((await cleanup(cluster, "?age=0")).Count).toBe(0);
    expect((await cleanup(cluster, "?age=12")).Count).toBe(0);
    expect((await cleanup(cluster)).Count).toBe(0);
    const { Count, Size } = await cleanup(cluster, "?age=10");
    expect(Count).toBe(10);
    expect(Size).toBeGreaterThanOrEqual(5 * LONG);
    expect(await whichAreStored(edge, pages)).toEqual(used);
    expect((await filesBelow(diskOf(cluster), ".body")).length).toBe(1);
    for (const query of ["?age=-1", "?age=x", "?age=1.5", "?age="]) {
      expect([query, (await cluster.api(`/command/cleanup${query}`)).status]).toEqual([query, 400]);
    }
    await cluster.restartEverything();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map((path) => (used.includes(path) ? 1 : 2)));
  },
);

/** Local time of day, some hours from now. */
const timeOfDay = (hoursAhead: number): string => {
  const moment = new Date(Date.now() + hoursAhead * 3_600_000);
  return [moment.getHours(), moment.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
};

const cleanupsIn = (log: string): number => log.match(/\[NOTICE\] cleanup done/g)?.length ?? 0;

scenario(
  "CFG-47, CFG-48: cleanup runs once a day at its time, with the configured age",
  { ownEdge: { serverXml: `<Cleanup><Time>${timeOfDay(3)}</Time><Age>2</Age></Cleanup>` } },
  async ({ origin, edge, clock }) => {
    servePages(origin, YEAR_LONG);
    const infoLog = async () => (await edge.cluster.log()).split("--- info.log")[1] ?? "";
    const pages = pagesOf(LONG, 3);
    await storePages(edge, pages);
    await clock.advance(2 * 3_600);
    await pause(1_500);
    expect(cleanupsIn(await infoLog())).toBe(0);
    await clock.advance(2 * 3_600);
    await expect.poll(async () => cleanupsIn(await infoLog())).toBe(1);
    expect(await whichAreStored(edge, pages)).toEqual(pages);
    await clock.advance(3 * DAY_SECONDS);
    await expect.poll(async () => cleanupsIn(await infoLog())).toBe(2);
    expect(await whichAreStored(edge, pages)).toEqual([]);
    expect(await filesBelow(diskOf(edge.cluster), ".body")).toEqual([]);
  },
);

const emptyFoldersBelow = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let count = 0;
  for (const entry of entries) {
    if (entry.isDirectory() && (await readdir(join(entry.parentPath, entry.name))).length === 0) count += 1;
  }
  return count;
};

scenario(
  "CFG-49: folders without files stay at cleanup with EmptyFolder keep, and go with delete",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const pages = pagesOf(LONG, 6);
    for (const [emptyFolder, isKept] of [
      ["keep", true],
      ["delete", false],
    ] as const) {
      const serverXml = `<Cleanup><EmptyFolder>${emptyFolder}</EmptyFolder></Cleanup>`;
      expect((await cluster.reload({ serverXml })).status).toBe("OK");
      await storePages(edge, pages);
      expect(await edge.purge("/*", "hardpurge")).toBe(6);
      const { Folders = 0 } = await cleanup(cluster);
      expect(await filesBelow(diskOf(cluster), ".body")).toEqual([]);
      expect([Folders > 0, (await emptyFoldersBelow(join(diskOf(cluster), "obj"))) > 0]).toEqual([!isKept, isKept]);
    }
    await storePages(edge, pages);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 3));
  },
);

scenario(
  "REG-316, CFG-44: what lies on a disk that cannot be read at a restart is invalid, and goes at cleanup",
  { ownEdge: { disks: 2 } },
  async ({ origin, edge, clock }) => {
    servePages(origin);
    const { cluster } = edge;
    const pages = [...pagesOf(SHORT, 10), ...pagesOf(LONG, 10)];
    await storePages(edge, pages);
    const disk = diskOf(cluster);
    const before = [...(await filesBelow(disk, ".body")), ...(await filesBelow(disk, ".seg"))];
    expect(before.length).toBeGreaterThan(1);
    await cluster.stop();
    await writeFile(join(disk, "basalt-disk.json"), "{ damaged");
    await cluster.start();
    await fetchPages(edge, pages);
    const again = timesAsked(origin, pages).filter((times) => times === 2).length;
    expect([again > 0, again < pages.length]).toEqual([true, true]);
    // segments without rows are spared for a minute: their rows might be on the way
    await clock.advance(90);
    await cleanup(cluster);
    await expect
      .poll(async () => {
        const now = new Set([...(await filesBelow(disk, ".body")), ...(await filesBelow(disk, ".seg"))]);
        return before.filter((path) => now.has(path)).length;
      })
      .toBe(0);
    const asked = origin.saw();
    await fetchPages(edge, pages);
    expect(origin.saw()).toBe(asked);
  },
);

scenario(
  "REG-152, CFG-44, CFG-56: contents of a host that was removed while the server was down go, and do not come back with it",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const { vhosts } = cluster.configuration;
    const pages = [...pagesOf(SHORT, 3), ...pagesOf(LONG, 3)];
    await storePages(edge, pages);
    await cluster.stop();
    await cluster.configure({ vhosts: [{ name: "other.test", origin: origin.address }] });
    await cluster.start();
    await expect.poll(async () => (await cluster.status()).objects).toBe(0);
    await cleanup(cluster);
    expect(await filesBelow(diskOf(cluster), ".body")).toEqual([]);
    await cluster.reload({ vhosts: [...vhosts] });
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
  },
);

scenario(
  "CFG-56: a host that is removed and added again has nothing, neither in memory nor on disk",
  { ownEdge: {} },
  async ({ origin, edge, client }) => {
    servePages(origin);
    const { cluster } = edge;
    const { vhosts } = cluster.configuration;
    const other = { name: "other.test", origin: origin.address };
    const pages = [...pagesOf(SHORT, 6), ...pagesOf(LONG, 4), "/3000000/50"];
    await cluster.reload({ vhosts: [...vhosts, other] });
    await storePages(edge, pages);
    for (let round = 0; round < 3; round++) await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
    const gate = origin.on("/slow").reply(200, YEAR_LONG, pageBody("/2000000/77")).hold(500_000);
    const session = await client();
    const arriving = session.request({ path: "/slow", host: edge.host });
    await gate.arrived();
    expect((await cluster.reload({ vhosts: [other] })).status).toBe("OK");
    expect((await edge.get(pages[0] ?? "/")).status).toBe(404);
    gate.release();
    expect((await arriving).sha256).toBe(pageBody("/2000000/77").digest());
    expect((await cluster.reload({ vhosts: [other, ...vhosts] })).status).toBe("OK");
    for (const path of [...pages, "/slow"]) expect([path, await isStored(edge, path)]).toEqual([path, false]);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
    await edge.get("/slow").expect(200);
    expect(origin.saw("/slow")).toBe(2);
    await edge.stored("/slow");
    const { objects } = await cluster.status();
    expect(objects).toBe(pages.length + 1);
    await cluster.restartEverything();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
  },
);

scenario(
  "CFG-55: an inactive host is not served, and its contents are there when it is active again",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const { vhosts } = cluster.configuration;
    const withStatus = (status: string) => vhosts.map((vhost) => ({ ...vhost, status }));
    const other = { name: "other.test", origin: origin.address };
    const pages = [...pagesOf(SHORT, 4), ...pagesOf(LONG, 4)];
    await storePages(edge, pages);
    expect((await cluster.reload({ vhosts: [...withStatus("Inactive"), other] })).status).toBe("OK");
    expect((await edge.get(pages[0] ?? "/")).status).toBe(404);
    await cluster.restartEverything();
    expect((await edge.get(pages[0] ?? "/")).status).toBe(404);
    expect((await cluster.reload({ vhosts: [...withStatus("Active"), other] })).status).toBe("OK");
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
  },
);

/** The least plan divided by 900 bytes per object (OPT-03). */
const LEAST_CACHING_COUNT = Math.floor((16 * MIB) / 900);
const MANY = pagesOf(100, 60).flatMap((path) => Array.from({ length: 340 }, (_, copy) => `${path}?${copy}`));

scenario(
  "OPT-10, OPT-11, OPT-12: with Indexing Disk there is no limit, with Memory the number of objects keeps to the caching count",
  { ownEdge: { serverXml: `${LEAST_MEMORY}<Indexing>Disk</Indexing>` }, limitMs: 600_000 },
  async ({ origin, edge }) => {
    servePages(origin, YEAR_LONG);
    const { cluster } = edge;
    const countObjects = async (): Promise<number> => (await cluster.status()).objects;
    expect(MANY.length).toBeGreaterThan(LEAST_CACHING_COUNT + 1_000);
    await fetchManyPages(edge, MANY);
    await expect.poll(countObjects).toBe(MANY.length);
    await cluster.restartEverything();
    expect(await countObjects()).toBe(MANY.length);
    const cold = MANY.filter((_, index) => index % 500 === 0);
    for (const path of cold) await edge.get(path).expect(200);
    expect(origin.saw()).toBe(MANY.length);

    // The oldest go, at the start and when others come.
    await cluster.configure({ serverXml: `${LEAST_MEMORY}<Indexing>Memory</Indexing>` });
    await cluster.restartEverything();
    const late = pagesOf(100, 1_200, 1_000);
    await fetchManyPages(edge, late);
    await expect.poll(countObjects, { interval: 200 }).toBeLessThanOrEqual(LEAST_CACHING_COUNT);
    expect(await countObjects()).toBeGreaterThan(LEAST_CACHING_COUNT * 0.9);
    const [oldest, newest] = [MANY.slice(1, 200), late.slice(-200)];
    await fetchManyPages(edge, [...newest, ...oldest]);
    const askedTwice = (paths: readonly string[]) => timesAsked(origin, paths).filter((times) => times === 2).length;
    expect(askedTwice(newest)).toBe(0);
    expect(askedTwice(oldest)).toBeGreaterThan(50);
  },
);
