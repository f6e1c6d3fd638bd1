import type { SourcePiece } from "../contract.ts";

/** What is at hand of the source, in one memory: whoever writes a segment into the same memory copies within it. */
export interface SourceMemory {
  readonly bytes: Uint8Array;
  /** In the order of `start`: bytes `[start, end)` of the file begin at `offset` of the memory. */
  readonly areas: readonly SourceArea[];
}

interface SourceArea {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** Copies nothing where all pieces are views of one buffer. */
export const sourceMemoryOf = (pieces: readonly SourcePiece[]): SourceMemory => {
  const [first] = pieces;
  if (first === undefined) return { bytes: new Uint8Array(0), areas: [] };
  const { buffer } = first.bytes;
  if (pieces.every(({ bytes }) => bytes.buffer === buffer))
    return { bytes: new Uint8Array(buffer), areas: pieces.map((piece) => areaOf(piece, piece.bytes.byteOffset)) };
  const joined = new Uint8Array(pieces.reduce((total, { bytes }) => total + bytes.byteLength, 0));
  const areas: SourceArea[] = [];
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece.bytes, offset);
    areas.push(areaOf(piece, offset));
    offset += piece.bytes.byteLength;
  }
  return { bytes: joined, areas };
};

const areaOf = ({ start, bytes }: SourcePiece, offset: number): SourceArea => ({
  start,
  end: start + bytes.byteLength,
  offset,
});

/** Finds bytes of the source in the memory: at once where they are asked for in order, else by binary search. */
export class SourceFinder {
  readonly #areas: readonly SourceArea[];
  #recent: SourceArea | undefined;

  constructor({ areas }: SourceMemory) {
    this.#areas = areas;
    this.#recent = areas[0];
  }

  /** Where they begin in the memory; -1 where no piece has all of them. */
  find(position: number, size: number): number {
    let area = this.#recent;
    if (area === undefined || position < area.start || position + size > area.end) {
      area = this.#lastStartingAtOrBefore(position);
      if (area === undefined) return -1;
      this.#recent = area;
    }
    return position >= area.start && position + size <= area.end ? area.offset + position - area.start : -1;
  }

  #lastStartingAtOrBefore(position: number): SourceArea | undefined {
    let low = 0;
    let high = this.#areas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#areas[middle]?.start ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return this.#areas[Math.max(0, low - 1)];
  }
}
