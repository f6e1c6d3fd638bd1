import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { fetchAll, filesBelow, type TestEdge, verifyPattern } from "../../src/index.ts";
import {
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

/** Long enough for a file of their own. */
const LONG = 600_000;
const SHORT = 2_000;

const statesOf = async (edge: TestEdge): Promise<string[]> => (await edge.status()).disks.map(({ state }) => state);

const becomes = (edge: TestEdge, ...states: readonly string[]): Promise<void> =>
  expect.poll(() => statesOf(edge), { interval: 50 }).toEqual(states);

/** Position in `<Storage>` of the disk that a page is stored on. */
const diskOf = async (edge: SceneEdge, path: string): Promise<unknown> =>
  (await edge.fileInfo(path))[0]?.["Disk-Index"];

const storePages = async (edge: SceneEdge, paths: readonly string[]): Promise<void> => {
  await fetchPages(edge, paths);
  for (const path of paths) await edge.stored(path);
};

/** Splits pages by whether they lie on the disk with this folder. */
const splitByDisk = async (edge: SceneEdge, paths: readonly string[], folder: string) => {
  const position = edge.cluster.diskPaths.indexOf(folder);
  const there: string[] = [];
  const elsewhere: string[] = [];
  for (const path of paths) ((await diskOf(edge, path)) === position ? there : elsewhere).push(path);
  return { there, elsewhere };
};

const diskAt = (edge: TestEdge, index: number): string => {
  const path = edge.diskPaths[index];
  if (path === undefined) throw new Error(`no disk ${index}`);
  return path;
};

const change = (edge: TestEdge, verb: string, disk: string) =>
  edge.apiJson(`/command/${verb}?disk=${encodeURIComponent(disk)}`);

/** The disk still says who it is, but nothing new can be put on it. */
const breakDisk = async (path: string): Promise<void> => {
  for (const folder of ["seg", "obj"]) {
    await rm(join(path, folder), { recursive: true, force: true });
    await writeFile(join(path, folder), "in the way");
  }
};

const mendDisk = async (path: string): Promise<void> => {
  for (const folder of ["seg", "obj"]) {
    await rm(join(path, folder), { recursive: true, force: true });
    await mkdir(join(path, folder));
  }
};

/** Fetches new pages until the states are those: failures are noticed when something is written. */
const writeUntil = async (edge: SceneEdge, firstSeed: number, ...states: readonly string[]): Promise<void> => {
  for (let seed = firstSeed; seed < firstSeed + 60; seed++) {
    await fetchPage(edge, `/${LONG}/${seed}`);
    if ((await statesOf(edge.cluster)).join() === states.join()) return;
  }
  throw new Error(`disks are ${(await statesOf(edge.cluster)).join()}, not ${states.join()}`);
};

scenario(
  "CFG-39: objects are spread over two disks, small and large ones, whichever worker stores them",
  { ownEdge: { disks: 2 } },
  async ({ origin, edge }) => {
    servePages(origin);
    const pages = [...pagesOf(SHORT, 24), ...pagesOf(LONG, 16)];
    await storePages(edge, pages);
    for (const paths of [pages.slice(0, 24), pages.slice(24)]) {
      const { there, elsewhere } = await splitByDisk(edge, paths, diskAt(edge.cluster, 0));
      expect(Math.min(there.length, elsewhere.length)).toBeGreaterThanOrEqual(paths.length / 4);
    }
    const bodies = await Promise.all(edge.cluster.diskPaths.map((path) => filesBelow(path, ".body")));
    expect(bodies.map(({ length }) => length).reduce((sum, count) => sum + count)).toBe(16);
    const { disks } = await edge.cluster.status();
    expect(disks.map(({ path, state }) => [path, state])).toEqual(
      edge.cluster.diskPaths.map((path) => [path, "Normal"]),
    );
    await edge.cluster.restartEverything();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
  },
);

scenario(
  "OPT-75, OPT-76, OPT-77, OPT-79: a disk is unmounted and mounted under load; only what lay on it is a miss",
  { ownEdge: { disks: 2 } },
  async ({ origin, edge, client }) => {
    servePages(origin);
    const { cluster } = edge;
    const [first, second] = [diskAt(cluster, 0), diskAt(cluster, 1)];
    const pages = [...pagesOf(SHORT, 16), ...pagesOf(LONG, 8), ...pagesOf(3_000_000, 4)];
    await storePages(edge, pages);
    // a second and third request bring the short ones into the memory of the workers
    for (let round = 0; round < 3; round++) await fetchPages(edge, pages.slice(0, 16));
    const { there, elsewhere } = await splitByDisk(edge, pages, first);
    expect([there.length > 0, elsewhere.length > 0]).toEqual([true, true]);
    const before = await cluster.workers();
    const load = new PageLoad(edge, pagesOf(LONG, 6, 40), 2);
    origin.on("/slow").reply(200, {}, pageBody("/900000/77")).drip(600_000);
    const bypassing = client().then((session) =>
      session.request({ path: "/slow", host: edge.host, method: "POST", body: "x" }),
    );

    expect(await change(cluster, "unmount", first)).toMatchObject({ httpStatus: 200, method: "unmount", status: "OK" });
    expect(await statesOf(cluster)).toEqual(["Unmounted", "Normal"]);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, elsewhere)).toEqual(elsewhere.map(() => 1));
    expect(timesAsked(origin, there)).toEqual(there.map(() => 2));
    await fetchPages(edge, pages);
    for (const path of pages) await edge.stored(path);
    expect((await splitByDisk(edge, pages, second)).elsewhere).toEqual([]);

    const metrics = await cluster.metrics();
    const stateIs = (disk: string, state: string) => metrics.sum("basalt_disk_state", { disk, state });
    expect([stateIs(first, "Unmounted"), stateIs(first, "Normal"), stateIs(second, "Normal")]).toEqual([1, 0, 1]);
    expect(metrics.sum("basalt_disk_used_bytes", { disk: second })).toBeGreaterThan(8 * LONG);
    const report = await cluster.command("status");
    expect(report.exitCode).toBe(0);
    expect(report.output).toMatch(new RegExp(`${first} +Unmounted`));
    expect(report.output).toMatch(new RegExp(`${second} +Normal`));

    expect(await change(cluster, "mount", first)).toMatchObject({ httpStatus: 200, method: "mount", status: "OK" });
    expect(await statesOf(cluster)).toEqual(["Normal", "Normal"]);
    expect(await change(cluster, "umount", second)).toMatchObject({ httpStatus: 200, status: "OK" });
    expect(await statesOf(cluster)).toEqual(["Normal", "Unmounted"]);
    const askedBefore = origin.saw();
    const [onceStored = "/"] = there;
    await edge.get(onceStored).expect(200);
    expect(origin.saw() - askedBefore).toBeGreaterThanOrEqual(1);
    expect(origin.saw(onceStored)).toBe(3);

    const bypassed = await bypassing;
    expect([bypassed.status, bypassed.body.length, verifyPattern(77, 0, bypassed.body)]).toEqual([
      200,
      900_000,
      undefined,
    ]);
    expect(await load.stop()).toEqual([]);
    expect(load.answered).toBeGreaterThan(0);
    expect(await cluster.workers()).toEqual(before);
  },
);

