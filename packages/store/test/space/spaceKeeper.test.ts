import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { AdjustableClock, epochMs, milliseconds } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { IndexRow, ObjectLocation, RowImage } from "../../src/contract.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import type { FileSystemRoom } from "../../src/space/fileSystemRoom.ts";
import { KEEPER_WRITER } from "../../src/space/keeperContract.ts";
import { createSpaceKeeper } from "../../src/space/spaceKeeper.ts";
import { openStore, readAll } from "../support/openStore.ts";
import { patternBytes, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const MIB = 1024 * 1024;
const HEAD = Buffer.alloc(200, "h");

const bytesIn = (folder: string): number => {
  let total = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stats?.isFile()) total += stats.size;
  }
  return total;
};

const filesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".body")).length;

const imageOf = ({ key, vhost, url, version, freshUntil, ttl, updatedAt, flags }: IndexRow): RowImage => ({
  key,
  vhost,
  url,
  version,
  freshUntil,
  ttl,
  updatedAt,
  flags,
});

const EMPTY_ENOUGH: FileSystemRoom = { totalBytes: 1e12, availableBytes: 9e11 };

/** An edge in small: a primary with index and keeper, and two workers that ask it for segments. */
const openHost = (quotaBytes: number | undefined, room: () => FileSystemRoom = () => EMPTY_ENOUGH) => {
  const path = join(temporaryFolder(), "disk");
  const clock = new AdjustableClock();
  const index = openDiskIndexWriter(join(temporaryFolder(), "index.db"), {
    clock,
    onProblem: unexpectedProblem,
    indexing: "Disk",
  });
  const number = index.numberDisk(path);
  const disks = [quotaBytes === undefined ? { number, path } : { number, path, quotaBytes }];
  const evicted: IndexRow[] = [];
  const openWorker = (writer: string) =>
    openStore({
      disks,
      allocateFile: () => Promise.resolve(index.nextFileId()),
      allocateSegment: (disk) => keeper.grantSegment(writer, disk),
    });
  const bodies = openWorker(KEEPER_WRITER);
  const keeper = createSpaceKeeper({
    disks,
    index,
    bodies,
    clock,
    onProblem: unexpectedProblem,
    onEvicted: (rows) => evicted.push(...rows),
    measureRoom: () => Promise.resolve(room()),
  });
  const workers = [openWorker("worker 1"), openWorker("worker 2")] as const;
  let stored = 0;
  const newRow = (url: string, change: Partial<IndexRow>): IndexRow => {
    stored += 1;
    const moment = clock.now();
    const freshUntil = epochMs(moment + 3_600_000);
    return sampleRow({ url, version: stored, updatedAt: moment, lastAccess: moment, freshUntil, ...change });
  };
  const put = (row: IndexRow, location: ObjectLocation): IndexRow => {
    const placed = { ...row, location };
    index.put(placed);
    return placed;
  };
  const store = async (url: string, body: Buffer, worker = workers[0], change: Partial<IndexRow> = {}) => {
    const row = newRow(url, change);
    return put(row, await worker.append(imageOf(row), HEAD, body));
  };
  const storeFile = async (url: string, body: Buffer) => {
    const row = newRow(url, {});
    const file = await workers[0].createFile();
    await file.write(body);
    return put(row, await file.complete(imageOf(row), HEAD));
  };
  const close = async (): Promise<void> => {
    await Promise.all([bodies, ...workers].map((store) => store.close()));
    index.close();
  };
  return { path, number, clock, index, keeper, bodies, workers, evicted, newRow, put, store, storeFile, close };
};

