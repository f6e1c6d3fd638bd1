import { epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { DISK, MIB, MINUTE_MS, openHost } from "./fakeHost.ts";

const oldSegment = (segment: number, disk = DISK) => ({
  disk,
  segment,
  fileBytes: MIB,
  modifiedAt: epochMs(1_700_000_000_000 + segment),
});

describe("what the keeper knows without looking", () => {
  it("lists the segments at start and every ten minutes, whatever is written between", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    for (let number = 0; number < 540; number += 1) {
      host.clock.nowMs += 1000;
      if (number % 10 === 0) await host.store(`/${number}`, 349_000);
      await host.keeper.check();
    }
    expect(host.fakes.calls.listSegments).toBe(1);
    host.clock.nowMs += 2 * MINUTE_MS;
    await host.keeper.check();
    expect(host.fakes.calls.listSegments).toBe(2);
  });

  it("a check that frees nothing looks at no segment, however many there are", async () => {
    const host = openHost({ quotaBytes: 100_000 * MIB });
    for (let segment = 100_001; segment <= 140_000; segment += 4) {
      host.fakes.addSegment(oldSegment(segment));
      const location = { disk: DISK, segment, offset: 0, headBytes: 100, bodyBytes: MIB - 140, file: 0 };
      host.enter({ url: `/${segment}`, location });
    }
    await host.keeper.check();
    const before = { ...host.index.calls };
    for (let second = 0; second < 20; second += 1) {
      host.clock.nowMs += 1000;
      await host.keeper.check();
    }
    expect(host.index.calls).toEqual(before);
    expect(host.fakes.calls.listSegments).toBe(1);
  });

  it("corrects its accounts by what a listing finds: segments that came, grew or are gone", async () => {
    const host = openHost({ quotaBytes: 64 * MIB });
    await host.storeMany("/", 9);
    await host.keeper.check();
    expect(host.keeper.usage()[0]?.segmentBytes).toBe(host.fakes.bytesOn(DISK));
    host.fakes.segments.delete(1);
    host.fakes.addSegment({ ...oldSegment(77), modifiedAt: host.clock.now() });
    host.clock.nowMs += 10 * MINUTE_MS;
    await host.keeper.check();
    await host.keeper.check();
    expect(host.keeper.usage()[0]?.segmentBytes).toBe(host.fakes.bytesOn(DISK));
  });

  it("tells what a disk holds: live and dead bytes of segments, files, quota and file system", async () => {
    const host = openHost({ quotaBytes: 64 * MIB });
    host.rooms.set("/cache/a", { totalBytes: 900 * MIB, availableBytes: 700 * MIB });
    await host.storeMany("/", 6);
    await host.storeFile("/file", 2 * MIB);
    await host.keeper.check();
    for (const row of [...host.index.rows.values()]) if (row.url === "/4") host.index.remove(row.key);
    expect(host.keeper.usage()).toEqual([
      {
        disk: DISK,
        segmentBytes: 6 * 349_240 + 240,
        deadBytes: 349_240,
        fileBytes: 2 * MIB,
        growingBytes: 0,
        quotaBytes: 64 * MIB,
        availableBytes: 700 * MIB,
        totalBytes: 900 * MIB,
      },
    ]);
  });

  it("CFG-44 deletes segments without rows when their writer is done with them, never an open one", async () => {
    const host = openHost();
    const first = await host.store("/a", 500);
    await host.store("/b", 500, {}, host.workers[1]);
    host.index.remove(first.key);
    host.clock.nowMs += 60 * MINUTE_MS;
    await host.keeper.check();
    expect(host.fakes.deletedSegments).toEqual([]);
    host.keeper.writerGone("worker 1");
    host.keeper.writerGone("worker 2");
    await host.keeper.check();
    expect(host.fakes.deletedSegments).toEqual([first.location.segment]);
    expect(host.index.segmentUse().filter(({ liveObjects }) => liveObjects > 0)).toHaveLength(1);
  });

  it("lets a closed segment wait for the rows of its last records", async () => {
    const host = openHost();
    const { key, location } = await host.store("/a", 500);
    await host.workers[0].append(DISK, Buffer.alloc(200), Buffer.alloc(500));
    host.index.remove(key);
    host.keeper.writerGone("worker 1");
    await host.keeper.check();
    expect(host.fakes.segments.has(location.segment)).toBe(true);
    host.clock.nowMs += 6 * MINUTE_MS;
    await host.keeper.check();
    expect(host.fakes.segments.has(location.segment)).toBe(false);
  });

  it("a segment that a surviving writer still has open is not touched", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    host.fakes.addSegment(oldSegment(900));
    await host.keeper.check();
    host.fakes.addSegment(oldSegment(901));
    host.keeper.segmentOpened("worker 7", DISK, 901);
    await host.storeMany("/", 30);
    expect(host.fakes.segments.has(901)).toBe(true);
    expect(host.fakes.segments.has(900)).toBe(false);
  });

  it("replaced body files go a check later, when their readers have had time to open them", async () => {
    const host = openHost();
    await host.storeFile("/a", 1000);
    await host.storeFile("/a", 1000);
    await host.keeper.check();
    expect(host.fakes.files.size).toBe(2);
    await host.keeper.check();
    expect(host.fakes.files.size).toBe(1);
  });
});

