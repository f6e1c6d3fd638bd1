import { describe, expect, it } from "vitest";
import { DAY_MS, DISK, MIB, MINUTE_MS, openHost } from "./fakeHost.ts";

type Host = ReturnType<typeof openHost>;

const cleanup = (host: Host, change: { readonly ageDays?: number; readonly emptyFolder?: "delete" | "keep" } = {}) =>
  host.keeper.cleanup({ ageDays: 0, emptyFolder: "delete", nowMs: host.clock.now(), ...change });

describe("cleanup", () => {
  it("CFG-48 CFG-52 removes what was not accessed for so many days, and the bytes it took", async () => {
    const host = openHost();
    await host.storeMany("/old/", 3);
    await host.storeFile("/file", 5 * MIB, { missingBytes: MIB });
    host.keeper.writerGone("worker 1");
    await host.keeper.check();
    host.clock.nowMs += 10 * DAY_MS;
    host.touch("/old/1");
    host.clock.nowMs += MINUTE_MS;
    const report = await cleanup(host, { ageDays: 10 });
    expect(report).toEqual({ objects: 3, bytes: 4 * MIB, segments: 0, folders: 3 });
    expect(host.evictedUrls()).toEqual(["/old/0", "/old/2", "/file"]);
    expect(host.urls()).toEqual(["/old/1"]);
    expect(host.fakes.files.size).toBe(0);
  });

  it("CFG-48 an age of 0 removes nothing while there is space, whatever the age", async () => {
    const host = openHost({ quotaBytes: 64 * MIB });
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: 500 * MIB });
    await host.storeMany("/", 9);
    host.clock.nowMs += 400 * DAY_MS;
    expect(await cleanup(host)).toEqual({ objects: 0, bytes: 0, segments: 0, folders: 3 });
    expect(host.urls().length).toBe(9);
  });

  it("CFG-48 CFG-52 an age of 0 frees where space is judged insufficient: twice the usual reserve", async () => {
    const host = openHost({ quotaBytes: 64 * MIB });
    host.rooms.set("/cache/a", { totalBytes: 1000 * MIB, availableBytes: 100 * MIB });
    await host.storeMany("/", 12);
    await host.keeper.check();
    expect(host.evicted).toEqual([]);
    const report = await cleanup(host);
    expect(report).toMatchObject({ objects: 3, segments: 1, bytes: 3 * 349_240 });
    expect(host.evictedUrls()).toEqual(["/0", "/1", "/2"]);
  });

  it("CFG-40 CFG-48 counts a quota that is nearly used up as insufficient", async () => {
    const host = openHost({ quotaBytes: 40 * MIB });
    await host.storeMany("/", 117);
    await host.keeper.check();
    expect(host.evicted).toEqual([]);
    expect((await cleanup(host)).objects).toBe(3);
  });

  it("CFG-47 empties segments of which less than a quarter lives, and paces what it writes", async () => {
    const host = openHost();
    for (let segment = 0; segment < 4; segment += 1) {
      await host.storeMany(`/${segment}/`, 10, 100_000);
      host.keeper.writerGone("worker 1");
      host.workers[0].leaveSegments();
    }
    for (const row of [...host.index.rows.values()]) {
      if (/^\/[012]\/[2-9]$/.test(row.url)) host.index.remove(row.key);
    }
    for (const row of [...host.index.rows.values()]) if (row.url.startsWith("/2/")) host.index.remove(row.key);
    host.clock.nowMs += 5_000;
    const report = await cleanup(host);
    expect(report).toEqual({ objects: 0, bytes: 3 * 1_002_400 - 4 * 100_240, segments: 3, folders: 3 });
    expect(host.urls()).toEqual(["/0/0", "/0/1", "/1/0", "/1/1", ...Array.from({ length: 10 }, (_, n) => `/3/${n}`)]);
    expect(host.fakes.bytesOn(DISK)).toBe(1_002_400 + 4 * 100_240);
    expect(host.pausesMs.length).toBe(3);
    expect(Math.max(...host.pausesMs)).toBeGreaterThan(20);
  });

  it("CFG-44 CFG-56 removes the rows of removed hosts, then the segments they leave behind", async () => {
    const host = openHost();
    await host.storeMany("/", 10, 100_000, { vhost: "removed.example.com" });
    await host.storeMany("/kept/", 1, 100_000);
    host.keeper.writerGone("worker 1");
    await host.keeper.check();
    host.index.removedHosts.add("removed.example.com");
    const report = await cleanup(host);
    expect(report).toMatchObject({ objects: 10, segments: 1, bytes: 10 * 100_240 });
    expect(host.urls()).toEqual(["/kept/0"]);
  });

  it("CFG-49 removes empty folders, or keeps them", async () => {
    const host = openHost();
    expect((await cleanup(host, { emptyFolder: "keep" })).folders).toBe(0);
    expect(host.fakes.calls.removeEmptyFolders).toBe(0);
    expect((await cleanup(host, { emptyFolder: "delete" })).folders).toBe(3);
  });

  it("CFG-47 one cleanup runs at a time, while checks go on between its steps", async () => {
    const host = openHost();
    await host.storeMany("/", 3);
    host.clock.nowMs += 2 * DAY_MS;
    const [first, , second] = await Promise.all([
      cleanup(host, { ageDays: 1 }),
      host.keeper.check(),
      cleanup(host, { ageDays: 1 }),
    ]);
    expect([first.objects, second.objects]).toEqual([3, 0]);
  });
});
