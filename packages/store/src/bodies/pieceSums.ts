import { openSumModule } from "./sumModule.ts";

/** Bytes of what was found whole that have a sum of their own: so much is read at least to be compared. */
export const PIECE_BYTES = 32 * 1024;

/** What is summed at a time lies in the memory of the module first, with zeros behind it. */
const ROOM_BYTES = 8 * PIECE_BYTES;
const LANES_BYTES = 64;

const { memory, sum } = openSumModule();
const room = new Uint8Array(memory.buffer, 0, ROOM_BYTES + LANES_BYTES);

/**
 * Tells whether bytes are still those that a checksum found whole: any change within four of them changes the sum, others
 * escape it once in 2^53 times. It takes the eighth part of the time of CRC-32, and is never written anywhere. At most
 * ROOM_BYTES.
 */
export const sumOf = (bytes: Buffer): number => {
  if (bytes.length > ROOM_BYTES) throw new RangeError("more bytes than are summed at a time");
  load(bytes);
  return sum(0, bytes.length);
};

const load = (bytes: Buffer): void => {
  room.set(bytes);
  const rest = bytes.length % LANES_BYTES;
  if (rest > 0) room.fill(0, bytes.length, bytes.length - rest + LANES_BYTES);
};

export const countPieces = (bytes: number): number => Math.ceil(bytes / PIECE_BYTES);

/** Enters the sums of the pieces of `content` into `sums`. */
export const sumPieces = (content: Buffer, sums: Float64Array): void => {
  for (let start = 0, piece = 0; start < content.length; start += ROOM_BYTES) {
    const loaded = content.subarray(start, start + ROOM_BYTES);
    load(loaded);
    for (let at = 0; at < loaded.length; at += PIECE_BYTES, piece += 1) sums[piece] = sumLoaded(loaded, at);
  }
};

/** Whether `content` is what the pieces from `firstPiece` on were; it ends with a piece. */
export const arePieces = (content: Buffer, sums: Float64Array, firstPiece: number): boolean => {
  for (let start = 0, piece = firstPiece; start < content.length; start += ROOM_BYTES) {
    const loaded = content.subarray(start, start + ROOM_BYTES);
    load(loaded);
    for (let at = 0; at < loaded.length; at += PIECE_BYTES, piece += 1) {
      if (sums[piece] !== sumLoaded(loaded, at)) return false;
    }
  }
  return true;
};

const sumLoaded = (loaded: Buffer, at: number): number => sum(at, Math.min(PIECE_BYTES, loaded.length - at));

export interface PieceRun {
  readonly start: number;
  readonly end: number;
}

/** The whole pieces of a content of `length` bytes that `[from, end)` lies in. */
export const piecesAround = (from: number, end: number, length: number): PieceRun => ({
  start: from - (from % PIECE_BYTES),
  end: Math.min(length, Math.ceil(end / PIECE_BYTES) * PIECE_BYTES),
});
