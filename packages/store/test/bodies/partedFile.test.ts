import { closeSync, openSync, statSync, truncateSync, writeSync } from "node:fs";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { bodyFilePath } from "../../src/bodies/diskPaths.ts";
import type { BodyStore, PartedFile } from "../../src/contract.ts";
import { BLOCK_BYTES, BODY_FILE_LIMIT_BYTES } from "../../src/limits.ts";
import { watchReads } from "../support/brokenDisk.ts";
import { createIds, openStore, readAll } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const IMAGE = sampleImage();
const BODY = patternBytes(4 * BLOCK_BYTES + 1234, 7);

/** Fills blocks `[first, end)` in one part, in chunks that end nowhere in particular. */
const fill = async (parted: PartedFile | undefined, first: number, end: number): Promise<void> => {
  if (parted === undefined) throw new Error("the file is gone");
  const part = await parted.startPart(first);
  const limit = Math.min(BODY.length, end * BLOCK_BYTES);
  while (part.position < limit)
    await part.write(BODY.subarray(part.position, Math.min(limit, part.position + 400_003)));
  await part.close();
};

const readRange = async (parted: PartedFile, start: number, length: number): Promise<Buffer> => {
  const target = Buffer.alloc(length);
  return target.subarray(0, await parted.read(target, 0, length, start));
};

const present = (parted: PartedFile): number[] =>
  Array.from({ length: parted.blockCount }, (_, block) => block).filter((block) => parted.has(block));

const openPair = () => {
  const path = temporaryFolder();
  const report = collectProblems();
  const ids = { allocateSegment: createIds(), allocateFile: createIds() };
  const open = () => openStore({ disks: [{ path }], onProblem: report.onProblem, ...ids });
  return { path, ...report, open, stores: [open(), open()] as const };
};

const damageBlock = (path: string, block: number): void => {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.from("damage"), 0, 6, block * BLOCK_BYTES + 5000);
  closeSync(descriptor);
};

