import { join } from "node:path";
import { monotonicMs, systemClock } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DiskIndex, IndexRow } from "../../src/contract.ts";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { homeOf, homesBehind, keyOfPlace, urlRestOf, variantOf } from "../../src/diskIndex/rowPlace.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleLocation, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const openWriter = (path: string): DiskIndex =>
  openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });

const indexPath = (): string => join(temporaryFolder(), "index.db");

/** Another key with the same home: `nth` from 0 to 4095 makes it differ in the URL, the variant or both. */
const withSameHome = (key: Buffer, nth: number): Buffer => {
  const other = Buffer.from(key);
  other.writeUInt32BE((key.readUInt32BE(6) ^ (nth & 0x3f)) >>> 0, 6);
  const both = nth >> 6;
  other.writeUInt16BE(key.readUInt16BE(5) ^ (both << 3), 5);
  other.writeUInt16BE(key.readUInt16BE(10) ^ (both << 3), 10);
  return other;
};

const HOST = "www.example.com";

describe("the place of a row", () => {
  it("KEY-01 tells every key from every other and gives it back", () => {
    const anyKey = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(anyKey, fc.nat(4095), (key, nth) => {
        expect(keyOfPlace(homeOf(key), urlRestOf(key), variantOf(key))).toEqual(key);
        expect(Number.isSafeInteger(homeOf(key))).toBe(true);
        const other = withSameHome(key, nth);
        expect(homeOf(other)).toBe(homeOf(key));
        const isSame = urlRestOf(other) === urlRestOf(key) && variantOf(other) === variantOf(key);
        expect(isSame).toBe(other.equals(key));
      }),
    );
  });

  it("is a neighbour of those of the other variants, at both ends of the range of keys too", () => {
    for (const key of [Buffer.alloc(16, 0), Buffer.alloc(16, 255), computeCacheKey(HOST, "/a", "gzip")]) {
      const { first, last } = homesBehind(key);
      expect(homeOf(key)).toBeGreaterThanOrEqual(first);
      expect(homeOf(key)).toBeLessThanOrEqual(last);
      expect(keyOfPlace(homeOf(key), urlRestOf(key), variantOf(key))).toEqual(key);
    }
  });

  it("is not believed when no key has it", () => {
    for (const [home, urlRest, variant] of [
      [-1, 0, 0],
      [2 ** 53, 0, 0],
      [0, 2 ** 27, 0],
      [0, 0, 2 ** 47],
      [0.5, 0, 0],
      ["0", 0, 0],
      [0, null, 0],
    ]) {
      expect(keyOfPlace(home, urlRest, variant)).toBeUndefined();
    }
  });
});

