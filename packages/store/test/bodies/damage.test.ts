import {
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { EdgeError } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mapOffsetOf } from "../../src/bodies/blockMap.ts";
import { bodyFilePath, segmentPath } from "../../src/bodies/diskPaths.ts";
import { PIECE_BYTES } from "../../src/bodies/pieceSums.ts";
import { BLOCK_BYTES, QUICK_RECORD_BYTES } from "../../src/limits.ts";
import { openStore, readAll } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage, sampleLocation } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("a head");
const IMAGE = sampleImage();

const flipBit = (path: string, position: number): void => {
  const descriptor = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, position);
  byte.writeUInt8(byte.readUInt8(0) ^ 4, 0);
  writeSync(descriptor, byte, 0, 1, position);
  closeSync(descriptor);
};

const openDamageable = () => {
  const path = temporaryFolder();
  const report = collectProblems();
  return { path, ...report, store: openStore({ disks: [{ path }], onProblem: report.onProblem }) };
};

describe("damage on the disk", () => {
  it.each([
    ["the image", () => 60],
    ["the head", (headEnd: number) => headEnd - 3],
    ["the body", (headEnd: number) => headEnd + 20],
    ["the record header", () => 9],
  ])("makes a packed object absent: a flipped bit in %s", async (_part, place) => {
    const { path, store, problems } = openDamageable();
    const good = await store.append(IMAGE, HEAD, patternBytes(1000, 1));
    const bad = await store.append(IMAGE, HEAD, patternBytes(1000, 2));
    flipBit(segmentPath(path, bad.segment), bad.offset + place(40 + bad.headBytes));
    expect(await store.load(bad)).toBeUndefined();
    expect(await store.openBody(bad)).toBeUndefined();
    expect((await store.load(good))?.body?.equals(patternBytes(1000, 1))).toBe(true);
    expect(store.counters.damaged).toBe(2);
    expect(problems.map(({ severity }) => severity)).toEqual(["warning", "warning"]);
    await store.close();
  });

  it("makes what lay behind the end of a truncated segment absent, and nothing else", async () => {
    const { path, store } = openDamageable();
    const locations = await Promise.all([1, 2, 3].map((seed) => store.append(IMAGE, HEAD, patternBytes(2000, seed))));
    truncateSync(segmentPath(path, locations[1]?.segment ?? 0), (locations[1]?.offset ?? 0) + 500);
    const found = await Promise.all(locations.map((location) => store.load(location)));
    expect(found.map((object) => object !== undefined)).toEqual([true, false, false]);
    await store.close();
  });

  it.each([
    ["read at once", 2000],
    ["of one sum", 100_000],
    ["of several pieces", 400_000],
  ])("never gives out a bit of a packed body that flips after it was verified: %s", async (_kind, bodyBytes) => {
    const { path, store } = openDamageable();
    const body = patternBytes(bodyBytes, 4);
    const location = await store.append(IMAGE, HEAD, body);
    const place = location.offset + 40 + location.headBytes + bodyBytes - 7;
    const reader = await store.openBody(location);
    const target = Buffer.alloc(bodyBytes);
    expect(await reader?.read(target, 0, bodyBytes, 0)).toBe(bodyBytes);
    expect(target.equals(body)).toBe(true);
    const isQuick = bodyBytes < QUICK_RECORD_BYTES - 1000;
    expect(store.loadNow(location)?.body.equals(body)).toBe(isQuick ? true : undefined);
    flipBit(segmentPath(path, location.segment), place);
    target.fill(0);
    await expect(reader?.read(target, 0, 100, bodyBytes - 100)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(target.every((byte) => byte === 0)).toBe(true);
    expect(store.loadNow(location)).toBeUndefined();
    expect(await store.openBody(location)).toBeUndefined();
    expect(store.counters.damaged).toBe(2);
    reader?.release();
    flipBit(segmentPath(path, location.segment), place);
    expect((await readAll(await store.openBody(location))).equals(body)).toBe(true);
    await store.close();
  });

  it.each([
    ["whole pieces", 0, 4 * PIECE_BYTES],
    ["a range that begins and ends anywhere", 1001, 100_003],
    ["the end of the last block", BLOCK_BYTES + 70_001, 9999],
  ])("never gives out a bit of a block that flips after it was verified: %s", async (_kind, from, length) => {
    const { path, store, problems } = openDamageable();
    const body = patternBytes(BLOCK_BYTES + 80_000, 6);
    const file = await store.createFile();
    await file.write(body);
    const location = await file.complete(IMAGE, HEAD);
    const reader = await store.openBody(location);
    expect((await readAll(await store.openBody(location))).equals(body)).toBe(true);
    const target = Buffer.alloc(length);
    expect(await reader?.read(target, 0, length, from)).toBe(length);
    expect(target.equals(body.subarray(from, from + length))).toBe(true);
    flipBit(bodyFilePath(path, location.file), from + length - 1);
    target.fill(0);
    await expect(reader?.read(target, 0, length, from)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const block = Math.floor((from + length - 1) / BLOCK_BYTES);
    expect(problems.map(({ message }) => message)).toEqual([
      `Damaged, treated as not stored: checksum of block ${block}.`,
    ]);
    expect(await store.openBody(location)).toBeUndefined();
    reader?.release();
    await store.close();
  });

  it("never gives out a byte of a damaged block, and gives out the others", async () => {
    const { path, store, problems } = openDamageable();
    const body = patternBytes(3 * BLOCK_BYTES, 5);
    const file = await store.createFile();
    await file.write(body);
    const location = await file.complete(IMAGE, HEAD);
    flipBit(bodyFilePath(path, location.file), BLOCK_BYTES + 60_000);
    const reader = await store.openBody(location);
    const target = Buffer.alloc(BLOCK_BYTES * 2);
    expect(await reader?.read(target, 0, 5000, 0)).toBe(5000);
    expect(await reader?.read(target, 0, 5000, 2 * BLOCK_BYTES)).toBe(5000);
    expect(target.subarray(0, 5000).equals(body.subarray(2 * BLOCK_BYTES, 2 * BLOCK_BYTES + 5000))).toBe(true);
    target.fill(0);
    await expect(reader?.read(target, 0, 100, BLOCK_BYTES)).rejects.toBeInstanceOf(EdgeError);
    expect(target.every((byte) => byte === 0)).toBe(true);
    await expect(reader?.read(target, 0, 2 * BLOCK_BYTES, BLOCK_BYTES / 2)).rejects.toBeInstanceOf(EdgeError);
    reader?.release();
    expect(problems.map(({ message }) => message)).toEqual(["Damaged, treated as not stored: checksum of block 1."]);
    const other = openStore({ disks: [{ path }] });
    for (const anyone of [store, other]) {
      expect(await anyone.openBody(location)).toBeUndefined();
      expect(await anyone.presentBytesOf(location)).toBe(2 * BLOCK_BYTES);
      await anyone.close();
    }
  });

  it("never gives out a damaged byte of a body that is still being written", async () => {
    const path = temporaryFolder();
    const { problems, onProblem } = collectProblems();
    const store = openStore({ disks: [{ path }], onProblem });
    const body = patternBytes(BLOCK_BYTES + 60_000, 3);
    const growing = await store.createFile();
    for (let at = 0; at < body.length; at += 75_000) await growing.write(body.subarray(at, at + 75_000));
    const reader = await store.openGrowing(growing.disk, growing.file, growing.checksums);
    const target = Buffer.alloc(BLOCK_BYTES);
    const file = bodyFilePath(path, growing.file);
    flipBit(file, 60_000);
    await expect(reader?.read(target, 0, 1000, 5)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    flipBit(file, 60_000);
    expect(await reader?.read(target, 0, 1000, 5)).toBe(1000);
    expect(target.subarray(0, 1000).equals(body.subarray(5, 1005))).toBe(true);
    flipBit(file, BLOCK_BYTES + 59_999);
    await expect(reader?.read(target, 0, 10, BLOCK_BYTES)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect([store.counters.damaged, problems.length]).toEqual([2, 2]);
    const many = Array.from({ length: 5 }, () => reader?.read(Buffer.alloc(10), 0, 10, BLOCK_BYTES + 3));
    expect((await Promise.allSettled(many)).map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
    flipBit(file, BLOCK_BYTES + 59_999);
    const others = Array.from({ length: 5 }, () => reader?.read(Buffer.alloc(10), 0, 10, BLOCK_BYTES + 3));
    expect(await Promise.all(others)).toEqual(Array(5).fill(10));
    expect(store.counters.damaged).toBe(3);
    reader?.release();
    await growing.abandon();
    await store.close();
  });

  it("never gives out a bit of an arriving body that flips after it was verified", async () => {
    const { path, store } = openDamageable();
    const body = patternBytes(2 * BLOCK_BYTES, 8);
    const growing = await store.createFile();
    const reader = await store.openGrowing(growing.disk, growing.file, growing.checksums);
    const target = Buffer.alloc(BLOCK_BYTES);
    await growing.write(body.subarray(0, 50_000));
    expect(await reader?.read(target, 0, 50_000, 0)).toBe(50_000);
    await growing.write(body.subarray(50_000, 90_000));
    expect(await reader?.read(target, 0, 1000, 60_000)).toBe(1000);
    flipBit(bodyFilePath(path, growing.file), 45_000);
    target.fill(0);
    await expect(reader?.read(target, 0, 1000, 44_500)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(target.every((byte) => byte === 0)).toBe(true);
    flipBit(bodyFilePath(path, growing.file), 45_000);
    expect(await reader?.read(target, 0, 1000, 44_500)).toBe(1000);
    expect(target.subarray(0, 1000).equals(body.subarray(44_500, 45_500))).toBe(true);
    expect(await reader?.read(target, 0, 1000, 80_000)).toBe(1000);
    await growing.write(body.subarray(90_000, 95_000));
    flipBit(bodyFilePath(path, growing.file), 80_000);
    await expect(reader?.read(target, 0, 1000, 92_000)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(store.counters.damaged).toBe(2);
    reader?.release();
    await growing.abandon();
    await store.close();
  });

  it("reads a body that is still being written in pieces that begin and end anywhere", async () => {
    const body = patternBytes(2 * BLOCK_BYTES + 200_000, 9);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 700_000 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(body.length), fc.integer({ min: 1, max: BLOCK_BYTES + 1000 })), { maxLength: 8 }),
        async (writes, reads) => {
          const store = openStore({ disks: [{ path: temporaryFolder() }] });
          const growing = await store.createFile();
          const reader = await store.openGrowing(growing.disk, growing.file, growing.checksums);
          for (const bytes of writes) {
            await growing.write(body.subarray(growing.length, growing.length + bytes));
            for (const [position, length] of reads) {
              const target = Buffer.alloc(length);
              const count = (await reader?.read(target, 0, length, position)) ?? -1;
              expect(count > 0).toBe(position < growing.length);
              expect(target.subarray(0, count).equals(body.subarray(position, position + count))).toBe(true);
            }
          }
          reader?.release();
          await growing.abandon();
          await store.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it("makes an object absent whose file is shorter, and ends a read of one that becomes shorter", async () => {
    const { path, store } = openDamageable();
    const file = await store.createFile();
    await file.write(patternBytes(10_000, 6));
    const location = await file.complete(IMAGE, HEAD);
    const reader = await store.openBody(location);
    const target = Buffer.alloc(10_000);
    expect(await reader?.read(target, 0, 10_000, 0)).toBe(10_000);
    truncateSync(bodyFilePath(path, location.file), 9000);
    await expect(reader?.read(target, 0, 10_000, 0)).rejects.toBeInstanceOf(EdgeError);
    reader?.release();
    expect(await store.openBody(location)).toBeUndefined();
    await store.close();
  });

  it.each([
    ["an entry of the map", (mapOffset: number) => mapOffset + 32 + 5, 0],
    ["a checksum in the map", (mapOffset: number) => mapOffset + 32 + 7, 0],
    ["the header of the map", (mapOffset: number) => mapOffset + 9, undefined],
  ])("makes a body with a file of its own absent: a flipped bit in %s", async (_part, place, presentBytes) => {
    const { path, store, problems } = openDamageable();
    const file = await store.createFile();
    await file.write(patternBytes(10_000, 6));
    const location = await file.complete(IMAGE, HEAD);
    flipBit(bodyFilePath(path, location.file), place(mapOffsetOf(location.bodyBytes)));
    expect(await store.openBody(location)).toBeUndefined();
    expect(await store.presentBytesOf(location)).toBe(presentBytes);
    expect(store.counters.damaged).toBeGreaterThan(0);
    expect(problems.every(({ severity }) => severity === "warning")).toBe(true);
    await store.close();
  });

  it("serves nothing from a file that is not ours, and does not take it for a failing disk", async () => {
    const { path, store } = openDamageable();
    const bodies = [patternBytes(5000, 1), patternBytes(5000, 2)];
    const locations = [];
    for (const body of bodies) {
      const file = await store.createFile();
      await file.write(body);
      locations.push(await file.complete(IMAGE, HEAD));
    }
    const [kept = sampleLocation(), replaced = sampleLocation()] = locations;
    copyFileSync(bodyFilePath(path, kept.file), bodyFilePath(path, replaced.file));
    expect(await store.openBody(replaced)).toBeUndefined();
    writeFileSync(bodyFilePath(path, replaced.file), "something else");
    expect(await store.openParted(replaced)).toBeUndefined();
    expect(await store.openParted({ ...kept, bodyBytes: 4999 })).toBeUndefined();
    expect(store.counters).toEqual({ damaged: 3, missing: 0, failed: 0 });
    expect((await readAll(await store.openBody(kept))).equals(patternBytes(5000, 1))).toBe(true);
    await store.close();
  });

  it("is not spread by a new head: an object that cannot be read gets none", async () => {
    const { path, store } = openDamageable();
    const location = await store.append(IMAGE, HEAD, patternBytes(500, 7));
    const segment = segmentPath(path, location.segment);
    flipBit(segment, location.offset + 100);
    const before = readFileSync(segment).length;
    await expect(store.replaceHead(location, IMAGE, HEAD)).rejects.toBeInstanceOf(EdgeError);
    const descriptor = openSync(segment, "r");
    expect(fstatSync(descriptor).size).toBe(before);
    closeSync(descriptor);
    await store.close();
  });
});
