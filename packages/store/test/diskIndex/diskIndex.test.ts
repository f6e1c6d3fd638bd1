import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { epochMs, monotonicMs, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordBytesOf } from "../../src/bodies/recordFormat.ts";
import { type DiskIndex, type IndexRow, ROW_FLAG } from "../../src/contract.ts";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { setAside } from "../../src/diskIndex/openDatabase.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleLocation, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const indexPath = (): string => join(temporaryFolder(), "index.db");
const openWriter = (path: string): DiskIndex =>
  openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });

const collect = async (index: DiskIndex, vhost?: string): Promise<IndexRow[]> => {
  const rows: IndexRow[] = [];
  await index.scan(vhost === undefined ? {} : { vhost }, (row) => rows.push(row));
  return rows;
};

describe("the writer", () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 45])("REG-66 counts on beyond %d, for all who look", async (high) => {
    const path = indexPath();
    openWriter(path).close();
    const database = new Database(path);
    database.prepare("UPDATE state SET highest_version = ?, segment_ids = ?, file_ids = ?").run(high, high, high);
    database.close();
    let index = openWriter(path);
    const ids = [index.nextSegmentId(), index.nextFileId(), index.nextFileId()];
    expect(ids.every((id) => id > high)).toBe(true);
    expect(new Set(ids).size).toBeGreaterThan(1);
    const [segment = 0, file = 0] = ids;
    const row = sampleRow({ version: high + 7, location: sampleLocation({ segment: 0, offset: 0, file }) });
    const packed = sampleRow({ url: "/packed", version: high + 8, location: sampleLocation({ segment }) });
    for (const each of [row, packed]) index.put(each);
    await index.flush();
    const reader = openDiskIndexReader(path);
    expect([index.find(row.key), reader.find(row.key)]).toEqual([row, row]);
    expect([index.find(packed.key), reader.find(packed.key)]).toEqual([packed, packed]);
    reader.close();
    index.close();
    index = openWriter(path);
    expect(index.find(row.key)).toEqual(row);
    expect(index.highestVersion).toBe(high + 8);
    expect(index.nextFileId()).toBeGreaterThan(file);
    index.close();
  });

  it("answers from what is still pending as it will from the disk", async () => {
    const index = openWriter(indexPath());
    const row = sampleRow();
    index.put(row);
    expect(index.find(row.key)).toEqual(row);
    await index.flush();
    expect(index.find(row.key)).toEqual(row);
    expect(index.update(row.key, { ttl: 60, version: 13 })).toEqual({ ...row, ttl: 60, version: 13 });
    expect(index.find(row.key)?.ttl).toBe(60);
    expect(index.remove(row.key)?.version).toBe(13);
    expect(index.find(row.key)).toBeUndefined();
    await index.flush();
    expect(index.find(row.key)).toBeUndefined();
    index.close();
  });

  it("says of an absent row that it is absent", () => {
    const index = openWriter(indexPath());
    const { key } = sampleRow();
    expect([index.find(key), index.update(key, { ttl: 1 }), index.remove(key)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(() => index.put(sampleRow({ key: Buffer.alloc(15) }))).toThrow(RangeError);
    index.close();
  });

  it("keeps every row, the totals and the highest version over a restart", async () => {
    const path = indexPath();
    const before = openWriter(path);
    for (let number = 0; number < 2500; number += 1) {
      before.put(
        sampleRow({ url: `/${number}`, version: number, vhost: number % 2 === 0 ? "a.example" : "b.example" }),
      );
    }
    before.remove(computeCacheKey("b.example", "/2499", ""));
    before.close();

    const after = openWriter(path);
    expect(after.totals).toEqual({ objects: 2499, bytes: 2499 * 1024 });
    expect(after.highestVersion).toBe(2499);
    expect(after.find(computeCacheKey("a.example", "/2000", ""))?.url).toBe("/2000");
    expect(await collect(after, "a.example")).toHaveLength(1250);
    expect(await collect(after, "b.example")).toHaveLength(1249);
    expect(await collect(after, "c.example")).toEqual([]);
    expect(await collect(after)).toHaveLength(2499);
    after.close();
  });

  it("finds all variants of a URL, pending or stored, and no neighbours with a colliding digest", async () => {
    const index = openWriter(indexPath());
    index.put(sampleRow({ variant: "" }));
    index.put(sampleRow({ variant: "gzip" }));
    index.put(sampleRow({ url: "/other" }));
    const collision = Buffer.from(sampleRow().key);
    collision.writeUInt8((collision.readUInt8(15) + 1) % 256, 15);
    index.put(sampleRow({ url: "/collision", key: collision }));
    const variants = (): number => index.findVariants("www.example.com", "/index.html").length;
    expect(variants()).toBe(2);
    await index.flush();
    expect(variants()).toBe(2);
    index.put(sampleRow({ variant: "br" }));
    index.remove(sampleRow({ variant: "gzip" }).key);
    expect(variants()).toBe(2);
    expect(index.findVariants("other.example", "/index.html")).toEqual([]);
    index.close();
  });

  it("lets a visit change and remove rows, its own and those to come", async () => {
    const index = openWriter(indexPath());
    for (let number = 0; number < 1200; number += 1) index.put(sampleRow({ url: `/${number}` }));
    const visited = new Set<string>();
    await index.scan({}, (row) => {
      visited.add(row.url);
      const partner = Number(row.url.slice(1)) ^ 1;
      index.remove(computeCacheKey(row.vhost, `/${partner}`, ""));
      index.update(row.key, { flags: ROW_FLAG.EXPIRED_BY_FORCE });
    });
    expect(visited.size).toBe(600);
    expect(index.totals.objects).toBe(600);
    expect((await collect(index)).every((row) => row.flags === ROW_FLAG.EXPIRED_BY_FORCE)).toBe(true);
    index.close();
  });

  it("does not count a purged row as an object, but counts its bytes on the disk", () => {
    const index = openWriter(indexPath());
    const row = sampleRow();
    index.put(row);
    const used = index.segmentUse();
    index.update(row.key, { flags: ROW_FLAG.PURGED });
    expect(index.totals).toEqual({ objects: 0, bytes: 0 });
    expect(index.segmentUse()).toEqual(used);
    index.update(row.key, { flags: 0 });
    expect(index.totals).toEqual({ objects: 1, bytes: 1024 });
    index.close();
  });

  it("agrees with a plain map after any sequence of writes, flushes and restarts", async () => {
    const action = fc.record({
      kind: fc.constantFrom("put", "put", "update", "remove", "flush", "restart"),
      object: fc.nat(5),
      segment: fc.integer({ min: 1, max: 3 }),
      bodyBytes: fc.nat(5000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const path = indexPath();
        let index = openWriter(path);
        const model = new Map<number, IndexRow>();
        for (const { kind, object, segment, bodyBytes } of actions) {
          const location = sampleLocation({ segment, bodyBytes });
          const row = sampleRow({ url: `/${object}`, location });
          const old = model.get(object);
          if (kind === "put") {
            index.put(row);
            model.set(object, row);
          } else if (kind === "update") {
            index.update(row.key, { location, ttl: bodyBytes });
            if (old !== undefined) model.set(object, { ...old, location, ttl: bodyBytes });
          } else if (kind === "remove") {
            expect(index.remove(row.key) === undefined).toBe(!model.delete(object));
          } else if (kind === "flush") await index.flush();
          else {
            index.close();
            index = openWriter(path);
          }
        }
        const expected = [...model.values()];
        const ttlOfUrl = (rows: readonly IndexRow[]) => rows.map(({ url, ttl }) => `${url} ${ttl}`).sort();
        expect(ttlOfUrl(await collect(index))).toEqual(ttlOfUrl(expected));
        expect(index.totals.objects).toBe(model.size);
        for (const segment of [1, 2, 3]) {
          const urls: string[] = [];
          await index.scanSegment(segment, (row) => urls.push(row.url));
          const named = expected.filter((row) => row.location.segment === segment).map((row) => row.url);
          expect(urls.sort()).toEqual(named.sort());
          const use = index.segmentUse().find((account) => account.segment === segment);
          expect(use?.liveObjects ?? 0).toBe(named.length);
        }
        index.close();
      }),
      { numRuns: 40 },
    );
  });

  it("gives ids that are never given again, not even after a crash", () => {
    const path = indexPath();
    const seen = new Set<number>();
    for (let start = 0; start < 3; start += 1) {
      const index = openWriter(path);
      for (let count = 0; count < 40; count += 1) {
        const id = index.nextSegmentId();
        expect(seen.has(id)).toBe(false);
        seen.add(id);
      }
      if (start === 2) index.close();
    }
  });

  it("gives ids that are never given again, not even when a power cut took their reservation", async () => {
    const path = indexPath();
    openWriter(path).close();
    const cut = openWriter(path);
    const synced = [readFileSync(path), readFileSync(`${path}-wal`)] as const;
    const given = Array.from({ length: 100 }, () => [cut.nextSegmentId(), cut.nextFileId()]).flat();
    cut.close();
    writeFileSync(path, synced[0]);
    writeFileSync(`${path}-wal`, synced[1]);
    const after = openWriter(path);
    for (let count = 0; count < 100; count += 1) {
      expect(given).not.toContain(after.nextSegmentId());
      expect(given).not.toContain(after.nextFileId());
    }
    after.close();
  });

  it("knows the body files: the coldest ones, the live ones, and those that were released", async () => {
    const index = openWriter(indexPath());
    for (let file = 1; file <= 600; file += 1) {
      const location = sampleLocation({ file, disk: 1 + (file % 2), bodyBytes: 5000 });
      index.put(sampleRow({ url: `/${file}`, location, lastAccess: epochMs(1_760_000_000_000 + (file % 7)) }));
    }
    expect(index.fileUse(1)).toEqual({ liveBytes: 300 * 5000, liveObjects: 300 });
    const coldest = index.coldestFiles(1, 50).map((row) => row.lastAccess - 1_760_000_000_000);
    expect(coldest).toEqual([...coldest].sort());
    expect(coldest[0]).toBe(0);

    index.remove(computeCacheKey("www.example.com", "/10", ""));
    index.put(sampleRow({ url: "/12", location: sampleLocation({ file: 900 }) }));
    expect(index.takeReleasedFiles().map(({ location }) => location.file)).toEqual([10, 12]);
    expect(index.takeReleasedFiles()).toEqual([]);
    const isLive = await index.collectLiveFiles();
    const wrong = Array.from({ length: 600 }, (_, file) => file + 1).filter(
      (file) => isLive(1 + (file % 2), file) === (file === 10 || file === 12),
    );
    expect(wrong).toEqual([]);
    expect([isLive(1, 900), isLive(2, 900), isLive(5, 1)]).toEqual([true, false, false]);
    index.close();
  });
});

