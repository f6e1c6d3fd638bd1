import { openSumModule } from "./sumModule.ts";

/** Bytes of what was found whole that have a sum of their own: so much is read at least to be compared. */
export const PIECE_BYTES = 32 * 1024;

/** What is summed at a time lies in the memory of the module first, with zeros behind it. */
const ROOM_BYTES = 8 * PIECE_BYTES;
const LANES_BYTES = 64;

const { memory, sum } = openSumModule();
const room = Buffer.from(memory.buffer, 0, ROOM_BYTES + LANES_BYTES);

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
  fillLanes(bytes.length);
};

/** Zeros behind bytes that lie in the room, so that whole lanes can be summed. */
const fillLanes = (length: number): void => {
  const rest = length % LANES_BYTES;
  if (rest > 0) room.fill(0, length, length - rest + LANES_BYTES);
};

export const countPieces = (bytes: number): number => Math.ceil(bytes / PIECE_BYTES);

/** Enters the sums of the pieces of `content` into `sums`. */
export const sumPieces = (content: Buffer, sums: Float64Array): void => {
  for (let start = 0, piece = 0; start < content.length; start += ROOM_BYTES) {
    const loaded = content.subarray(start, start + ROOM_BYTES);
    load(loaded);
    for (let at = 0; at < loaded.length; at += PIECE_BYTES, piece += 1) sums[piece] = sumLoaded(loaded.length, at);
  }
};

/** Whether `content` is what the pieces from `firstPiece` on were; it ends with a piece. */
export const arePieces = (content: Buffer, sums: Float64Array, firstPiece: number): boolean => {
  for (let start = 0, piece = firstPiece; start < content.length; start += ROOM_BYTES) {
    const loaded = content.subarray(start, start + ROOM_BYTES);
    load(loaded);
    if (!isLoaded(loaded.length, sums, piece)) return false;
    piece += countPieces(loaded.length);
  }
  return true;
};

/**
 * As `arePieces`, of at most ROOM_BYTES that `read` puts where they are summed, and that nobody else sees; false too when it
 * gives fewer than `length`.
 */
export const arePiecesRead = (
  read: (target: Buffer) => number,
  length: number,
  sums: Float64Array,
  firstPiece: number,
): boolean => {
  if (length > ROOM_BYTES) throw new RangeError("more bytes than are summed at a time");
  if (read(room.subarray(0, length)) !== length) return false;
  fillLanes(length);
  return isLoaded(length, sums, firstPiece);
};

const isLoaded = (length: number, sums: Float64Array, firstPiece: number): boolean => {
  for (let at = 0, piece = firstPiece; at < length; at += PIECE_BYTES, piece += 1) {
    if (sums[piece] !== sumLoaded(length, at)) return false;
  }
  return true;
};

const sumLoaded = (length: number, at: number): number => sum(at, Math.min(PIECE_BYTES, length - at));

export interface PieceRun {
  readonly start: number;
  readonly end: number;
}

/** The whole pieces of a content of `length` bytes that `[from, end)` lies in. */
export const piecesAround = (from: number, end: number, length: number): PieceRun => ({
  start: from - (from % PIECE_BYTES),
  end: Math.min(length, Math.ceil(end / PIECE_BYTES) * PIECE_BYTES),
});
