import type { SourcePiece, SourceRange } from "../contract.ts";

/** The piece that holds the byte, of pieces sorted by where they start. */
const pieceAt = (pieces: readonly SourcePiece[], position: number): SourcePiece | undefined => {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle]?.start ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  for (let index = low - 1; index >= 0; index--) {
    const piece = pieces[index];
    if (piece !== undefined && piece.start + piece.bytes.length > position) return piece;
  }
  return undefined;
};

/**
 * The bytes of a range, put together where pieces divide it; undefined unless all are at hand. The pieces are sorted by
 * where they start.
 */
export const bytesAt = (pieces: readonly SourcePiece[], range: SourceRange): Uint8Array | undefined => {
  const first = pieceAt(pieces, range.start);
  if (first !== undefined && first.start + first.bytes.length >= range.end)
    return first.bytes.subarray(range.start - first.start, range.end - first.start);
  let position = range.start;
  const parts: Uint8Array[] = [];
  while (position < range.end) {
    const piece = pieceAt(pieces, position);
    if (piece === undefined) return undefined;
    const part = piece.bytes.subarray(position - piece.start, Math.min(piece.bytes.length, range.end - piece.start));
    parts.push(part);
    position += part.length;
  }
  const joined = new Uint8Array(range.end - range.start);
  let filled = 0;
  for (const part of parts) {
    joined.set(part, filled);
    filled += part.length;
  }
  return joined;
};