describe("the space keeper on real disks", () => {
  it("CFG-40 never lets a disk hold more than its quota and one segment per writer", async () => {
    const quotaBytes = 8 * MIB;
    const host = openHost(quotaBytes);
    let most = 0;
    for (let number = 0; number < 400; number += 1) {
      await host.store(`/${number}`, patternBytes(60_000, number), host.workers[number % 2]);
      if (number % 10 === 0) most = Math.max(most, bytesIn(host.path));
    }
    await host.keeper.check();
    expect(most).toBeGreaterThan(quotaBytes * 0.7);
    expect(most).toBeLessThanOrEqual(quotaBytes + 2 * MIB);
    expect(bytesIn(host.path)).toBeLessThanOrEqual(quotaBytes);
    expect(host.evicted.length + host.index.totals.objects).toBe(400);

    const survivors: IndexRow[] = [];
    await host.index.scan({}, (row) => survivors.push(row));
    for (const row of survivors) expect(await host.bodies.load(row.location)).toBeDefined();
    const newestEvicted = Math.max(...host.evicted.map((row) => row.version));
    expect(survivors.some((row) => row.version === 400)).toBe(true);
    expect(newestEvicted).toBeLessThan(350);
    await host.close();
  });

  it("CFG-39 frees what was not accessed for longest: a cold body file before a recent segment", async () => {
    const host = openHost(4 * MIB);
    const rows: IndexRow[] = [];
    for (const url of ["/a", "/b", "/c", "/d"]) rows.push(await host.storeFile(url, patternBytes(MIB, url.length)));
    for (const [age, { key }] of rows.entries()) {
      host.index.update(key, { lastAccess: epochMs(host.clock.now() + (age === 0 ? 1_000_000 : age)) });
    }
    await host.keeper.check();
    expect(host.evicted.map(({ url }) => url)).toEqual(["/b"]);
    expect(filesIn(host.path)).toBe(3);
    await host.close();
  });

  it("CFG-39 moves the head of a body file that outlives its segment, and objects in use", async () => {
    const host = openHost(6 * MIB);
    const file = await host.storeFile("/kept", patternBytes(300_000, 1));
    const used = await host.store("/used", patternBytes(50_000, 2));
    for (const { key } of [file, used]) host.index.update(key, { lastAccess: epochMs(host.clock.now() + 1_000_000) });
    for (let number = 0; number < 90; number += 1) await host.store(`/${number}`, patternBytes(100_000, number));
    await host.keeper.check();
    const row = host.index.find(file.key);
    const moved = host.index.find(used.key);
    if (row === undefined || moved === undefined) throw new Error("the rows are gone");
    expect([row.location.segment, moved.location.segment]).not.toContain(file.location.segment);
    expect(existsSync(segmentFile(host.path, file.location.segment))).toBe(false);
    expect((await host.bodies.load(row.location))?.head).toEqual(HEAD);
    expect((await readAll(await host.bodies.openBody(row.location))).equals(patternBytes(300_000, 1))).toBe(true);
    expect((await host.bodies.load(moved.location))?.body?.equals(patternBytes(50_000, 2))).toBe(true);
    expect(host.keeper.counters.readmittedObjects).toBe(1);
    expect(host.evicted.length).toBeGreaterThan(30);
    await host.close();
  });

  it("REG-313 CFG-39 frees space when the file system runs short without a quota", async () => {
    let availableBytes = 10 * MIB;
    const host = openHost(undefined, () => ({ totalBytes: 10 * MIB, availableBytes }));
    const row = await host.storeFile("/large", patternBytes(2 * MIB, 1));
    await host.keeper.check();
    expect(host.index.find(row.key)).toBeDefined();
    availableBytes = 0;
    await host.keeper.check();
    expect(host.index.find(row.key)).toBeUndefined();
    await host.keeper.check();
    await host.close();
  });

  it("counts of a body in parts what is there", async () => {
    const host = openHost(8 * MIB);
    const row = host.newRow("/parts", {});
    const parted = await host.workers[0].createParted(imageOf(row), HEAD, 500 * MIB);
    host.put({ ...row, missingBytes: 499 * MIB }, parted.location);
    const part = await parted.startPart(3);
    await part.write(patternBytes(MIB, 3));
    await part.close();
    parted.release();
    await host.keeper.check();
    expect(host.keeper.usage()[0]).toMatchObject({ disk: host.number, fileBytes: MIB });
    expect(host.evicted).toEqual([]);
    await host.close();
  });

  it("deletes replaced body files, but not before their readers had time to open them", async () => {
    const host = openHost(undefined);
    const old = await host.storeFile("/a", patternBytes(1000, 1));
    await host.storeFile("/a", patternBytes(1000, 1));
    await host.keeper.check();
    (await host.bodies.openBody(old.location))?.release();
    expect(filesIn(host.path)).toBe(2);
    await host.keeper.check();
    expect(filesIn(host.path)).toBe(1);
    await host.close();
  });

  it("CFG-44 reclaims segments without rows when their writer is done with them, and never an open one", async () => {
    const host = openHost(undefined);
    const { key, location } = await host.store("/a", patternBytes(500, 1));
    const other = (await host.store("/b", patternBytes(500, 2), host.workers[1])).location;
    host.index.remove(key);
    host.clock.setOffset(milliseconds(3_600_000));
    await host.keeper.check();
    const exists = (segment: number) => existsSync(segmentFile(host.path, segment));
    expect(exists(location.segment)).toBe(true);
    host.keeper.writerGone("worker 1");
    host.keeper.writerGone("worker 2");
    await host.keeper.check();
    expect([exists(location.segment), exists(other.segment)]).toEqual([false, true]);
    expect(host.index.segmentUse().filter(({ liveObjects }) => liveObjects > 0)).toHaveLength(1);
    await host.close();
  });

  it("CFG-44 CFG-56 gives up the objects of a removed host before all others", async () => {
    const host = openHost(8 * MIB);
    const fill = async (prefix: string, count: number, vhost: string) => {
      for (let number = 0; number < count; number += 1) {
        await host.store(`${prefix}${number}`, patternBytes(100_000, number), host.workers[0], { vhost });
      }
    };
    await fill("/old/", 20, "kept.example.com");
    await fill("/gone/", 30, "removed.example.com");
    await fill("/new/", 15, "kept.example.com");
    host.index.keepVhosts(new Set(["kept.example.com"]));
    void host.keeper.sweep();
    await fill("/newer/", 25, "kept.example.com");
    expect(host.evicted).toEqual([]);
    expect(host.index.totals.objects).toBe(60);
    await host.close();
  });

  it("OPT-75 OPT-76 leaves an unmounted disk alone and begins anew when it comes back", async () => {
    const host = openHost(8 * MIB);
    for (let number = 0; number < 30; number += 1) await host.store(`/${number}`, patternBytes(100_000, number));
    const segments = bytesIn(host.path);
    host.index.retireDisk(host.number);
    host.keeper.setDisks([]);
    for (const store of [host.bodies, ...host.workers]) store.setDisks([]);
    await host.keeper.sweep();
    await host.keeper.check();
    expect(host.keeper.usage()).toEqual([]);
    expect(bytesIn(host.path)).toBe(segments);
    const disks = [{ number: host.index.numberDisk(host.path), path: host.path, quotaBytes: 8 * MIB }];
    for (const store of [host.bodies, ...host.workers]) store.setDisks(disks);
    host.keeper.setDisks(disks);
    host.clock.setOffset(milliseconds(3_600_000));
    await host.keeper.check();
    expect(bytesIn(host.path)).toBe(0);
    const { location } = await host.store("/again", patternBytes(100_000, 1));
    expect(location.disk).not.toBe(host.number);
    await host.close();
  });

  it("CFG-47 CFG-48 cleanup gives back what old objects and half-empty segments took", async () => {
    const host = openHost(64 * MIB);
    for (let number = 0; number < 40; number += 1) await host.store(`/${number}`, patternBytes(100_000, number));
    host.keeper.writerGone("worker 1");
    for (const row of await rowsOf(host.index)) if (Number(row.url.slice(1)) % 10 !== 3) host.index.remove(row.key);
    host.clock.setOffset(milliseconds(3_600_000));
    const report = await host.keeper.cleanup({ ageDays: 30, emptyFolder: "delete", nowMs: host.clock.now() });
    expect(report).toMatchObject({ objects: 0, segments: 4 });
    expect(bytesIn(host.path)).toBeLessThan(500_000);
    for (const row of await rowsOf(host.index)) {
      expect((await host.bodies.load(row.location))?.body?.length).toBe(100_000);
    }
    host.clock.setOffset(milliseconds(40 * 24 * 3_600_000));
    const later = await host.keeper.cleanup({ ageDays: 30, emptyFolder: "keep", nowMs: host.clock.now() });
    expect(later).toMatchObject({ objects: 4, folders: 0 });
    expect(host.index.totals.objects).toBe(0);
    await host.close();
  });
});

const rowsOf = async (index: { scan: (filter: object, visit: (row: IndexRow) => void) => Promise<void> }) => {
  const rows: IndexRow[] = [];
  await index.scan({}, (row) => rows.push(row));
  return rows;
};

const segmentFile = (root: string, segment: number): string =>
  join(root, "seg", (segment % 256).toString(16).padStart(2, "0"), `${segment}.seg`);
