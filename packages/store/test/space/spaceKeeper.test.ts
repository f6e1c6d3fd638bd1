import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { AdjustableClock, epochMs, milliseconds } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { IndexRow, ObjectLocation } from "../../src/contract.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import type { FileSystemRoom } from "../../src/space/fileSystemRoom.ts";
import { createSpaceKeeper, KEEPER_WRITER } from "../../src/space/spaceKeeper.ts";
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

const EMPTY_ENOUGH: FileSystemRoom = { totalBytes: 1e12, availableBytes: 9e11 };

/** An edge in small: a primary with index and keeper, and two workers that ask it for segments. */
const openHost = (quotaBytes: number | undefined, room: () => FileSystemRoom = () => EMPTY_ENOUGH) => {
  const path = join(temporaryFolder(), "disk");
  const clock = new AdjustableClock();
  const disks = [quotaBytes === undefined ? { path } : { path, quotaBytes }];
  const index = openDiskIndexWriter(join(temporaryFolder(), "index.db"), { clock, onProblem: unexpectedProblem });
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
  const put = (url: string, location: ObjectLocation): IndexRow => {
    stored += 1;
    const moment = epochMs(clock.now() + stored);
    const row = sampleRow({ url, location, version: stored, updatedAt: moment, lastAccess: moment });
    index.put(row);
    return row;
  };
  const close = async (): Promise<void> => {
    await Promise.all([bodies, ...workers].map((store) => store.close()));
    index.close();
  };
  return { path, clock, index, keeper, bodies, workers, evicted, put, close };
};

describe("the space keeper", () => {
  it("CFG-40 never lets a disk hold more than its quota and one segment per writer", async () => {
    const quotaBytes = 8 * MIB;
    const host = openHost(quotaBytes);
    let most = 0;
    for (let number = 0; number < 400; number += 1) {
      const worker = host.workers[number % 2] ?? host.workers[0];
      host.put(`/${number}`, await worker.append(HEAD, patternBytes(60_000, number)));
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
    const fill = async (url: string) => {
      const file = await host.workers[0].createFile();
      await file.write(patternBytes(MIB, url.length));
      return host.put(url, await file.complete(HEAD));
    };
    const rows = [await fill("/a"), await fill("/bb"), await fill("/ccc"), await fill("/dddd")];
    host.index.update(rows[0]?.key ?? Buffer.alloc(16), { lastAccess: epochMs(host.clock.now() + 1_000_000) });
    await host.keeper.check();
    expect(host.evicted.map(({ url }) => url)).toEqual(["/bb"]);
    expect(bytesIn(join(host.path, "obj"))).toBe(3 * MIB);
    await host.close();
  });

  it("moves the head of a body file that outlives its segment", async () => {
    const host = openHost(4 * MIB);
    const file = await host.workers[0].createFile();
    await file.write(patternBytes(300_000, 1));
    const { key } = host.put("/kept", await file.complete(HEAD));
    host.index.update(key, { lastAccess: epochMs(host.clock.now() + 1_000_000) });
    const first = host.index.find(key)?.location.segment;
    for (let number = 0; number < 90; number += 1) {
      host.put(`/${number}`, await host.workers[0].append(HEAD, patternBytes(100_000, number)));
    }
    await host.keeper.check();
    const row = host.index.find(key);
    expect(row?.location.segment).not.toBe(first);
    if (row === undefined) throw new Error("the row is gone");
    expect((await host.bodies.load(row.location))?.head).toEqual(HEAD);
    expect((await readAll(await host.bodies.openBody(row.location))).equals(patternBytes(300_000, 1))).toBe(true);
    expect(host.evicted.length).toBeGreaterThan(30);
    await host.close();
  });

  it("CFG-39 frees space when the file system runs short without a quota", async () => {
    let lackingFrom = 0;
    const host = openHost(undefined, () => ({ totalBytes: 10 * MIB, availableBytes: lackingFrom }));
    lackingFrom = 10 * MIB;
    const file = await host.workers[0].createFile();
    await file.write(patternBytes(2 * MIB, 1));
    const row = host.put("/large", await file.complete(HEAD));
    await host.keeper.check();
    expect(host.index.find(row.key)).toBeDefined();
    lackingFrom = 0;
    await host.keeper.check();
    expect(host.index.find(row.key)).toBeUndefined();
    await host.keeper.check();
    await host.close();
  });

  it("deletes replaced body files, but not before their readers had time to open them", async () => {
    const host = openHost(undefined);
    const fill = async () => {
      const file = await host.workers[0].createFile();
      await file.write(patternBytes(1000, 1));
      return host.put("/a", await file.complete(HEAD));
    };
    const old = await fill();
    await fill();
    await host.keeper.check();
    (await host.bodies.openBody(old.location))?.release();
    expect(bytesIn(join(host.path, "obj"))).toBe(2000);
    await host.keeper.check();
    expect(bytesIn(join(host.path, "obj"))).toBe(1000);
    await host.close();
  });

  it("CFG-44 reclaims segments without rows when their writer is done with them, and never an open one", async () => {
    const host = openHost(undefined);
    const location = await host.workers[0].append(HEAD, patternBytes(500, 1));
    const other = await host.workers[1].append(HEAD, patternBytes(500, 2));
    host.index.remove(host.put("/a", location).key);
    host.put("/b", other);
    host.clock.setOffset(milliseconds(3_600_000));
    await host.keeper.check();
    const exists = (segment: number) =>
      host.keeper.usage()[0] !== undefined && existsSync(segmentFile(host.path, segment));
    expect(exists(location.segment)).toBe(true);
    host.keeper.writerGone("worker 1");
    host.keeper.writerGone("worker 2");
    await host.keeper.check();
    expect([exists(location.segment), exists(other.segment)]).toEqual([false, true]);
    expect(host.index.segmentUse().map(({ segment }) => segment)).toEqual([other.segment]);
    await host.close();
  });

  it("counts a growing file before it is an object", async () => {
    const host = openHost(4 * MIB);
    for (let number = 0; number < 30; number += 1) {
      host.put(`/${number}`, await host.workers[0].append(HEAD, patternBytes(100_000, number)));
    }
    host.keeper.noteGrowing(0, 99, 3 * MIB);
    await host.keeper.check();
    expect(host.evicted.length).toBeGreaterThan(5);
    expect(host.keeper.usage()[0]?.growingBytes).toBe(3 * MIB);
    host.keeper.noteGrowing(0, 99, 0);
    await host.keeper.check();
    expect(host.keeper.usage()[0]?.growingBytes).toBe(0);
    await host.close();
  });
});

const segmentFile = (root: string, segment: number): string =>
  join(root, "seg", (segment % 256).toString(16).padStart(2, "0"), `${segment}.seg`);