describe("rows whose keys share a home", () => {
  it("agree with a plain map after any sequence of writes, removals, sweeps and restarts", async () => {
    const action = fc.record({
      kind: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom("put", "put", "update", "remove", "flush", "sweep") },
        { weight: 1, arbitrary: fc.constant("restart") },
      ),
      home: fc.nat(1),
      nth: fc.constantFrom(0, 1, 64, 65),
      host: fc.constantFrom("stays.example", "stays.example", "goes.example"),
      file: fc.nat(2),
    });
    const keyOf = (home: number, nth: number): Buffer => withSameHome(computeCacheKey(HOST, `/${home}`, ""), nth);
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30, size: "max" }), async (actions) => {
        let nowMs = 0;
        const path = indexPath();
        let index = openWriter(path);
        const clock = { now: systemClock.now, monotonic: () => monotonicMs(nowMs) };
        const reader = openDiskIndexReader(path, { clock });
        const model = new Map<string, IndexRow>();
        let version = 0;
        for (const { kind, home, nth, host, file } of actions) {
          version += 1;
          const key = keyOf(home, nth);
          const name = `${home}/${nth}`;
          const location = sampleLocation({ segment: 10 + home, offset: version * 8, file });
          const row = sampleRow({ key, vhost: host, url: `/${name}`, location, version });
          const old = model.get(name);
          if (kind === "put") {
            index.put(row);
            model.set(name, row);
          } else if (kind === "update") {
            expect(index.update(key, { ttl: version })).toEqual(old && { ...old, ttl: version });
            if (old !== undefined) model.set(name, { ...old, ttl: version });
          } else if (kind === "remove") {
            expect(index.remove(key)).toEqual(old);
            model.delete(name);
          } else if (kind === "sweep") {
            index.keepVhosts(new Set(["stays.example"]));
            for (const [other, { vhost }] of model) if (vhost === "goes.example") model.delete(other);
            if (file > 0) await index.sweep();
            index.keepVhosts(new Set(["stays.example", "goes.example"]));
          } else if (kind === "flush") await index.flush();
          else {
            index.close();
            index = openWriter(path);
          }
        }
        await index.flush();
        nowMs += 1000;
        const rows = [...model.values()];
        const names = rows.map(({ url }) => url).sort();
        for (const home of [0, 1]) {
          for (const nth of [0, 1, 64, 65, 66]) {
            const expected = model.get(`${home}/${nth}`);
            expect(index.find(keyOf(home, nth))).toEqual(expected);
            expect(reader.find(keyOf(home, nth))).toEqual(expected);
          }
          const inSegment: string[] = [];
          await index.scanSegment(10 + home, (row) => inSegment.push(row.url));
          expect(inSegment.sort()).toEqual(names.filter((name) => name.startsWith(`/${home}/`)));
        }
        const scanned: IndexRow[] = [];
        await index.scan({}, (row) => scanned.push(row));
        expect(scanned.map(({ url }) => url).sort()).toEqual(names);
        expect(scanned.every((row) => row.key.equals(model.get(row.url.slice(1))?.key ?? Buffer.alloc(0)))).toBe(true);
        const inFiles = rows.filter(({ location }) => location.file > 0).map(({ url }) => url);
        expect(
          index
            .coldestFiles(1, 100)
            .map(({ url }) => url)
            .sort(),
        ).toEqual(inFiles.sort());
        await index.sweep();
        expect(index.totals.objects).toBe(model.size);
        reader.close();
        index.close();
      }),
      { numRuns: 25 },
    );
  });

  it("are found one after the other, whichever has the home they share is removed first", async () => {
    let nowMs = 0;
    const path = indexPath();
    const index = openWriter(path);
    const reader = openDiskIndexReader(path, {
      clock: { now: systemClock.now, monotonic: () => monotonicMs(nowMs) },
    });
    const key = computeCacheKey(HOST, "/a", "");
    const places = Array.from({ length: 6 }, (_, nth) => nth);
    for (const nth of places) {
      index.put(sampleRow({ key: withSameHome(key, nth), url: `/${nth}` }));
      await index.flush();
    }
    for (const removed of places) {
      index.remove(withSameHome(key, removed));
      await index.flush();
      nowMs += 1000;
      for (const nth of places) {
        const expected = nth <= removed ? undefined : `/${nth}`;
        expect(index.find(withSameHome(key, nth))?.url).toBe(expected);
        expect(reader.find(withSameHome(key, nth))?.url).toBe(expected);
      }
    }
    reader.close();
    index.close();
  });

  it("are all variants of their URL, wherever they lie", async () => {
    const index = openWriter(indexPath());
    const key = computeCacheKey(HOST, "/a", "");
    for (let nth = 0; nth < 70; nth += 1) {
      const isOther = nth % 2 === 1;
      index.put(sampleRow({ key: withSameHome(key, nth), url: isOther ? "/other" : "/a", version: nth }));
    }
    await index.flush();
    expect(index.findVariants(HOST, "/a")).toHaveLength(35);
    for (let nth = 0; nth < 70; nth += 4) index.remove(withSameHome(key, nth));
    await index.flush();
    expect(
      index
        .findVariants(HOST, "/a")
        .map(({ version }) => version)
        .sort((left, right) => left - right),
    ).toEqual(Array.from({ length: 17 }, (_, place) => 2 + place * 4));
    index.close();
  });

  it("are visited by a scan that removes them on its way, each at least once", async () => {
    const index = openWriter(indexPath());
    const key = computeCacheKey(HOST, "/a", "");
    for (let nth = 0; nth < 60; nth += 1) index.put(sampleRow({ key: withSameHome(key, nth), url: `/${nth}` }));
    for (let number = 0; number < 600; number += 1) index.put(sampleRow({ url: `/many/${number}` }));
    await index.flush();
    const visited = new Set<string>();
    await index.scan({}, (row) => {
      visited.add(row.url);
      index.remove(row.key);
    });
    expect(visited.size).toBe(660);
    expect(index.totals.objects).toBe(0);
    await index.flush();
    const left: string[] = [];
    await index.scan({}, (row) => left.push(row.url));
    expect(left).toEqual([]);
    index.close();
  });
});
