import { describe, expect, it } from "vitest";
import { DISK, MIB, MINUTE_MS, openHost } from "./fakeHost.ts";

describe("the limit of the number of objects (Indexing Memory)", () => {
  it("OPT-11 gives up the oldest objects, segment by segment, and tells of them", async () => {
    const host = openHost({ quotaBytes: 64 * MIB, objectLimit: 20 });
    await host.storeMany("/", 20);
    await host.keeper.check();
    expect(host.evicted).toEqual([]);
    await host.storeMany("/more/", 3);
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/0", "/1", "/2"]);
    expect(host.fakes.deletedSegments).toEqual([1]);
    expect(host.index.totals.objects).toBe(20);
  });

  it("OPT-11 takes no more of a segment than it must, least recently used first", async () => {
    const host = openHost({ quotaBytes: 64 * MIB, objectLimit: 10 });
    await host.storeMany("/", 10, 100_000);
    await host.storeMany("/more/", 4);
    host.clock.nowMs += 10 * MINUTE_MS;
    for (const url of ["/0", "/2"]) host.touch(url);
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/1", "/3", "/4", "/5"]);
    expect(host.fakes.deletedSegments).toEqual([]);
    expect(host.keeper.counters).toMatchObject({ evictedObjects: 4, readmittedObjects: 0 });
  });

  it("OPT-11 an object in use outlives its segment here too, and cold body files go in their turn", async () => {
    const host = openHost({ quotaBytes: 64 * MIB, objectLimit: 6 });
    await host.storeFile("/cold", MIB);
    await host.storeMany("/", 3);
    await host.storeMany("/more/", 6);
    host.clock.nowMs += 10 * MINUTE_MS;
    host.touch("/1");
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual(["/cold", "/0", "/2", "/more/0"]);
    expect(host.urls()).toContain("/1");
    expect(host.fakes.files.size).toBe(0);
  });

  it("OPT-11 holds the limit in segments that are still open", async () => {
    const host = openHost({ objectLimit: 64 });
    for (let number = 0; number < 80; number += 1) {
      host.clock.nowMs += 1000;
      await host.store(`/${number}`, 100);
    }
    await host.keeper.check();
    expect(host.index.totals.objects).toBe(63);
    expect(host.evictedUrls()).toEqual(Array.from({ length: 17 }, (_, number) => `/${number}`));
    expect(host.fakes.bytesOn(DISK)).toBe(80 * 344);
  });

  it("REG-64 gives up objects whatever characters their URLs have", async () => {
    const host = openHost({ quotaBytes: 64 * MIB, objectLimit: 6 });
    const odd = ["/a|b", "/|", "/a?x|y|", "/%7C", "/*", "/'\";--", "/[a]?{b}"];
    for (const url of [...odd, ...odd.map((url) => `${url}|2`)]) {
      host.clock.nowMs += MINUTE_MS;
      await host.store(url, 349_000);
    }
    await host.keeper.check();
    expect(host.evictedUrls()).toEqual([...odd, "/a|b|2"]);
    expect(host.index.totals.objects).toBe(6);
  });

  it("OPT-12 knows no limit when none is set", async () => {
    const host = openHost();
    for (let number = 0; number < 500; number += 1) await host.store(`/${number}`, 10);
    await host.keeper.check();
    expect(host.index.totals.objects).toBe(500);
  });
});