describe("a body that comes in parts", () => {
  it("is an object at once, takes room for what is there only, and is complete with its last block", async () => {
    const { path, open } = openPair();
    const store = open();
    const parted = await store.createParted(IMAGE, HEAD, BODY.length);
    const { location } = parted;
    expect((await store.load(location))?.head).toEqual(HEAD);
    expect([parted.blockCount, parted.missingBytes, await store.presentBytesOf(location)]).toEqual([5, BODY.length, 0]);
    await fill(parted, 4, 5);
    await fill(parted, 1, 2);
    expect(present(parted)).toEqual([1, 4]);
    expect(parted.missingBytes).toBe(3 * BLOCK_BYTES);
    expect(await store.presentBytesOf(location)).toBe(BLOCK_BYTES + 1234);
    expect(await store.openBody(location)).toBeUndefined();
    expect(statSync(bodyFilePath(path, location.file)).blocks * 512).toBeLessThan(BLOCK_BYTES + 100_000);
    expect(await readRange(parted, BLOCK_BYTES, 1000)).toEqual(BODY.subarray(BLOCK_BYTES, BLOCK_BYTES + 1000));
    expect(await readRange(parted, 4 * BLOCK_BYTES, 5000)).toEqual(BODY.subarray(4 * BLOCK_BYTES));
    await fill(parted, 2, 4);
    await fill(parted, 0, 1);
    expect(parted.missingBytes).toBe(0);
    expect((await readAll(await store.openBody(location))).equals(BODY)).toBe(true);
    parted.release();
    await store.close();
  });

  it("is filled by several processes at once, each of which sees what the others did when it looks", async () => {
    const { stores } = openPair();
    const [first, second] = stores;
    const mine = await first.createParted(IMAGE, HEAD, BODY.length);
    const theirs = await second.openParted(mine.location);
    if (theirs === undefined) throw new Error("the file is gone");
    await Promise.all([fill(mine, 0, 2), fill(theirs, 3, 5)]);
    expect([present(mine), present(theirs)]).toEqual([
      [0, 1],
      [3, 4],
    ]);
    await mine.refresh(0, 4);
    expect(present(mine)).toEqual([0, 1, 3]);
    await theirs.refresh(-5, 1000);
    expect(present(theirs)).toEqual([0, 1, 3, 4]);
    await fill(theirs, 2, 3);
    expect((await readAll(await first.openBody(mine.location))).equals(BODY)).toBe(true);
    expect((await readAll(theirs)).equals(BODY)).toBe(true);
    mine.release();
    await Promise.all(stores.map((store) => store.close()));
  });

  it("shows its blocks to everyone in the process at once", async () => {
    const { open } = openPair();
    const store = open();
    const parted = await store.createParted(IMAGE, HEAD, BODY.length);
    const other = await store.openParted(parted.location);
    await fill(parted, 0, 1);
    expect(other?.has(0)).toBe(true);
    const part = await parted.startPart(1);
    parted.release();
    await part.write(BODY.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES));
    await part.close();
    expect(other?.has(1)).toBe(true);
    other?.release();
    await store.close();
  });

  it("goes on after a restart where it was", async () => {
    const { open } = openPair();
    const before = open();
    const created = await before.createParted(IMAGE, HEAD, BODY.length);
    await fill(created, 1, 3);
    await before.close();
    const after = open();
    const parted = await after.openParted(created.location);
    if (parted === undefined) throw new Error("the file is gone");
    expect(present(parted)).toEqual([1, 2]);
    await fill(parted, 0, 1);
    await fill(parted, 3, 5);
    parted.release();
    expect((await readAll(await after.openBody(created.location))).equals(BODY)).toBe(true);
    await after.close();
  });

  it("does not have a block whose part ended in the middle of it", async () => {
    const { stores } = openPair();
    const parted = await stores[0].createParted(IMAGE, HEAD, BODY.length);
    const part = await parted.startPart(1);
    await part.write(BODY.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES + 60_000));
    expect(part.position).toBe(2 * BLOCK_BYTES + 60_000);
    expect(await readRange(parted, 2 * BLOCK_BYTES + 100, 1000)).toEqual(
      BODY.subarray(2 * BLOCK_BYTES + 100, 2 * BLOCK_BYTES + 1100),
    );
    await part.close();
    await part.close();
    expect(present(parted)).toEqual([1]);
    const other = await stores[1].openParted(parted.location);
    expect(other && present(other)).toEqual([1]);
    await fill(parted, 2, 3);
    expect(parted.has(2)).toBe(true);
    other?.release();
    parted.release();
    await Promise.all(stores.map((store) => store.close()));
  });

  it("gives a block that another process is writing as far as was told, and nothing of it that is damaged", async () => {
    const { path, stores } = openPair();
    const [first, second] = stores;
    const mine = await first.createParted(IMAGE, HEAD, BODY.length);
    const theirs = await second.openParted(mine.location);
    if (theirs === undefined) throw new Error("the file is gone");
    const part = await mine.startPart(1);
    await part.write(BODY.subarray(BLOCK_BYTES, BLOCK_BYTES + 5000));
    const before = { position: part.position, checksum: part.tailChecksum };
    await part.write(BODY.subarray(BLOCK_BYTES + 5000, BLOCK_BYTES + 60_000));
    await expect(readRange(theirs, BLOCK_BYTES, 100)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    theirs.noteWritten(before.position, before.checksum);
    expect(await readRange(theirs, BLOCK_BYTES + 10, 9000)).toEqual(
      BODY.subarray(BLOCK_BYTES + 10, BLOCK_BYTES + 5000),
    );
    theirs.noteWritten(part.position, part.tailChecksum);
    damageBlock(bodyFilePath(path, mine.location.file), 1);
    await expect(readRange(theirs, BLOCK_BYTES + 5000, 9000)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(readRange(mine, BLOCK_BYTES, 10)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await part.close();
    await fill(mine, 1, 3);
    const rest = await readRange(theirs, BLOCK_BYTES + 5000, 9000);
    expect(rest).toEqual(BODY.subarray(BLOCK_BYTES + 5000, BLOCK_BYTES + 14_000));
    for (const parted of [mine, theirs]) parted.release();
    for (const store of stores) await store.close();
  });

  it("is whole to another process that was told of the end, before it has read the map again", async () => {
    const { stores, problems } = openPair();
    const [first, second] = stores;
    const mine = await first.createParted(IMAGE, HEAD, BODY.length);
    const theirs = await second.openParted(mine.location);
    if (theirs === undefined) throw new Error("the file is gone");
    const part = await mine.startPart(4);
    for (let end = 4 * BLOCK_BYTES + 600; part.position < BODY.length; end = BODY.length) {
      await part.write(BODY.subarray(part.position, end));
    }
    theirs.noteWritten(part.position, part.tailChecksum);
    expect(await readRange(theirs, 4 * BLOCK_BYTES + 100, 5000)).toEqual(BODY.subarray(4 * BLOCK_BYTES + 100));
    expect(problems).toEqual([]);
    await part.close();
    for (const parted of [mine, theirs]) parted.release();
    for (const store of stores) await store.close();
  });

  it("loses a damaged block, once, for every process, and gets it back when it is filled again", async () => {
    const { path, stores, problems } = openPair();
    const [first, second] = stores;
    const parted = await first.createParted(IMAGE, HEAD, BODY.length);
    await fill(parted, 0, 5);
    damageBlock(bodyFilePath(path, parted.location.file), 2);
    const theirs = await second.openParted(parted.location);
    if (theirs === undefined) throw new Error("the file is gone");
    await expect(readRange(theirs, 2 * BLOCK_BYTES + 9, 10)).rejects.toBeInstanceOf(EdgeError);
    expect([present(theirs), theirs.missingBytes]).toEqual([[0, 1, 3, 4], BLOCK_BYTES]);
    await theirs.refresh(0, 5);
    expect(theirs.has(2)).toBe(false);
    expect(await first.presentBytesOf(parted.location)).toBe(BODY.length);
    const { location } = parted;
    parted.release();
    await first.close();
    expect([second.counters.damaged, problems.length]).toEqual([1, 1]);
    expect(await second.openBody(location)).toBeUndefined();
    await fill(theirs, 2, 3);
    expect((await readAll(await second.openBody(location))).equals(BODY)).toBe(true);
    theirs.release();
    await second.close();
  });

  it("reads a block that is not verified yet once, however many want it", async () => {
    const { stores } = openPair();
    const parted = await stores[0].createParted(IMAGE, HEAD, BODY.length);
    await fill(parted, 0, 5);
    const readers = await Promise.all(Array.from({ length: 8 }, () => stores[1].openBody(parted.location)));
    const lengths = watchReads();
    const pieces = await Promise.all(
      readers.map(async (reader, index) => {
        const target = Buffer.alloc(100);
        await reader?.read(target, 0, 100, BLOCK_BYTES + index * 100);
        return target;
      }),
    );
    expect(lengths.filter((length) => length === BLOCK_BYTES)).toHaveLength(1);
    expect(Buffer.concat(pieces)).toEqual(BODY.subarray(BLOCK_BYTES, BLOCK_BYTES + 800));
    for (const reader of readers) reader?.release();
    parted.release();
    await Promise.all(stores.map((store) => store.close()));
  });

  it("is absent when its file was truncated or deleted, also while it is held", async () => {
    const { path, stores } = openPair();
    const parted = await stores[0].createParted(IMAGE, HEAD, BODY.length);
    await fill(parted, 0, 2);
    const file = bodyFilePath(path, parted.location.file);
    truncateSync(file, BLOCK_BYTES + 10);
    expect(await stores[1].openParted(parted.location)).toBeUndefined();
    expect(await stores[1].presentBytesOf(parted.location)).toBeUndefined();
    await expect(parted.refresh(0, 5)).rejects.toBeInstanceOf(EdgeError);
    await expect(readRange(parted, BLOCK_BYTES, BLOCK_BYTES)).rejects.toBeInstanceOf(EdgeError);
    expect(await stores[0].removeBodies([parted.location])).toBe(1);
    expect(await stores[0].openParted(parted.location)).toBeUndefined();
    expect(stores[0].counters.failed).toBe(0);
    parted.release();
    await Promise.all(stores.map((store) => store.close()));
  });

  it("refuses what no file can hold, and mistakes of a writer", async () => {
    const { open } = openPair();
    const store = open();
    for (const bodyBytes of [-1, 0.5, Number.NaN, BODY_FILE_LIMIT_BYTES + 1]) {
      await expect(store.createParted(IMAGE, HEAD, bodyBytes)).rejects.toBeInstanceOf(EdgeError);
    }
    const empty = await store.createParted(IMAGE, HEAD, 0);
    expect([empty.blockCount, empty.missingBytes]).toEqual([0, 0]);
    const parted = await store.createParted(IMAGE, HEAD, 1000);
    for (const block of [-1, 1, 0.5]) await expect(parted.startPart(block)).rejects.toBeInstanceOf(EdgeError);
    const part = await parted.startPart(0);
    await expect(part.write(Buffer.alloc(1001))).rejects.toBeInstanceOf(EdgeError);
    const writing = part.write(Buffer.alloc(10));
    await expect(part.write(Buffer.alloc(10))).rejects.toBeInstanceOf(EdgeError);
    await writing;
    await part.close();
    await expect(part.write(Buffer.alloc(10))).rejects.toBeInstanceOf(EdgeError);
    parted.release();
    await expect(readRange(parted, 0, 10)).rejects.toBeInstanceOf(EdgeError);
    await expect(parted.startPart(0)).rejects.toBeInstanceOf(EdgeError);
    empty.release();
    await store.close();
  });

  it("needs no more descriptors than the store has, however many are filled at once", async () => {
    const store: BodyStore = openStore({ disks: [{ path: temporaryFolder() }], maxOpenFiles: 4 });
    const files = await Promise.all(Array.from({ length: 30 }, () => store.createParted(IMAGE, HEAD, 5000)));
    const parts = await Promise.all(files.map((file) => file.startPart(0)));
    for (const start of [0, 2500]) {
      await Promise.all(parts.map((part) => part.write(BODY.subarray(start, start + 2500))));
    }
    await Promise.all(parts.map((part) => part.close()));
    for (const file of files) {
      expect(file.missingBytes).toBe(0);
      expect(await readRange(file, 0, 5000)).toEqual(BODY.subarray(0, 5000));
      file.release();
    }
    await store.close();
  });
});
