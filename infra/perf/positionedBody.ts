/**
 * Bodies whose every byte follows from a seed and its position: made and checked without keeping or copying any.
 * A body is a row of pages; each is a piece of one table of noise, and seed and page say which.
 */
const PAGE_BYTES = 64 << 10;
const PLACES = 1 << 20;

const noise = Buffer.alloc(PLACES + PAGE_BYTES);
for (let state = 0x2545f491, at = 0; at < noise.length; at += 4) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  noise.writeInt32LE(state, at);
}

/** FNV-1a. */
export function bodySeed(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function placeOfPage(seed: number, page: number): number {
  let mixed = Math.imul(seed ^ Math.imul(page + 1, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) & (PLACES - 1);
}

/** The bytes from a position on, at most to the end of their page; not to be written to. */
export function bodyPiece(seed: number, position: number, atMostBytes: number): Buffer {
  const page = Math.floor(position / PAGE_BYTES);
  const within = position - page * PAGE_BYTES;
  const start = placeOfPage(seed, page) + within;
  return noise.subarray(start, start + Math.min(atMostBytes, PAGE_BYTES - within));
}

/** Pieces of the body from `first` to `last`, both included. */
export function* bodyPieces(seed: number, first: number, last: number): Generator<Buffer> {
  for (let position = first; position <= last; ) {
    const piece = bodyPiece(seed, position, last + 1 - position);
    yield piece;
    position += piece.length;
  }
}

/** Whether these are the bytes of the body at that position. */
export function isBodyAt(seed: number, position: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    const piece = bodyPiece(seed, position + at, bytes.length - at);
    if (piece.compare(bytes, at, at + piece.length) !== 0) return false;
    at += piece.length;
  }
  return true;
}