scenario(
  "OPT-76: an object that lay on a disk before it was unmounted is a TCP_MISS when it is mounted again",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const disk = diskAt(edge.cluster, 0);
    const pages = [`/${SHORT}/1`, `/${LONG}/2`];
    await storePages(edge, pages);
    for (const verb of ["unmount", "mount"]) expect((await change(edge.cluster, verb, disk)).status).toBe("OK");
    await fetchPages(edge, pages);
    for (const path of pages) await edge.stored(path);
    await fetchPages(edge, pages);
    await edge.counted({ TCP_MISS: 4, client_requests: 6 });
    expect(timesAsked(origin, pages)).toEqual([2, 2]);
    await edge.cluster.restartEverything();
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual([2, 2]);
  },
);

scenario(
  "OPT-75, OPT-79: the only disk is unmounted in the middle of a fill; the service goes on without storing",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const disk = diskAt(edge.cluster, 0);
    const body = pageBody("/4000000/9");
    const gate = origin.on("/big").reply(200, {}, body).hold(1_500_000);
    const getting = edge.get("/big").then((answer) => answer, String);
    await gate.arrived();
    expect((await change(edge.cluster, "unmount", disk)).status).toBe("OK");
    gate.release();
    const answer = await getting;
    expect(typeof answer === "string" ? answer : [answer.status, answer.sha256]).toEqual([200, body.digest()]);
    await fetchPages(edge, [`/${SHORT}/1`, `/${LONG}/2`, "/4000000/9", `/${SHORT}/1`]);
    for (const path of [`/${SHORT}/3`, `/${LONG}/4`, "/4000000/10"]) {
      const outcomes = await fetchAll(edge.port, 20, { path, host: edge.host });
      const sha256 = pageBody(path).digest();
      expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining({ status: 200, sha256 })));
    }
    expect((await edge.cluster.status()).objects).toBe(0);
    expect((await change(edge.cluster, "mount", disk)).status).toBe("OK");
    await storePages(edge, ["/4000000/9"]);
    await fetchPage(edge, "/4000000/9");
    expect(origin.saw("/4000000/9")).toBe(2);
  },
);

