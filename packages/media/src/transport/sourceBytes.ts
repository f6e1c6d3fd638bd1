import type { SourcePiece } from "../contract.ts";

/** Finds bytes of the source among pieces: at once where they are asked for in order, else by binary search. */
export class SourceBytes {
  readonly #pieces: readonly SourcePiece[];
  #current = 0;

  constructor(pieces: readonly SourcePiece[]) {
    this.#pieces = pieces;
  }

  /** Undefined where no piece has all of them. */
  find(position: number, size: number): Uint8Array | undefined {
    let piece = this.#pieces[this.#current];
    if (piece === undefined || position < piece.start || position + size > piece.start + piece.bytes.byteLength) {
      this.#current = this.#lastStartingAtOrBefore(position);
      piece = this.#pieces[this.#current];
      if (piece === undefined) return undefined;
    }
    const offset = position - piece.start;
    if (!(offset >= 0 && offset + size <= piece.bytes.byteLength)) return undefined;
    return piece.bytes.subarray(offset, offset + size);
  }

  #lastStartingAtOrBefore(position: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle]?.start ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}
