import { epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { ROW_FLAG } from "../../src/contract.ts";
import { DAY_MS, DISK, MIB, MINUTE_MS, openHost } from "./fakeHost.ts";

describe("the order in which a disk gives things up", () => {
  it("CFG-40 holds the quota with several writers: never more than it and one segment each", async () => {
    const quotaBytes = 16 * MIB;
    const host = openHost({ quotaBytes });
    let most = 0;
    for (let number = 0; number < 300; number += 1) {
      host.clock.nowMs += 1000;
      await host.store(`/${number}`, 100_000 + (number % 7) * 20_000, {}, host.workers[number % 2]);
      most = Math.max(most, host.fakes.bytesOn(DISK));
    }
    expect(most).toBeGreaterThan(quotaBytes * 0.8);
    expect(most).toBeLessThanOrEqual(quotaBytes + 2 * MIB);
    expect(host.evicted.length + host.index.rows.size).toBe(300);
    expect(host.keeper.counters.evictedObjects).toBe(host.evicted.length);
    expect(host.keeper.counters.freedBytes).toBeGreaterThan(20 * MIB);
  });

  it("CFG-39 lets the oldest segments go first, and all that was not used since it was written", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/", 30);
    const gone = host.evictedUrls();
    expect(gone).toEqual(Array.from({ length: gone.length }, (_, number) => `/${number}`));
    expect(gone.length).toBeGreaterThan(3);
    expect(host.fakes.deletedSegments).toEqual([...host.fakes.deletedSegments].sort((a, b) => a - b));
    expect(host.keeper.counters.readmittedObjects).toBe(0);
  });

  it("CFG-39 writes used objects anew, newest access first, at most half of the segment", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/first/", 10, 100_000);
    host.clock.nowMs += 10 * MINUTE_MS;
    for (const number of [7, 1, 3, 5, 9, 2]) {
      host.clock.nowMs += MINUTE_MS;
      host.touch(`/first/${number}`);
    }
    await host.storeMany("/", 22);
    // The segment is 1 MB long: five records of 100 KB are its half.
    expect(host.urls().filter((url) => url.startsWith("/first"))).toEqual([
      "/first/1",
      "/first/2",
      "/first/3",
      "/first/5",
      "/first/9",
    ]);
    expect(host.keeper.counters).toMatchObject({ readmittedObjects: 5, readmittedBytes: 5 * 100_240 });
    expect(host.evictedUrls().slice(0, 5)).toEqual(["/first/0", "/first/4", "/first/6", "/first/8", "/first/7"]);
  });

  it("CFG-39 an access counts once: what was written anew goes the next time, unless it is used again", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/first/", 10, 100_000);
    host.clock.nowMs += 10 * MINUTE_MS;
    for (const number of [1, 2]) host.touch(`/first/${number}`);
    await host.storeMany("/", 22);
    expect(host.urls().filter((url) => url.startsWith("/first"))).toEqual(["/first/1", "/first/2"]);
    const accessed = [...host.index.rows.values()].find(({ url }) => url === "/first/1")?.lastAccess;
    expect(accessed).toBeLessThan(host.clock.nowMs - 20 * MINUTE_MS);
    host.clock.nowMs += 10 * MINUTE_MS;
    // Other objects in use fill the keeper's segment, so that it is closed and grows old.
    for (let round = 0; round < 8; round += 1) {
      await host.storeMany(`/round/${round}/`, 12, 200_000);
      for (let number = 0; number < 12; number += 1) host.touch(`/round/${round}/${number}`);
      host.clock.nowMs += 2 * MINUTE_MS;
      for (let number = 0; number < 12; number += 1) host.touch(`/round/${round}/${number}`);
      host.touch("/first/2");
    }
    expect(host.urls().filter((url) => url.startsWith("/first"))).toEqual(["/first/2"]);
  });

  it("makes moved objects durable before their old segment is deleted", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/first/", 3);
    expect(host.index.calls.sync + host.fakes.calls.sync).toBe(0);
    host.clock.nowMs += 10 * MINUTE_MS;
    host.touch("/first/1");
    await host.storeMany("/", 22);
    expect([host.fakes.calls.sync, host.index.calls.sync]).toEqual([1, 1]);
    const row = [...host.index.rows.values()].find(({ url }) => url === "/first/1");
    expect(host.fakes.segments.has(row?.location.segment ?? 0)).toBe(true);
  });

  it("writes nothing anew for purged and long expired objects", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.store("/purged", 100_000, { flags: ROW_FLAG.PURGED });
    await host.store("/expired", 100_000, { freshUntil: epochMs(host.clock.nowMs + MINUTE_MS) });
    await host.store("/stale", 100_000, { freshUntil: epochMs(host.clock.nowMs + MINUTE_MS) });
    await host.store("/used", 100_000);
    host.clock.nowMs += 10 * MINUTE_MS;
    for (const url of ["/purged", "/expired", "/used"]) host.touch(url);
    host.clock.nowMs += 2 * DAY_MS;
    host.touch("/stale");
    await host.storeMany("/", 24);
    expect(host.urls()).toEqual(expect.arrayContaining(["/stale", "/used"]));
    expect(host.evictedUrls().slice(0, 2)).toEqual(["/purged", "/expired"]);
  });

  it("writes nothing anew on a disk that is about to be full, nor when writing fails", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    const fill = async (prefix: string) => {
      await host.storeMany(prefix, 3);
      host.clock.nowMs += 10 * MINUTE_MS;
      for (const number of [0, 1, 2]) host.touch(`${prefix}${number}`);
    };
    await fill("/a/");
    host.fakes.isReadOnly = true;
    await host.storeMany("/", 22);
    expect(host.evictedUrls().slice(0, 3).sort()).toEqual(["/a/0", "/a/1", "/a/2"]);
    host.fakes.isReadOnly = false;
    await fill("/b/");
    await host.storeMany("/c/", 3);
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: MIB });
    await host.keeper.check();
    expect(host.urls()).not.toContain("/b/1");
    expect(host.keeper.counters.readmittedObjects).toBe(0);
  });

  it("CFG-39 weighs body files by their last access against segments, coldest first", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    for (const name of ["a", "b", "c"]) {
      host.clock.nowMs += MINUTE_MS;
      await host.storeFile(`/${name}`, MIB);
    }
    await host.storeMany("/packed/", 6);
    host.clock.nowMs += 10 * MINUTE_MS;
    host.touch("/a");
    await host.storeMany("/more/", 10);
    expect(host.evictedUrls()).toEqual(["/b"]);
    await host.storeMany("/last/", 3);
    expect(host.evictedUrls()).toEqual(["/b", "/c"]);
    expect(host.fakes.files.size).toBe(1);
    await host.storeMany("/end/", 3);
    expect(host.evictedUrls().slice(2, 5)).toEqual(["/packed/0", "/packed/1", "/packed/2"]);
    const kept = [...host.index.rows.values()].find(({ url }) => url === "/a");
    expect(host.fakes.segments.has(kept?.location.segment ?? 0)).toBe(true);
    expect(host.keeper.counters.readmittedObjects).toBe(0);
  });

  it("counts of a body in parts what is on the disk, and frees as much", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeFile("/huge", 1000 * MIB, { missingBytes: 998 * MIB });
    await host.keeper.check();
    expect(host.keeper.usage()[0]).toMatchObject({ disk: DISK, fileBytes: 2 * MIB });
    expect(host.evicted).toEqual([]);
    host.clock.nowMs += MINUTE_MS;
    await host.storeMany("/", 19);
    expect(host.evictedUrls()).toEqual(["/huge"]);
    expect(host.keeper.counters).toMatchObject({ evictedBytes: 2 * MIB, freedBytes: 2 * MIB });
  });

  it("a replaced body of which little was there does not displace others", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeFile("/huge", 1000 * MIB, { missingBytes: 999 * MIB });
    await host.storeMany("/", 9);
    await host.keeper.check();
    await host.storeFile("/huge", 1000 * MIB, { missingBytes: 999 * MIB });
    for (let second = 0; second < 3; second += 1) await host.keeper.check();
    expect(host.evicted).toEqual([]);
    expect(host.fakes.files.size).toBe(1);
  });

  it("counts a growing file before it is an object", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/", 16);
    host.keeper.noteGrowing(DISK, 99, MIB);
    host.keeper.noteGrowing(DISK, 99, 3 * MIB);
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/0", "/1", "/2"]);
    expect(host.keeper.usage()[0]?.growingBytes).toBe(3 * MIB);
    host.keeper.noteGrowing(DISK, 99, 0);
    expect(host.keeper.usage()[0]?.growingBytes).toBe(0);
  });

  it("CFG-40 makes room as soon as it is told that more was written, not only each second", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/", 6);
    await host.keeper.check();
    await host.storeFile("/a", 3 * MIB);
    host.keeper.noteWritten();
    await host.keeper.close();
    expect(host.evicted).toEqual([]);
    const full = openHost({ quotaBytes: 8 * MIB });
    await full.storeMany("/", 6);
    await full.keeper.check();
    await full.storeFile("/a", 7 * MIB);
    full.keeper.noteWritten();
    await full.keeper.close();
    expect(full.evicted.length).toBeGreaterThan(0);
  });

  it("REG-70 CFG-39 frees space when the file system runs short without a quota", async () => {
    const host = openHost();
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: 400 * MIB });
    await host.storeFile("/large", 20 * MIB);
    await host.storeFile("/other", 20 * MIB);
    await host.keeper.check();
    expect(host.evicted).toEqual([]);
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: 60 * MIB });
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/large"]);
  });

  it("CFG-39 a write that met a full disk frees a segment at once, however many report it", async () => {
    const host = openHost({ quotaBytes: 64 * MIB });
    await host.storeMany("/", 12);
    await host.keeper.check();
    await Promise.all([host.keeper.diskFull(DISK), host.keeper.diskFull(DISK), host.keeper.diskFull(DISK)]);
    expect(host.evictedUrls()).toEqual(["/0", "/1", "/2", "/3", "/4", "/5"]);
    await host.keeper.diskFull(DISK);
    expect(host.evicted.length).toBe(9);
    await host.keeper.diskFull(77);
  });

  it("CFG-39 frees no more than a small segment on a small file system without a quota", async () => {
    const host = openHost();
    host.rooms.set("/cache/a", { totalBytes: 64 * MIB, availableBytes: 10 * MIB });
    for (let segment = 501; segment <= 540; segment += 1) {
      host.fakes.addSegment({ disk: DISK, segment, fileBytes: MIB, modifiedAt: epochMs(host.clock.nowMs + segment) });
      const location = { disk: DISK, segment, offset: 0, headBytes: 100, bodyBytes: MIB - 140, file: 0 };
      host.enter({ url: `/${segment}`, location });
    }
    await host.keeper.check();
    await host.keeper.diskFull(DISK);
    expect(host.evictedUrls()).toEqual(["/501"]);
  });

  it("REG-152 CFG-44 takes objects of removed hosts and purged bodies before any living object", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/old/", 6);
    await host.storeMany("/gone/", 6, 300_000, { vhost: "removed.example.com" });
    await host.storeMany("/new/", 3);
    host.index.removedHosts.add("removed.example.com");
    void host.keeper.sweep();
    await host.storeMany("/newer/", 12);
    expect(host.evicted).toEqual([]);
    expect(host.urls().filter((url) => url.startsWith("/gone"))).toEqual([]);
    expect(host.urls().length).toBe(21);
  });

  it("empties a segment of which little lives before it gives up what lives elsewhere", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    await host.storeMany("/old/", 3);
    await host.storeMany("/mixed/", 20, 100_000);
    await host.storeMany("/new/", 6);
    for (const row of [...host.index.rows.values()]) {
      if (/^\/mixed\/\d*[0-8]$/.test(row.url)) host.index.remove(row.key);
    }
    host.clock.nowMs += 2 * MINUTE_MS;
    await host.storeMany("/newer/", 10);
    expect(host.evicted).toEqual([]);
    expect(host.urls()).toEqual(expect.arrayContaining(["/mixed/19", "/mixed/9"]));
    expect(host.keeper.counters).toMatchObject({ readmittedObjects: 2, readmittedBytes: 2 * 100_240 });
  });

  it("goes on with others when a segment cannot be deleted, and says so once", async () => {
    const host = openHost({ quotaBytes: 8 * MIB });
    host.fakes.undeletable.add(1);
    await host.storeMany("/", 31);
    expect(host.problems.map(({ message }) => message)).toEqual(["It could not be deleted to make room."]);
    expect(host.fakes.segments.has(1)).toBe(true);
    expect(host.fakes.bytesOn(DISK)).toBeLessThanOrEqual(8 * MIB);
    host.fakes.undeletable.clear();
    host.clock.nowMs += 20 * MINUTE_MS;
    await host.keeper.check();
    await host.keeper.check();
    expect(host.fakes.segments.has(1)).toBe(false);
  });
});
