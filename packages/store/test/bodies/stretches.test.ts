import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { EdgeError } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyFilePath } from "../../src/bodies/diskPaths.ts";
import { BLOCK_BYTES, STRETCH_BYTES } from "../../src/limits.ts";
import { watchReads } from "../support/brokenDisk.ts";
import { createIds, openStore } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const BODY = patternBytes(2 * STRETCH_BYTES + BLOCK_BYTES + 1234, 3);
const BLOCKS = Math.ceil(BODY.length / BLOCK_BYTES);

/** Of two processes: the first has written the blocks, the second knows only that they are there. */
const openFilled = async (blocks: Iterable<number>) => {
  const path = temporaryFolder();
  const { onProblem } = collectProblems();
  const ids = { allocateSegment: createIds(), allocateFile: createIds() };
  const [first, second] = [0, 1].map(() => openStore({ disks: [{ path }], onProblem, ...ids }));
  if (first === undefined || second === undefined) throw new Error("no stores");
  const mine = await first.createParted(sampleImage(), HEAD, BODY.length);
  for (const block of blocks) {
    const part = await mine.startPart(block);
    await part.write(BODY.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
    await part.close();
  }
  const { location } = mine;
  mine.release();
  const file = await second.openParted(location);
  if (file === undefined) throw new Error("the file is gone");
  return {
    file,
    store: second,
    path: bodyFilePath(path, location.file),
    close: async () => {
      file.release();
      await Promise.all([first.close(), second.close()]);
    },
  };
};

const flipBit = (path: string, position: number): void => {
  const descriptor = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, position);
  writeSync(descriptor, Buffer.from([byte.readUInt8(0) ^ 1]), 0, 1, position);
  closeSync(descriptor);
};

const somePosition = fc.nat(BODY.length - 1);
const someReads = fc.array(fc.tuple(somePosition, fc.integer({ min: 1, max: BODY.length })), {
  minLength: 1,
  maxLength: 4,
});
const someStep = fc.oneof(
  someReads.map((reads) => ({ kind: "read", reads }) as const),
  somePosition.map((position) => ({ kind: "flip", position }) as const),
);

describe("a body of which stretches are read", () => {
  it("gives right bytes or none, whatever is there, was verified, is damaged, or is read at the same time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(BLOCKS - 1), { minLength: 1 }),
        fc.array(someStep, { maxLength: 8 }),
        async (blocks, steps) => {
          const { file, path, close } = await openFilled(blocks);
          const flipped = new Set<number>();
          const isDamaged = (block: number): boolean =>
            [...flipped].some((position) => Math.floor(position / BLOCK_BYTES) === block);
          const read = async (position: number, length: number, present: ReadonlySet<number>): Promise<void> => {
            const first = Math.floor(position / BLOCK_BYTES);
            let end = first;
            while (present.has(end) && end * BLOCK_BYTES < position + length) end++;
            const readable = Array.from({ length: end - first }, (_, index) => first + index);
            const target = Buffer.alloc(length);
            const count = await file.read(target, 0, length, position).catch((cause: unknown) => {
              expect(cause).toBeInstanceOf(EdgeError);
              expect(readable.length === 0 || readable.some(isDamaged)).toBe(true);
              return undefined;
            });
            if (count === undefined) return;
            expect(target.subarray(0, count).equals(BODY.subarray(position, position + count))).toBe(true);
            const isWhole = count === Math.min(length, BODY.length - position, end * BLOCK_BYTES - position);
            expect(isWhole || readable.some(isDamaged)).toBe(true);
          };
          for (const step of steps) {
            if (step.kind === "read") {
              const present = new Set(blocks.filter((block) => file.has(block)));
              await Promise.all(step.reads.map(([position, length]) => read(position, length, present)));
              for (const block of blocks) expect(file.has(block) || isDamaged(block)).toBe(true);
            } else if (file.has(Math.floor(step.position / BLOCK_BYTES))) {
              flipBit(path, step.position);
              if (!flipped.delete(step.position)) flipped.add(step.position);
            }
          }
          await close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is read by one call for a stretch, verified or not, and by no more than is wanted of what was verified", async () => {
    const { file, close } = await openFilled(Array(BLOCKS).keys());
    const target = Buffer.alloc(STRETCH_BYTES);
    const lengths = watchReads();
    for (let time = 0; time < 2; time++) {
      expect(await file.read(target, 0, STRETCH_BYTES, STRETCH_BYTES)).toBe(STRETCH_BYTES);
      expect(target.equals(BODY.subarray(STRETCH_BYTES, 2 * STRETCH_BYTES))).toBe(true);
    }
    expect(lengths).toEqual([STRETCH_BYTES, STRETCH_BYTES]);
    await file.read(target, 0, 10, STRETCH_BYTES + BLOCK_BYTES + 5);
    await file.read(target, 0, BLOCK_BYTES, BLOCK_BYTES / 2);
    expect(lengths.slice(2)).toEqual([BLOCK_BYTES / 2, 2 * BLOCK_BYTES]);
    await close();
  });

  it("has one damaged block less, and every other one", async () => {
    const { file, store, path, close } = await openFilled(Array(BLOCKS).keys());
    flipBit(path, STRETCH_BYTES + 2 * BLOCK_BYTES + 7);
    const target = Buffer.alloc(STRETCH_BYTES);
    const reads = [0, 1, 3].map((block) => STRETCH_BYTES + block * BLOCK_BYTES);
    const whole = file.read(target, 0, STRETCH_BYTES, STRETCH_BYTES);
    const others = reads.map((position) => file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, position));
    await expect(whole).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await Promise.all(others)).toEqual([BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES]);
    expect(target.every((byte) => byte === 0)).toBe(true);
    expect([file.missingBytes, file.has(6), store.counters.damaged]).toEqual([BLOCK_BYTES, false, 1]);
    await close();
  });
});