scenario(
  "OPT-78: a path that is no disk of ours is 400 and changes nothing; a missing one too",
  { ownEdge: { disks: 2 } },
  async ({ edge }) => {
    const { cluster } = edge;
    for (const verb of ["mount", "unmount", "umount"]) {
      for (const disk of ["/no/such/disk", `${diskAt(cluster, 0)}/seg`, "../..", "\u0000", "%", ""]) {
        const answer = await change(cluster, verb, disk);
        expect([verb, disk, answer.httpStatus, answer.status]).toEqual([verb, disk, 400, "Fail"]);
      }
      expect((await cluster.api(`/command/${verb}`)).status).toBe(400);
    }
    expect(await statesOf(cluster)).toEqual(["Normal", "Normal"]);
  },
);

scenario(
  "CFG-41, CFG-42: a disk that refuses what is written is Invalid after DiskFailCount failures, and the other serves",
  { ownEdge: { disks: 2, storage: { DiskFailCount: 4, DiskFailSec: 60 } } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const pages = pagesOf(LONG, 8);
    await storePages(edge, pages);
    const { there, elsewhere } = await splitByDisk(edge, pages, diskAt(cluster, 0));
    await breakDisk(diskAt(cluster, 0));
    await writeUntil(edge, 20, "Invalid", "Normal");
    await fetchPages(edge, pages);
    expect(timesAsked(origin, elsewhere)).toEqual(elsewhere.map(() => 1));
    expect(timesAsked(origin, there)).toEqual(there.map(() => 2));
    for (const path of pages) await edge.stored(path);
    const metrics = await cluster.metrics();
    expect(metrics.sum("basalt_disk_state", { disk: diskAt(cluster, 0), state: "Invalid" })).toBe(1);
    expect(await cluster.log()).toMatch(/disk1.*excluded, state Invalid: 4 operations failed/);
    await mendDisk(diskAt(cluster, 0));
    expect((await change(cluster, "mount", diskAt(cluster, 0))).status).toBe("OK");
    expect(await statesOf(cluster)).toEqual(["Normal", "Normal"]);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map((path) => (there.includes(path) ? 2 : 1)));
  },
);

scenario(
  "CFG-41: a disk folder that is replaced by a file is Invalid, is used again when the folder is back, and is empty then",
  { ownEdge: { disks: 2 } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const disk = diskAt(cluster, 0);
    const pages = [...pagesOf(LONG, 8), ...pagesOf(SHORT, 8)];
    await storePages(edge, pages);
    const { there } = await splitByDisk(edge, pages, disk);
    await rename(disk, `${disk}.away`);
    await writeFile(disk, "no folder");
    await becomes(cluster, "Invalid", "Normal");
    for (let round = 0; round < 2; round++) await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map((path) => (there.includes(path) ? 2 : 1)));
    await rm(disk);
    await rename(`${disk}.away`, disk);
    await becomes(cluster, "Normal", "Normal");
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map((path) => (there.includes(path) ? 2 : 1)));
  },
);

scenario(
  "CFG-41: a disk folder that is removed while it is in use costs its objects and is made again",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const pages = [...pagesOf(LONG, 4), ...pagesOf(SHORT, 4)];
    await storePages(edge, pages);
    await rm(diskAt(cluster, 0), { recursive: true });
    const load = new PageLoad(edge, pages, 2);
    await expect.poll(async () => (await filesBelow(diskAt(cluster, 0), "basalt-disk.json")).length).toBe(1);
    await becomes(cluster, "Normal");
    expect(await load.stop()).toEqual([]);
    const late = [...pagesOf(LONG, 2, 60), ...pagesOf(SHORT, 2, 60)];
    await storePages(edge, late);
    await fetchPages(edge, [...pages, ...late]);
    expect(timesAsked(origin, late)).toEqual([1, 1, 1, 1]);
  },
);

scenario(
  "CFG-43 hang: when all disks fail they are used again all the same, and every request is answered",
  { ownEdge: { disks: 2, storage: { DiskFailCount: 2, OnCrash: "hang" } } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    for (const path of cluster.diskPaths) await breakDisk(path);
    await fetchPages(edge, pagesOf(LONG, 12, 20));
    await expect.poll(() => cluster.log()).toMatch(/All disks are excluded: the disk is used again/);
    expect(await statesOf(cluster)).toContain("Normal");
    for (const path of cluster.diskPaths) await mendDisk(path);
    await storePages(edge, pagesOf(LONG, 4, 40));
    await fetchPages(edge, pagesOf(LONG, 4, 40));
    expect(timesAsked(origin, pagesOf(LONG, 4, 40))).toEqual([1, 1, 1, 1]);
  },
);

