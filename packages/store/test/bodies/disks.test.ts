import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { BodyStoreSettings } from "../../src/bodies/bodyStore.ts";
import { bodyFilePath, segmentPath } from "../../src/bodies/diskPaths.ts";
import type { ObjectLocation } from "../../src/contract.ts";
import { BLOCK_BYTES, PACKED_BODY_LIMIT_BYTES } from "../../src/limits.ts";
import { failReads, failWrites, mendDisks, tearNextWrite } from "../support/brokenDisk.ts";
import { createIds, numberDisks, openStore, readAll } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const IMAGE = sampleImage();
const SMALL = Buffer.from("small");

/** A store on so many disks, and what it tells of them. */
const openWatched = (count: number, settings: Partial<BodyStoreSettings> = {}) => {
  const disks = numberDisks(Array.from({ length: count }, () => ({ path: temporaryFolder() })));
  const failures: number[] = [];
  const full: number[] = [];
  const { problems, onProblem } = collectProblems();
  const store = openStore({
    onProblem,
    onDiskFailure: (disk) => failures.push(disk),
    onDiskFull: (disk) => full.push(disk),
    ...settings,
    disks,
  });
  return { store, disks, failures, full, problems, paths: disks.map(({ path }) => path) };
};

describe("disks that come and go", () => {
  it("OPT-75 everything on a disk that left is absent at once, and nothing more is written to it", async () => {
    const { store, disks, failures, problems } = openWatched(2);
    const [one, two] = disks;
    if (one === undefined || two === undefined) throw new Error("two disks");
    const stored: ObjectLocation[] = [];
    for (let number = 0; number < 4; number += 1) stored.push(await store.append(IMAGE, HEAD, SMALL));
    const packed = stored.find(({ disk }) => disk === 1);
    const kept = stored.find(({ disk }) => disk === 2);
    if (packed === undefined || kept === undefined) throw new Error("objects on both disks");
    store.setDisks([one]);
    const filed = await store.append(IMAGE, HEAD, patternBytes(PACKED_BODY_LIMIT_BYTES + 1, 1));
    const growing = await store.createFile();
    await growing.write(SMALL);
    const parted = await store.createParted(IMAGE, HEAD, 2 * BLOCK_BYTES);
    const part = await parted.startPart(0);
    await part.write(SMALL);
    const reader = await store.openBody(packed);

    store.setDisks([two]);
    expect([store.hasDisk(1), store.hasDisk(2)]).toEqual([false, true]);
    for (const location of [packed, filed, parted.location]) {
      expect(store.loadNow(location)).toBeUndefined();
      expect(await store.load(location)).toBeUndefined();
      expect(await store.openBody(location)).toBeUndefined();
    }
    await expect(reader?.read(Buffer.alloc(5), 0, 5, 0)).rejects.toBeInstanceOf(EdgeError);
    await expect(part.write(SMALL)).rejects.toBeInstanceOf(EdgeError);
    await expect(growing.write(SMALL)).rejects.toBeInstanceOf(EdgeError);
    await expect(growing.complete(IMAGE, HEAD)).rejects.toBeInstanceOf(EdgeError);
    expect((await store.load(kept))?.body).toEqual(SMALL);
    expect((await store.append(IMAGE, HEAD, SMALL)).disk).toBe(2);
    expect([failures, problems]).toEqual([[], []]);
    reader?.release();
    parted.release();
    await part.close();
    await growing.abandon();
    await store.close();
  });

  it("OPT-76 a disk that is put in use again starts with segments of its own", async () => {
    const { store, disks, paths } = openWatched(1);
    const before = await store.append(IMAGE, HEAD, SMALL);
    store.setDisks(disks.map((disk) => ({ ...disk, number: 7 })));
    const after = await store.append(IMAGE, HEAD, SMALL);
    expect([after.disk, after.offset]).toEqual([7, 0]);
    expect(after.segment).not.toBe(before.segment);
    expect(await store.load(before)).toBeUndefined();
    expect((await store.load(after))?.body).toEqual(SMALL);
    expect(existsSync(segmentPath(paths[0] ?? "", before.segment))).toBe(true);
    await store.close();
  });

  it("a disk that stays goes on in the same segment, with the quota it has now", async () => {
    const { store, disks } = openWatched(1);
    const before = await store.append(IMAGE, HEAD, SMALL);
    store.setDisks(disks.map((disk) => ({ ...disk, quotaBytes: 1024 ** 3 })));
    const after = await store.append(IMAGE, HEAD, SMALL);
    expect([after.segment, after.offset > 0]).toEqual([before.segment, true]);
    await store.close();
  });

  it("CFG-43 refuses everything that writes while no disk is in use, and serves again when there is one", async () => {
    const { store, disks, problems } = openWatched(0);
    await expect(store.append(IMAGE, HEAD, SMALL)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.createFile()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.createParted(IMAGE, HEAD, 5)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect([await store.listSegments(), await store.removeEmptyFolders(), disks, problems]).toEqual([[], 0, [], []]);
    store.setDisks([{ number: 3, path: temporaryFolder() }]);
    expect((await store.append(IMAGE, HEAD, SMALL)).disk).toBe(3);
    await store.close();
  });

  it("writes that wait when their disk leaves go to another", async () => {
    const waiting: (() => void)[] = [];
    const ids = createIds(1);
    const heldUp = () => new Promise<number>((resolve) => waiting.push(() => resolve(1)));
    const { store, problems } = openWatched(1, {
      allocateSegment: (disk) => (disk === 1 ? heldUp() : ids()),
      allocateFile: (disk) => (disk === 1 ? heldUp() : ids()),
    });
    const appends = [store.append(IMAGE, HEAD, SMALL), store.append(IMAGE, HEAD, SMALL)];
    const creation = store.createFile();
    await expect.poll(() => waiting.length).toBe(2);
    store.setDisks([{ number: 2, path: temporaryFolder() }]);
    for (const location of await Promise.all(appends)) expect(location.disk).toBe(2);
    for (const go of waiting) go();
    const growing = await creation;
    expect([growing.disk, problems]).toEqual([2, []]);
    await store.close();
  });
});

describe("a disk that fails", () => {
  it("CFG-39 objects go to the others, whatever their layout", async () => {
    const { store, paths, failures } = openWatched(2);
    failWrites(paths[0] ?? "", "EIO");
    for (let number = 0; number < 4; number += 1) expect((await store.append(IMAGE, HEAD, SMALL)).disk).toBe(2);
    const long = patternBytes(PACKED_BODY_LIMIT_BYTES + 1, 3);
    for (let number = 0; number < 2; number += 1) {
      const location = await store.append(IMAGE, HEAD, long);
      expect((await readAll(await store.openBody(location))).equals(long)).toBe(true);
      const parted = await store.createParted(IMAGE, HEAD, 5);
      expect([location.disk, parted.location.disk]).toEqual([2, 2]);
      parted.release();
    }
    expect(new Set(failures)).toEqual(new Set([1]));
    const left = readdirSync(join(paths[0] ?? "", "obj"), { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => name.endsWith(".body"))).toEqual([]);
    await store.close();
  });

  it("CFG-42 counts one failure for one refused operation, however many objects it carried", async () => {
    const { store, paths, failures, problems } = openWatched(1);
    failWrites(paths[0] ?? "", "EIO");
    const refused = await Promise.allSettled([1, 2, 3].map(() => store.append(IMAGE, HEAD, SMALL)));
    expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    expect([failures, problems.length, store.counters.failed]).toEqual([[1], 1, 1]);
    await expect(store.append(IMAGE, HEAD, SMALL)).rejects.toBeInstanceOf(EdgeError);
    expect([failures, problems.length, store.counters.failed]).toEqual([[1, 1], 2, 2]);
    mendDisks();
    expect((await store.append(IMAGE, HEAD, SMALL)).disk).toBe(1);
    await store.close();
  });

  it.each([
    ["EIO", 0, "failure"],
    ["EROFS", 0, "failure"],
    ["EACCES", 0, "failure"],
    ["Unknown system error -117", -117, "failure"],
    ["Unknown system error -116", -116, "failure"],
    ["ENOSPC", 0, "full"],
    ["Unknown system error -122", -122, "full"],
    ["EMFILE", 0, "neither"],
    ["ENFILE", 0, "neither"],
  ])("CFG-42 takes %s (%i) of a write for %s", async (code, errno, side) => {
    const { store, paths, failures, full } = openWatched(1);
    failWrites(paths[0] ?? "", code, errno);
    await expect(store.append(IMAGE, HEAD, SMALL)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect([failures, full]).toEqual([side === "failure" ? [1] : [], side === "full" ? [1] : []]);
    await store.close();
  });

  it("CFG-42 a body that is gone, or a segment, is no failure; a disk that does not read is one", async () => {
    const { store, failures, paths } = openWatched(1);
    const location = await store.append(IMAGE, HEAD, SMALL);
    failReads("EIO");
    expect(await store.load(location)).toBeUndefined();
    expect([failures, store.counters.failed]).toEqual([[1], 1]);
    mendDisks();
    rmSync(segmentPath(paths[0] ?? "", location.segment));
    expect(await store.deleteSegment(1, location.segment)).toBe(false);
    expect(await store.load(location)).toBeUndefined();
    expect([failures, store.counters.missing]).toEqual([[1], 1]);
    await store.close();
  });

  it("CFG-42 a removed folder is a failure of what writes, and nothing is written in its place", async () => {
    const { store, failures, paths } = openWatched(1);
    const [path = ""] = paths;
    await store.append(IMAGE, HEAD, SMALL);
    renameSync(path, `${path}-away`);
    await expect(store.createFile()).rejects.toBeInstanceOf(EdgeError);
    expect(failures).toEqual([1]);
    expect(existsSync(path)).toBe(false);
    renameSync(`${path}-away`, path);
    await (await store.createFile()).abandon();
    await store.close();
  });

  it("CFG-41 a disk that cannot be used at all is reported, and left out while there are others", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const failures: number[] = [];
    const { problems, onProblem } = collectProblems();
    const store = openStore({
      disks: [{ path: join(file, "disk") }, { path: temporaryFolder() }],
      onProblem,
      onDiskFailure: (disk) => failures.push(disk),
    });
    await expect.poll(() => failures).toEqual([1]);
    expect(problems[0]?.message).toContain("cannot be used");
    for (let number = 0; number < 5; number += 1) expect((await store.append(IMAGE, HEAD, SMALL)).disk).toBe(2);
    expect(failures).toEqual([1]);
    await store.close();
    const lost = openStore({ disks: [{ path: join(file, "disk") }], onProblem });
    await expect(lost.append(IMAGE, HEAD, SMALL)).rejects.toBeInstanceOf(EdgeError);
    await lost.close();
  });

  it("a full disk keeps its segment, cut to what is whole, and goes on in it", async () => {
    const { store, paths, full } = openWatched(1);
    const before = await store.append(IMAGE, HEAD, SMALL);
    tearNextWrite(50, "ENOSPC");
    await expect(store.append(IMAGE, HEAD, SMALL)).rejects.toBeInstanceOf(EdgeError);
    const after = await store.append(IMAGE, HEAD, SMALL);
    expect([after.segment, full]).toEqual([before.segment, [1]]);
    expect(after.offset).toBe(statSync(segmentPath(paths[0] ?? "", before.segment)).size / 2);
    expect((await store.load(after))?.body).toEqual(SMALL);
    await store.close();
  });
});

describe("folders of a disk", () => {
  it("CFG-49 removes those that are empty, and nothing else; a writer makes them again", async () => {
    const { store, paths } = openWatched(1, { allocateFile: createIds(), allocateSegment: createIds(0x200) });
    const [path = ""] = paths;
    const packed = await store.append(IMAGE, HEAD, SMALL);
    const kept = await (await store.createFile()).complete(IMAGE, HEAD);
    const removed = await (await store.createFile()).complete(IMAGE, HEAD);
    mkdirSync(join(path, "obj", "not ours"));
    mkdirSync(join(path, "empty"));
    expect(await store.removeEmptyFolders()).toBe(0);
    await store.removeBodies([removed]);
    expect(await store.removeEmptyFolders()).toBe(2);
    expect([existsSync(join(path, "obj", "not ours")), existsSync(join(path, "empty"))]).toEqual([true, true]);
    expect([existsSync(bodyFilePath(path, kept.file)), (await store.load(packed)) !== undefined]).toEqual([true, true]);
    await store.deleteSegment(1, packed.segment);
    await store.removeBodies([kept]);
    expect(await store.removeEmptyFolders()).toBe(3);
    expect(readdirSync(path).sort()).toEqual(["empty", "obj", "seg"]);
    await store.close();
    const again = openStore({ disks: [{ path }], allocateFile: createIds(2), allocateSegment: createIds(0x201) });
    expect((await again.load(await again.append(IMAGE, HEAD, SMALL)))?.body).toEqual(SMALL);
    await (await again.createFile()).complete(IMAGE, HEAD);
    await again.close();
  });

  it("CFG-49 removes them while files are written, and neither disturbs the other", async () => {
    const { store } = openWatched(1);
    const writing = Array.from({ length: 60 }, async () => (await store.createFile()).complete(IMAGE, HEAD));
    let isDone = false;
    const all = Promise.all(writing).finally(() => {
      isDone = true;
    });
    while (!isDone) await store.removeEmptyFolders();
    for (const location of await all) expect(await store.openBody(location)).toBeDefined();
    await store.close();
  });
});
