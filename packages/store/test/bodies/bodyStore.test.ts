import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EdgeError, type EpochMs, epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { ArrivedBlocks } from "../../src/bodies/arrivedBlocks.ts";
import type { BodyStore, ObjectLocation } from "../../src/contract.ts";
import { BLOCK_BYTES, PACKED_BODY_LIMIT_BYTES } from "../../src/limits.ts";
import { createIds, openStore, readAll } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage, sampleLocation } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK\nContent-Type: text/plain");
const IMAGE = sampleImage();

const packObject = (store: BodyStore, body: Buffer): Promise<ObjectLocation> => store.append(IMAGE, HEAD, body);

const fillFile = async (store: BodyStore, body: Buffer): Promise<ObjectLocation> => {
  const file = await store.createFile();
  for (let start = 0; start < body.length; start += 700_001) await file.write(body.subarray(start, start + 700_001));
  return file.complete(IMAGE, HEAD);
};

const fillParts = async (store: BodyStore, body: Buffer): Promise<ObjectLocation> => {
  const parted = await store.createParted(IMAGE, HEAD, body.length);
  for (let block = parted.blockCount - 1; block >= 0; block -= 1) {
    const part = await parted.startPart(block);
    const end = Math.min(body.length, part.position + BLOCK_BYTES);
    while (part.position < end) await part.write(body.subarray(part.position, Math.min(end, part.position + 300_001)));
    await part.close();
  }
  parted.release();
  return parted.location;
};

const LAYOUTS = [
  { name: "packed", put: packObject, lengths: [0, 1, 7, 4096, PACKED_BODY_LIMIT_BYTES], isPacked: true },
  {
    name: "own file",
    put: fillFile,
    lengths: [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 5],
    isPacked: false,
  },
  {
    name: "own file in parts",
    put: fillParts,
    lengths: [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 5],
    isPacked: false,
  },
] as const;

describe.each(LAYOUTS)("every body store: $name", ({ put, lengths, isPacked }) => {
  it("gives back head and body, also to another instance and after a restart", async () => {
    const disks = [{ path: temporaryFolder() }];
    const store = openStore({ disks });
    const stored = await Promise.all(lengths.map((length) => put(store, patternBytes(length, length))));
    const other = openStore({ disks });
    await store.close();
    const restarted = openStore({ disks });
    for (const reader of [other, restarted]) {
      for (const [index, location] of stored.entries()) {
        const body = patternBytes(lengths[index] ?? -1, lengths[index] ?? -1);
        expect(location.bodyBytes).toBe(body.length);
        expect(location.file === 0).toBe(isPacked);
        const loaded = await reader.load(location);
        expect(loaded?.head).toEqual(HEAD);
        expect(loaded?.body?.equals(body)).toBe(isPacked ? true : undefined);
        expect((await readAll(await reader.openBody(location))).equals(body)).toBe(true);
      }
      await reader.close();
    }
  });

  it("reads any range, short only at the end", async () => {
    const store = openStore({ disks: [{ path: temporaryFolder() }] });
    const body = patternBytes(lengths[4], 3);
    const location = await put(store, body);
    const end = body.length;
    const ranges = [
      [0, 10],
      [5, 1],
      [end - 3, 3],
      [end - 3, 50],
      [end, 9],
      [end + 100, 9],
      [1000, 200_000],
      [0, end],
      [end >> 1, end],
    ];
    for (const [position = 0, length = 0] of [...ranges, ...ranges]) {
      const reader = await store.openBody(location);
      const target = Buffer.alloc(length + 2, 0xaa);
      const count = await reader?.read(target, 1, length, position);
      const expected = body.subarray(position, position + length);
      expect(count).toBe(expected.length);
      expect(target.subarray(1, 1 + expected.length).equals(expected)).toBe(true);
      expect([target[0], target[expected.length + 1]]).toEqual([0xaa, 0xaa]);
      reader?.release();
    }
    await store.close();
  });

  it("keeps the body under a new head", async () => {
    const store = openStore({ disks: [{ path: temporaryFolder() }] });
    const body = patternBytes(lengths[4], 9);
    const old = await put(store, body);
    const renewed = await store.replaceHead(old, IMAGE, Buffer.from("304 came"));
    expect((await store.load(renewed))?.head.toString()).toBe("304 came");
    expect((await readAll(await store.openBody(renewed))).equals(body)).toBe(true);
    expect((await store.load(old))?.head).toEqual(HEAD);
    await store.close();
  });
});