scenario(
  "CFG-43 bypass: when all disks fail every request reaches the origin; after a mount objects are kept again",
  { ownEdge: { disks: 2, storage: { DiskFailCount: 2, OnCrash: "bypass" } } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const kept = `/${SHORT}/1`;
    await storePages(edge, [kept]);
    for (let round = 0; round < 3; round++) await fetchPage(edge, kept);
    expect(origin.saw(kept)).toBe(1);
    for (const path of cluster.diskPaths) await breakDisk(path);
    await writeUntil(edge, 20, "Invalid", "Invalid");
    await expect
      .poll(async () => {
        const before = origin.saw(kept);
        await fetchPage(edge, kept);
        return origin.saw(kept) - before;
      })
      .toBe(1);
    const before = origin.saw();
    for (let round = 0; round < 4; round++) await fetchPages(edge, [kept, `/${LONG}/2`]);
    expect(origin.saw() - before).toBe(8);
    for (const path of cluster.diskPaths) await mendDisk(path);
    expect((await change(cluster, "mount", diskAt(cluster, 1))).status).toBe("OK");
    expect(await statesOf(cluster)).toEqual(["Invalid", "Normal"]);
    await storePages(edge, [kept]);
    const asked = origin.saw(kept);
    for (let round = 0; round < 3; round++) await fetchPage(edge, kept);
    expect(origin.saw(kept)).toBe(asked);
  },
);

scenario(
  "CFG-43 selfkill: when all disks fail the server ends, and its launcher does not start it again",
  { ownEdge: { disks: 2, storage: { DiskFailCount: 2, OnCrash: "selfkill" } } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    await storePages(edge, pagesOf(LONG, 2));
    for (const path of cluster.diskPaths) await breakDisk(path);
    for (const path of pagesOf(LONG, 30, 20)) {
      const isServed = await fetchPage(edge, path).then(
        () => true,
        () => false,
      );
      if (!isServed) break;
    }
    expect(await cluster.ended()).toBe(0);
    await pause(500);
    expect(await cluster.status().catch(() => "ended")).toBe("ended");
    expect(await cluster.log()).toMatch(/all disks are excluded: the server ends/);
  },
);

scenario(
  "CFG-27, A8 of spec 01: cacheclear asks for its key, deletes everything, and the server is back by itself with a miss",
  { ownEdge: { disks: 2 } },
  async ({ origin, edge }) => {
    servePages(origin);
    const { cluster } = edge;
    const pages = [...pagesOf(SHORT, 4), ...pagesOf(LONG, 4)];
    await storePages(edge, pages);
    const { primaryPid } = await cluster.status();
    expect((await cluster.api("/command/cacheclear")).text).toContain("JUSTDOIT");
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 1));
    expect(await cluster.apiJson("/command/cacheclear?key=JUSTDOIT")).toMatchObject({ httpStatus: 200, status: "OK" });
    await cluster.waitUntilServing((status) => status.primaryPid !== primaryPid);
    expect((await cluster.status()).objects).toBe(0);
    await fetchPages(edge, pages);
    expect(timesAsked(origin, pages)).toEqual(pages.map(() => 2));
    await edge.counted({ TCP_MISS: pages.length });
  },
);

scenario("CFG-28: reset clears one virtual host or, without a name, all", { ownEdge: {} }, async ({ origin, edge }) => {
  servePages(origin);
  const { cluster } = edge;
  await cluster.addVhost({ name: "other.test", origin: origin.address });
  expect((await cluster.reload()).status).toBe("OK");
  const [mine, theirs] = [`/${SHORT}/1`, `/${SHORT}/2`];
  const getTheirs = () => edge.get(theirs, { host: "other.test" }).expect(200);
  const storeBoth = async () => {
    await storePages(edge, [mine]);
    await getTheirs();
    await expect.poll(async () => (await cluster.status()).objects).toBe(2);
  };
  await storeBoth();
  expect((await cluster.control("/reset/no.such.host")).status).toBe(400);
  expect((await cluster.control("/reset/%zz")).status).toBe(400);
  expect((await cluster.api("/reset")).status).not.toBe(200);
  expect((await cluster.control(`/reset/${edge.host}`)).status).toBe(200);
  await fetchPage(edge, mine);
  await getTheirs();
  expect([origin.saw(mine), origin.saw(theirs)]).toEqual([2, 1]);
  await edge.stored(mine);
  const { primaryPid } = await cluster.status();
  expect((await cluster.control("/reset")).status).toBe(200);
  await cluster.waitUntilServing((status) => status.primaryPid !== primaryPid);
  await fetchPage(edge, mine);
  await getTheirs();
  expect([origin.saw(mine), origin.saw(theirs)]).toEqual([3, 2]);
});