describe("segments and files", () => {
  it("remembers the end of the furthest record, also of a row that was removed before it was written", async () => {
    const path = indexPath();
    const before = openWriter(path);
    const far = sampleRow({ url: "/far", location: sampleLocation({ offset: 8000 }) });
    before.put(sampleRow({ url: "/near", location: sampleLocation({ offset: 0 }) }));
    before.put(far);
    before.remove(far.key);
    const end = 8000 + recordBytesOf(far.location);
    expect([before.indexedTo(7), before.indexedTo(8)]).toEqual([end, 0]);
    await before.flush();
    before.put(sampleRow({ url: "/near", location: sampleLocation({ offset: 400 }) }));
    before.close();
    const after = openWriter(path);
    expect(after.indexedTo(7)).toBe(end);
    after.forgetSegment(7);
    expect(after.indexedTo(7)).toBe(0);
    after.close();
    const again = openWriter(path);
    expect([again.indexedTo(7), again.segmentUse()]).toEqual([0, []]);
    again.close();
  });

  it("does not account again for a segment that was forgotten with rows in it, unless a new row comes", async () => {
    const index = openWriter(indexPath());
    index.put(sampleRow({ url: "/left" }));
    await index.flush();
    index.forgetSegment(7);
    index.remove(sampleRow({ url: "/left" }).key);
    expect(index.segmentUse()).toEqual([]);
    index.put(sampleRow({ url: "/new" }));
    await index.flush();
    const urls: string[] = [];
    await index.scanSegment(7, (row) => urls.push(row.url));
    expect([urls, index.segmentUse().map((use) => use.liveObjects), index.totals.objects]).toEqual([["/new"], [1], 1]);
    index.close();
  });

  it("accounts for the bytes of a body that are on the disk", () => {
    const path = indexPath();
    const before = openWriter(path);
    const location = sampleLocation({ file: 5, bodyBytes: 10_000_000 });
    before.put(sampleRow({ location, missingBytes: 10_000_000 }));
    expect(before.fileUse(1)).toEqual({ liveBytes: 0, liveObjects: 1 });
    before.update(sampleRow().key, { missingBytes: 4_000_000 });
    before.close();
    const after = openWriter(path);
    expect(after.find(sampleRow().key)?.missingBytes).toBe(4_000_000);
    expect(after.fileUse(1)).toEqual({ liveBytes: 6_000_000, liveObjects: 1 });
    expect(after.totals).toEqual({ objects: 1, bytes: 10_000_000 });
    after.remove(sampleRow().key);
    expect(after.fileUse(1)).toEqual({ liveBytes: 0, liveObjects: 0 });
    after.close();
  });

  it("takes at most 150 bytes of index per object", async () => {
    const path = indexPath();
    const index = openWriter(path);
    for (let number = 0; number < 40_000; number += 1) {
      const segment = 30_000_000 + (number % 4);
      const location = sampleLocation({ segment, offset: (number >> 2) * 1448, headBytes: 420 });
      const updatedAt = epochMs(1_760_000_000_000 + number * 20);
      const url = `/shop/catalogue/product-${number}.html?page=1`.padEnd(60, "abcdefgh");
      const freshUntil = epochMs(updatedAt + 1_800_000);
      index.put(sampleRow({ url, location, version: number, updatedAt, lastAccess: updatedAt, freshUntil }));
    }
    index.close();
    expect(statSync(path).size / 40_000).toBeLessThan(150);
  });
});