describe("a body store", () => {
  it("takes any number of appends at once, from two instances, each in segments of its own", async () => {
    const disks = [{ path: temporaryFolder(), quotaBytes: 64 * 1024 * 1024 }];
    const allocateSegment = createIds();
    const stores = [openStore({ disks, allocateSegment }), openStore({ disks, allocateSegment })] as const;
    const stored = await Promise.all(
      Array.from({ length: 600 }, async (_, number) => {
        const store = stores[number % 2] ?? stores[0];
        return { number, location: await packObject(store, patternBytes(100 + number * 13, number)) };
      }),
    );
    const segmentsOf = (parity: number) =>
      new Set(stored.filter(({ number }) => number % 2 === parity).map(({ location }) => location.segment));
    expect([...segmentsOf(0)].filter((segment) => segmentsOf(1).has(segment))).toEqual([]);
    expect(segmentsOf(0).size).toBeGreaterThan(1);
    for (const { number, location } of stored) {
      const loaded = await (stores[(number + 1) % 2] ?? stores[0]).load(location);
      expect(loaded?.body?.equals(patternBytes(100 + number * 13, number))).toBe(true);
    }
    for (const { fileBytes } of await stores[0].listSegments()) expect(fileBytes).toBeLessThanOrEqual(1024 * 1024);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("puts a body too large to pack into a file of its own", async () => {
    const store = openStore({ disks: [{ path: temporaryFolder() }] });
    const body = patternBytes(PACKED_BODY_LIMIT_BYTES + 1, 4);
    const location = await store.append(IMAGE, HEAD, body);
    expect(location.file).toBeGreaterThan(0);
    expect((await readAll(await store.openBody(location))).equals(body)).toBe(true);
    await store.close();
  });

  it("CFG-39 spreads objects evenly over its disks", async () => {
    const disks = [1, 2, 3].map(() => ({ path: temporaryFolder(), quotaBytes: 1024 ** 3 }));
    const store = openStore({ disks });
    const counts = [0, 0, 0];
    for (let number = 0; number < 30; number += 1) {
      const { disk } = await packObject(store, Buffer.from("x"));
      counts[disk - 1] = (counts[disk - 1] ?? 0) + 1;
    }
    expect(counts).toEqual([10, 10, 10]);
    await store.close();
  });

  it("OPT-05 keeps everything in a folder on tmpfs just the same", async () => {
    if (!existsSync("/dev/shm")) return;
    const path = mkdtempSync("/dev/shm/basalt-store-");
    try {
      const store = openStore({ disks: [{ path, quotaBytes: 8 * 1024 * 1024 }] });
      const location = await fillFile(store, patternBytes(300_000, 2));
      expect((await readAll(await store.openBody(location))).equals(patternBytes(300_000, 2))).toBe(true);
      await store.close();
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it("lets another instance follow a file while it grows", async () => {
    const disks = [{ path: temporaryFolder() }];
    const writer = openStore({ disks });
    const follower = openStore({ disks });
    const file = await writer.createFile();
    const reader = await follower.openGrowing(file.disk, file.file, file.checksums);
    const target = Buffer.alloc(100);
    expect(await reader?.read(target, 0, 100, 0)).toBe(0);
    await file.write(Buffer.from("first,"));
    expect(file.length).toBe(6);
    expect(await reader?.read(target, 0, 100, 0)).toBe(6);
    await file.write(Buffer.from("second"));
    expect(await reader?.read(target, 6, 100 - 6, 6)).toBe(6);
    expect(target.toString("latin1", 0, 12)).toBe("first,second");
    const location = await file.complete(IMAGE, HEAD);
    expect(await reader?.read(target, 0, 3, 9)).toBe(3);
    reader?.release();
    expect((await readAll(await follower.openBody(location))).toString()).toBe("first,second");
    await writer.close();
    await follower.close();
  });

  it("leaves no trace of an abandoned file", async () => {
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    const file = await store.createFile();
    await file.write(Buffer.from("half"));
    await file.abandon();
    await file.abandon();
    expect(await store.openGrowing(file.disk, file.file, file.checksums)).toBeUndefined();
    const unfinished = await store.createFile();
    await unfinished.write(Buffer.from("other half"));
    await store.close();
    const names = readdirSync(join(path, "obj"), { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.endsWith(".body"))).toEqual([]);
    await expect(file.write(Buffer.from("more"))).rejects.toThrow("complete or abandoned");
  });

  it("never gives one file two owners: an id whose file exists is passed over", async () => {
    const disks = [{ path: temporaryFolder() }];
    const first = openStore({ disks });
    const kept = await fillFile(first, Buffer.from("kept"));
    await first.close();
    const second = openStore({ disks, allocateFile: createIds(), allocateSegment: createIds() });
    const other = await fillFile(second, Buffer.from("other"));
    expect([other.file, other.segment]).not.toContain(kept.file);
    expect((await readAll(await second.openBody(kept))).toString()).toBe("kept");
    expect((await readAll(await second.openBody(other))).toString()).toBe("other");
    await second.close();
  });

  it("deletes bodies and segments, and what is gone is absent without a complaint", async () => {
    const store = openStore({ disks: [{ path: temporaryFolder() }] });
    const packed = await packObject(store, Buffer.from("packed"));
    const filed = await fillFile(store, Buffer.from("filed"));
    const held = await store.openBody(filed);
    expect(await store.removeBodies([packed, filed])).toBe(1);
    expect((await readAll(held)).toString()).toBe("filed");
    expect(await store.openBody(filed)).toBeUndefined();
    expect(await store.load(packed)).toBeDefined();
    expect([await store.deleteSegment(1, packed.segment), await store.deleteSegment(1, packed.segment)]).toEqual([
      true,
      false,
    ]);
    expect(await store.load(packed)).toBeUndefined();
    expect(await store.openBody(packed)).toBeUndefined();
    expect(await store.openGrowing(1, 12345, new ArrivedBlocks())).toBeUndefined();
    expect(store.counters.damaged).toBe(0);
    expect(store.counters.missing).toBeGreaterThan(0);
    await store.close();
  });

  it("reports places that no index can name, and serves nothing from them", async () => {
    const { problems, onProblem } = collectProblems();
    const store = openStore({ disks: [{ path: temporaryFolder() }], onProblem });
    for (const change of [
      { offset: -1 },
      { segment: -4 },
      { bodyBytes: 2 ** 52 },
      { file: -2 },
      { offset: Number.NaN },
    ]) {
      expect(await store.load(sampleLocation(change))).toBeUndefined();
      expect(await store.openBody(sampleLocation(change))).toBeUndefined();
    }
    expect(problems.length).toBe(10);
    expect(await store.load(sampleLocation({ disk: 9 }))).toBeUndefined();
    expect(await store.openGrowing(1, -1, new ArrivedBlocks())).toBeUndefined();
    await store.close();
  });

  it("answers an append with STORE_UNAVAILABLE when the disk refuses, and goes on when it recovers", async () => {
    const path = temporaryFolder();
    const { problems, onProblem } = collectProblems();
    let failures = 2;
    const ids = createIds();
    const allocateSegment = () => {
      failures -= 1;
      return failures < 0 ? ids() : Promise.reject(new Error("no segment"));
    };
    const store = openStore({ disks: [{ path }], onProblem, allocateSegment });
    const results = await Promise.allSettled([1, 2, 3, 4].map((seed) => packObject(store, patternBytes(50, seed))));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
    expect(problems).toHaveLength(2);
    await store.close();
    await expect(packObject(store, Buffer.from("late"))).rejects.toBeInstanceOf(EdgeError);
  });

  it("CFG-44 deletes body files that no row names, and nothing else", async () => {
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    const files = await Promise.all([1, 2, 3, 4].map((seed) => fillFile(store, patternBytes(100, seed))));
    const foreign = join(path, "obj", "01", "00", "notes.txt");
    writeFileSync(foreign, "not ours");
    const isLive = (_disk: number, file: number): boolean => file % 2 === 0;
    const sweepUntil = (modifiedBefore: EpochMs) =>
      store.removeOrphanFiles(isLive, { modifiedBefore, filesPerSecond: 1000 });
    expect(await sweepUntil(epochMs(0))).toBe(0);
    expect(await sweepUntil(epochMs(Date.now() + 60_000))).toBe(2);
    for (const location of files) {
      expect((await store.openBody(location)) === undefined).toBe(location.file % 2 === 1);
    }
    expect(existsSync(foreign)).toBe(true);
    await store.close();
  });
});