describe("disks that come and go", () => {
  const disks = [
    { number: 4, path: "/cache/a", quotaBytes: 8 * MIB },
    { number: 9, path: "/cache/b", quotaBytes: 8 * MIB },
  ] as const;

  it("OPT-75 a disk that left is not touched any more, and its rows are swept", async () => {
    const host = openHost({ disks });
    for (let number = 0; number < 6; number += 1) await host.store(`/${number}`, 349_000, {}, host.workers[0], 9);
    await host.keeper.check();
    const sweeps = host.index.calls.sweep;
    const segments = host.fakes.segments.size;
    host.keeper.setDisks(disks.slice(0, 1));
    expect(host.index.calls.sweep).toBe(sweeps + 1);
    for (const row of [...host.index.rows.values()]) host.index.remove(row.key);
    host.clock.nowMs += 60 * MINUTE_MS;
    await host.keeper.check();
    await host.keeper.diskFull(9);
    host.keeper.noteGrowing(9, 5, MIB);
    expect(await host.keeper.grantSegment("worker 1", 9)).toBeGreaterThan(0);
    host.keeper.writerGone("worker 1");
    await host.keeper.check();
    expect(host.fakes.segments.size).toBe(segments);
    expect(host.keeper.usage().map(({ disk }) => disk)).toEqual([4]);
  });

  it("OPT-76 a disk that came is listed once, and a new quota counts at once", async () => {
    const host = openHost({ disks: disks.slice(0, 1) });
    await host.keeper.check();
    host.fakes.disks = disks;
    for (let segment = 500; segment < 506; segment += 1) host.fakes.addSegment(oldSegment(segment, 9));
    const row = (segment: number) => ({ disk: 9, segment, offset: 0, headBytes: 100, bodyBytes: MIB - 140, file: 0 });
    for (let segment = 500; segment < 506; segment += 1) host.enter({ url: `/${segment}`, location: row(segment) });
    host.keeper.setDisks(disks);
    await host.keeper.check();
    await host.keeper.check();
    expect(host.fakes.calls.listSegments).toBe(2);
    expect(host.keeper.usage()[1]).toMatchObject({ disk: 9, segmentBytes: 6 * MIB });
    host.keeper.setDisks([disks[0], { ...disks[1], quotaBytes: 4 * MIB }]);
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/500", "/501"]);
    expect(host.fakes.calls.listSegments).toBe(2);
  });

  it("says once that a disk does not tell its free space, and works on by its quota", async () => {
    const host = openHost({ disks: disks.slice(0, 1) });
    host.rooms.get = () => {
      throw new Error("stale handle");
    };
    await host.storeMany("/", 30);
    expect(host.problems.map(({ message }) => message)).toEqual(["Free space is unknown: stale handle."]);
    expect(host.evicted.length).toBe(6);
  });

  it("reports a failure to make room, and gives the segment and an answer all the same", async () => {
    const host = openHost({ disks: disks.slice(0, 1) });
    await host.storeMany("/", 22);
    host.index.scanSegment = () => Promise.reject(new Error("the index is gone"));
    await host.keeper.diskFull(4);
    await host.storeMany("/more/", 3);
    expect(host.problems.map(({ file, message }) => [file, message])).toEqual([
      ["/cache/a", "No room could be made: the index is gone."],
      ["/cache/a", "No room could be made: the index is gone."],
    ]);
    expect(host.fakes.segments.has(1)).toBe(true);
  });

  it("does nothing after it was closed", async () => {
    const host = openHost({ disks });
    await host.keeper.check();
    await host.keeper.close();
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: 0 });
    await host.keeper.check();
    await host.keeper.diskFull(4);
    expect(await host.keeper.sweep()).toBe(0);
    expect(host.fakes.deletedSegments).toEqual([]);
  });
});
