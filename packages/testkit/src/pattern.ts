import { createHash } from "node:crypto";
import { randomBytesOf, seededRandom } from "./random.ts";

/** Content that is computed from its position: any slice at any time, however large the whole. */
export interface BodySource {
  readonly size: number;
  slice(start: number, end: number): Buffer;
}

export interface PatternBody extends BodySource {
  readonly seed: number;
  /** SHA-256 in hex, computed piece by piece. */
  digest(): string;
}

const BLOCK_BYTES = 65_536;
/** Prime, so that block k starts at another place of the table for 65,521 blocks (4 GB) in a row. */
const STARTS = 65_521;
const STEP = 7_919;
const tables = new Map<number, Buffer>();

const tableOf = (seed: number): Buffer => {
  const known = tables.get(seed);
  if (known !== undefined) return known;
  const table = randomBytesOf(seededRandom(seed), STARTS + BLOCK_BYTES);
  tables.set(seed, table);
  return table;
};

const blockAt = (table: Buffer, position: number): Buffer => {
  const block = Math.floor(position / BLOCK_BYTES);
  const start = (block * STEP) % STARTS;
  return table.subarray(start + (position % BLOCK_BYTES), start + BLOCK_BYTES);
};

/** Bytes [start, end) of the endless pattern of that seed. */
export const patternBytes = (seed: number, start: number, end: number): Buffer => {
  const table = tableOf(seed);
  const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
  for (let written = 0; written < bytes.length; ) written += blockAt(table, start + written).copy(bytes, written);
  return bytes;
};

/** Position (in the whole) of the first byte that differs from the pattern; undefined when all agree. */
export const verifyPattern = (seed: number, offset: number, chunk: Buffer): number | undefined => {
  const expected = patternBytes(seed, offset, offset + chunk.length);
  if (expected.equals(chunk)) return undefined;
  for (let index = 0; index < chunk.length; index++) if (chunk[index] !== expected[index]) return offset + index;
  return undefined;
};

export const patternBody = (size: number, seed: number): PatternBody => ({
  size,
  seed,
  slice: (start, end) => patternBytes(seed, start, Math.min(end, size)),
  digest: () => {
    const hash = createHash("sha256");
    for (let at = 0; at < size; at += 1 << 20) hash.update(patternBytes(seed, at, Math.min(size, at + (1 << 20))));
    return hash.digest("hex");
  },
});

export type BodyInput = string | Buffer | BodySource;

export const toBodySource = (input: BodyInput): BodySource => {
  if (typeof input !== "string" && !Buffer.isBuffer(input)) return input;
  const bytes = typeof input === "string" ? Buffer.from(input, "utf8") : input;
  return { size: bytes.length, slice: (start, end) => bytes.subarray(start, end) };
};
