import type { SourcePiece, SourceRange } from "../contract.ts";

/** What lies between two wanted ranges is fetched along where it is shorter than this: fewer requests to the origin. */
const LONGEST_GAP_BYTES = 65_536;

/** Of the wanted bytes, what all gaps together may add (MEDIA-42). */
const GAP_SHARE = 0.1;

/** In order, without overlaps and neighbours. */
export function mergeRanges(ranges: readonly SourceRange[]): SourceRange[] {
  const merged: SourceRange[] = [];
  for (const { start, end } of [...ranges].sort((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (end <= start) continue;
    if (last === undefined || start > last.end) merged.push({ start, end });
    else if (end > last.end) merged[merged.length - 1] = { start: last.start, end };
  }
  return merged;
}

/** The merged ranges with the shortest gaps between them closed. */
export function joinGaps(merged: readonly SourceRange[]): SourceRange[] {
  const gapBehind = (index: number): number =>
    (merged[index + 1]?.start ?? Number.POSITIVE_INFINITY) - (merged[index]?.end ?? 0);
  const wantedBytes = merged.reduce((bytes, { start, end }) => bytes + end - start, 0);
  let spareBytes = wantedBytes * GAP_SHARE;
  const closed = new Set<number>();
  const candidates = merged.map((_, index) => index).filter((index) => gapBehind(index) <= LONGEST_GAP_BYTES);
  for (const index of candidates.sort((one, other) => gapBehind(one) - gapBehind(other) || one - other)) {
    spareBytes -= gapBehind(index);
    if (spareBytes < 0) break;
    closed.add(index);
  }
  const joined: SourceRange[] = [];
  for (const [index, range] of merged.entries()) {
    const last = joined.at(-1);
    if (last !== undefined && closed.has(index - 1)) joined[joined.length - 1] = { start: last.start, end: range.end };
    else joined.push(range);
  }
  return joined;
}

/** One piece for each of the ranges, copied only where a range is spread over several; undefined: something is missing. */
export function gatherPieces(
  ranges: readonly SourceRange[],
  pieces: readonly SourcePiece[],
): SourcePiece[] | undefined {
  const sorted = [...pieces].sort((one, other) => one.start - other.start);
  const gathered: SourcePiece[] = [];
  let first = 0;
  for (const { start, end } of ranges) {
    while (first < sorted.length && endOf(sorted[first]) <= start) first++;
    const bytes = bytesOf(sorted, first, start, end);
    if (bytes === undefined) return undefined;
    gathered.push({ start, bytes });
  }
  return gathered;
}

const endOf = (piece: SourcePiece | undefined): number =>
  piece === undefined ? 0 : piece.start + piece.bytes.byteLength;

function bytesOf(sorted: readonly SourcePiece[], first: number, start: number, end: number): Uint8Array | undefined {
  const piece = sorted[first];
  if (piece === undefined || piece.start > start) return undefined;
  if (endOf(piece) >= end) return piece.bytes.subarray(start - piece.start, end - piece.start);
  const joined = new Uint8Array(end - start);
  let position = start;
  for (let index = first; position < end; index++) {
    const next = sorted[index];
    if (next === undefined || next.start > position) return undefined;
    if (endOf(next) <= position) continue;
    const part = next.bytes.subarray(position - next.start, Math.min(end, endOf(next)) - next.start);
    joined.set(part, position - start);
    position += part.byteLength;
  }
  return joined;
}