describe("a reader", () => {
  it("OPT-12 finds on the disk what the writer flushed, including virtual hosts named later", async () => {
    const path = indexPath();
    const writer = openWriter(path);
    const reader = openDiskIndexReader(path);
    writer.put(sampleRow());
    await writer.flush();
    expect(reader.find(sampleRow().key)).toEqual(sampleRow());
    const later = sampleRow({ vhost: "later.example" });
    writer.put(later);
    expect(reader.find(later.key)).toBeUndefined();
    await writer.flush();
    reader.refresh();
    expect(reader.find(later.key)).toEqual(later);
    writer.remove(later.key);
    await writer.flush();
    reader.refresh();
    expect(reader.find(later.key)).toBeUndefined();
    reader.close();
    writer.close();
    expect(reader.find(sampleRow().key)).toBeUndefined();
  });

  it("waits for an index that does not exist yet and follows one that is replaced", async () => {
    let nowMs = 0;
    const clock = { now: systemClock.now, monotonic: () => monotonicMs(systemClock.monotonic() + nowMs) };
    const path = indexPath();
    const reader = openDiskIndexReader(path, { clock });
    const row = sampleRow();
    expect(reader.find(row.key)).toBeUndefined();
    const first = openWriter(path);
    first.put(row);
    await first.flush();
    nowMs += 10_000;
    expect(reader.find(row.key)).toEqual(row);
    first.close();

    setAside(path, "for the test", { clock: systemClock, onProblem: () => undefined });
    const second = openWriter(path);
    second.put({ ...row, version: 99 });
    second.close();
    nowMs += 10_000;
    expect(reader.find(row.key)?.version).toBe(99);
    reader.close();
  });
});
