/** Bytes of what was found whole that have a sum of their own: so much is read at least to be compared. */
export const PIECE_BYTES = 32 * 1024;

/** Both counters of a sum in the 53 bits of a number: all of the first, these of the second. */
const SECOND_RANGE = 2 ** 21;

const aligned = new Int32Array(PIECE_BYTES / 4);
const alignedBytes = Buffer.from(aligned.buffer);

/**
 * Tells whether bytes are still those that a checksum found whole: any change within four of them changes the sum, others
 * escape it once in 2^53 times. It takes half as long as CRC-32, and is never written anywhere.
 */
export const sumOf = (bytes: Buffer): number => {
  let first = bytes.length;
  let second = 0;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(bytes.length, at + PIECE_BYTES);
    const words = (end - at) >>> 2;
    const view = wordsOf(bytes, at, end);
    const unrolled = words & ~3;
    for (let index = 0; index < unrolled; index += 4) {
      first = (first + (view[index] ?? 0)) | 0;
      second = (second + first) | 0;
      first = (first + (view[index + 1] ?? 0)) | 0;
      second = (second + first) | 0;
      first = (first + (view[index + 2] ?? 0)) | 0;
      second = (second + first) | 0;
      first = (first + (view[index + 3] ?? 0)) | 0;
      second = (second + first) | 0;
    }
    for (let index = unrolled; index < words; index++) {
      first = (first + (view[index] ?? 0)) | 0;
      second = (second + first) | 0;
    }
    for (let index = at + words * 4; index < end; index++) {
      first = (first + (bytes[index] ?? 0)) | 0;
      second = (second + first) | 0;
    }
  }
  return (first >>> 0) * SECOND_RANGE + (second & (SECOND_RANGE - 1));
};

/** The whole words of at most a piece; copied where they do not lie on a border of words. */
const wordsOf = (bytes: Buffer, at: number, end: number): Int32Array => {
  const start = bytes.byteOffset + at;
  if (start % 4 === 0) return new Int32Array(bytes.buffer, start, (end - at) >>> 2);
  bytes.copy(alignedBytes, 0, at, end);
  return aligned;
};

export const countPieces = (bytes: number): number => Math.ceil(bytes / PIECE_BYTES);

/** Enters the sums of the pieces of `content` into `sums`. */
export const sumPieces = (content: Buffer, sums: Float64Array): void => {
  for (let piece = 0, at = 0; at < content.length; piece += 1, at += PIECE_BYTES) {
    sums[piece] = sumOf(content.subarray(at, at + PIECE_BYTES));
  }
};

/** Whether `content` is what the pieces from `firstPiece` on were; it ends with a piece. */
export const arePieces = (content: Buffer, sums: Float64Array, firstPiece: number): boolean => {
  for (let piece = firstPiece, at = 0; at < content.length; piece += 1, at += PIECE_BYTES) {
    if (sums[piece] !== sumOf(content.subarray(at, at + PIECE_BYTES))) return false;
  }
  return true;
};

export interface PieceRun {
  readonly start: number;
  readonly end: number;
}

/** The whole pieces of a content of `length` bytes that `[from, end)` lies in. */
export const piecesAround = (from: number, end: number, length: number): PieceRun => ({
  start: from - (from % PIECE_BYTES),
  end: Math.min(length, Math.ceil(end / PIECE_BYTES) * PIECE_BYTES),
});
