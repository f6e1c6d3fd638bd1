import { closeSync, fstatSync, openSync, readFileSync, readSync, truncateSync, writeSync } from "node:fs";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { bodyFilePath, segmentPath } from "../../src/bodies/diskPaths.ts";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { openStore } from "../support/openStore.ts";
import { collectProblems, patternBytes } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("a head");

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
    ["the head", 42],
    ["the body", 60],
    ["the record header", 9],
  ])("makes a packed object absent: a flipped bit in %s", async (_part, position) => {
    const { path, store, problems } = openDamageable();
    const good = await store.append(HEAD, patternBytes(1000, 1));
    const bad = await store.append(HEAD, patternBytes(1000, 2));
    flipBit(segmentPath(path, bad.segment), bad.offset + position);
    expect(await store.load(bad)).toBeUndefined();
    expect(await store.openBody(bad)).toBeUndefined();
    expect((await store.load(good))?.body?.equals(patternBytes(1000, 1))).toBe(true);
    expect(store.counters.damaged).toBe(2);
    expect(problems.map(({ severity }) => severity)).toEqual(["warning", "warning"]);
    await store.close();
  });

  it("makes what lay behind the end of a truncated segment absent, and nothing else", async () => {
    const { path, store } = openDamageable();
    const locations = await Promise.all([1, 2, 3].map((seed) => store.append(HEAD, patternBytes(2000, seed))));
    truncateSync(segmentPath(path, locations[1]?.segment ?? 0), (locations[1]?.offset ?? 0) + 500);
    const found = await Promise.all(locations.map((location) => store.load(location)));
    expect(found.map((object) => object !== undefined)).toEqual([true, false, false]);
    await store.close();
  });

  it("never gives out a byte of a damaged block, and gives out the others", async () => {
    const { path, store, problems } = openDamageable();
    const body = patternBytes(3 * BLOCK_BYTES, 5);
    const file = await store.createFile();
    await file.write(body);
    const location = await file.complete(HEAD);
    flipBit(bodyFilePath(path, location.file), BLOCK_BYTES + 700_000);
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
    expect(problems).toHaveLength(2);
    await store.close();
  });

  it("makes an object absent whose file is shorter, and ends a read of one that becomes shorter", async () => {
    const { path, store } = openDamageable();
    const file = await store.createFile();
    await file.write(patternBytes(10_000, 6));
    const location = await file.complete(HEAD);
    const reader = await store.openBody(location);
    const target = Buffer.alloc(10_000);
    expect(await reader?.read(target, 0, 10_000, 0)).toBe(10_000);
    truncateSync(bodyFilePath(path, location.file), 9000);
    await expect(reader?.read(target, 0, 10_000, 0)).rejects.toBeInstanceOf(EdgeError);
    reader?.release();
    expect(await store.openBody(location)).toBeUndefined();
    await store.close();
  });

  it("is not spread by a new head: an object that cannot be read gets none", async () => {
    const { path, store } = openDamageable();
    const location = await store.append(HEAD, patternBytes(500, 7));
    const segment = segmentPath(path, location.segment);
    flipBit(segment, location.offset + 100);
    const before = readFileSync(segment).length;
    await expect(store.replaceHead(location, HEAD)).rejects.toBeInstanceOf(EdgeError);
    const descriptor = openSync(segment, "r");
    expect(fstatSync(descriptor).size).toBe(before);
    closeSync(descriptor);
    await store.close();
  });
});
