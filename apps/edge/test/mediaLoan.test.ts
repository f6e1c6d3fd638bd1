import { describe, expect, it } from "vitest";
import { MediaLoan, mediaMemoriesFor, openMediaMemory } from "../src/mediaMemory.ts";
import type { MediaSource } from "../src/mediaSource.ts";

const FILE = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));
const RANGES = [
  { start: 3, end: 40 },
  { start: 501, end: 777 },
];

/** Reads when it is told to. */
const sourceOf = (mayRead: Promise<void> = Promise.resolve()): MediaSource => ({
  sizeBytes: FILE.length,
  identity: undefined,
  expect: async () => {},
  read: async ({ start, end }) => Uint8Array.from(FILE.subarray(start, end)),
  readInto: async ({ start, end }, target) => {
    await mayRead;
    target.set(FILE.subarray(start, end));
  },
  release: () => {},
});

describe("memory of a media job", () => {
  it("holds the pieces one behind the other, each within its word as in the file, and the room behind them", async () => {
    const loan = new MediaLoan(openMediaMemory(1));
    const { pieces, room } = await loan.load(sourceOf(), { ranges: RANGES, resultBytes: 10_000 });
    expect(
      pieces.map(({ start, bytes }) => [start, Buffer.compare(bytes, FILE.subarray(start, start + bytes.length))]),
    ).toEqual([
      [3, 0],
      [501, 0],
    ]);
    expect(pieces.every(({ start, bytes }) => bytes.byteOffset % 8 === start % 8)).toBe(true);
    const [first, second] = pieces;
    expect(second?.bytes.byteOffset).toBeGreaterThanOrEqual((first?.bytes.byteOffset ?? 0) + 37);
    expect(room?.byteOffset).toBe((second?.bytes.byteOffset ?? 0) + 276);
    expect(room?.byteLength).toBeGreaterThan(10_000);
  });

  it("goes back when the job is over, and that only when nothing is read into it any more", async () => {
    const memory = openMediaMemory(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const loan = new MediaLoan(memory);
    const loading = loan.load(sourceOf(promise), { ranges: RANGES });
    loan.giveBack();
    expect(memory.spareCount).toBe(0);
    resolve();
    await loading;
    expect(memory.spareCount).toBe(1);
    loan.giveBack();
    expect(memory.spareCount).toBe(1);
  });

  it("goes back when its source cannot be read", async () => {
    const memory = openMediaMemory(1);
    const loan = new MediaLoan(memory);
    await expect(loan.load(sourceOf(Promise.reject(new Error("gone"))), { ranges: RANGES })).rejects.toThrow("gone");
    loan.giveBack();
    expect(memory.spareCount).toBe(1);
  });

  it("is not had again from a thread that may be at work in it still; another takes its place", async () => {
    const memory = openMediaMemory(1);
    const loan = new MediaLoan(memory);
    await loan.load(sourceOf(), { ranges: RANGES });
    loan.abandon();
    loan.giveBack();
    expect(memory.spareCount).toBe(0);
    const next = await new MediaLoan(memory).load(sourceOf(), { ranges: RANGES });
    expect(next.room).toBeDefined();
  });

  it("is memory of their own for pieces when all is lent, or when they are too large", async () => {
    const memory = openMediaMemory(1);
    await new MediaLoan(memory).load(sourceOf(), { ranges: RANGES });
    const loan = new MediaLoan(memory);
    const { pieces, room } = await loan.load(sourceOf(), { ranges: RANGES });
    loan.giveBack();
    expect(room).toBeUndefined();
    expect(pieces.map(({ bytes }) => bytes.byteLength)).toEqual([37, 276]);
    const large = await new MediaLoan(openMediaMemory(1)).load(sourceOf(), { ranges: RANGES, resultBytes: 1e9 });
    expect(large.room).toBeUndefined();
  });

  it("is one for each thread and three more, but no more than half of what the host may take", () => {
    const MIB = 1024 ** 2;
    expect([mediaMemoriesFor(2, 1024 * MIB), mediaMemoriesFor(16, 6400 * MIB)]).toEqual([5, 19]);
    expect([mediaMemoriesFor(2, 256 * MIB), mediaMemoriesFor(1, 64 * MIB)]).toEqual([2, 1]);
  });
});
