import type { RecipePiece } from "./contract.ts";

/**
 * Layout, little endian:
 *
 * ```text
 * 0   magic      8 bytes
 * 8   count      u32
 * 12  literals   u32, bytes of all literal pieces together
 * 16  size       f64, bytes of the whole result
 * 24  table      per piece: where it begins in the result (f64), where in the source (f64) or,
 *                negative, -1 - its position among the literals
 * ..  literals
 * ```
 */
const MAGIC = 0x31_50_43_52; // "RCP1"
const MAGIC_TAIL = 0x74_6c_73_42; // "Bslt"
const HEAD_BYTES = 24;
const ENTRY_BYTES = 16;

export const MAX_RECIPE_PIECES = 1_000_000;

export interface Recipe {
  readonly sizeBytes: number;
  readonly pieceCount: number;
  /** A literal piece is a view of the recipe's bytes. */
  pieceAt(index: number): RecipePiece;
  /** The piece that holds the byte at the position; -1 outside `[0, sizeBytes)`. */
  indexAt(position: number): number;
  /** Where the piece begins in the result; of `pieceCount`: `sizeBytes`. */
  startOf(index: number): number;
}

const lengthOf = (piece: RecipePiece): number =>
  piece.kind === "bytes" ? piece.bytes.byteLength : piece.end - piece.start;

/** Empty pieces left out, neighbouring ranges of the source that continue each other put together. */
const tidied = (pieces: readonly RecipePiece[]): RecipePiece[] => {
  const tidy: RecipePiece[] = [];
  for (const piece of pieces) {
    if (lengthOf(piece) <= 0) {
      continue;
    }
    const last = tidy.at(-1);
    if (last?.kind === "source" && piece.kind === "source" && last.end === piece.start) {
      tidy[tidy.length - 1] = { kind: "source", start: last.start, end: piece.end };
    } else {
      tidy.push(piece);
    }
  }
  return tidy;
};

/** Literals behind each other lie so among the literals too: they are one piece. */
const continuesLiteral = (tidy: readonly RecipePiece[], index: number): boolean =>
  tidy[index]?.kind === "bytes" && tidy[index - 1]?.kind === "bytes";

/** At most `MAX_RECIPE_PIECES` pieces behind each other; a `RangeError` above that. */
export const encodeRecipe = (pieces: readonly RecipePiece[]): Uint8Array<ArrayBuffer> => {
  const tidy = tidied(pieces);
  let pieceCount = 0;
  let literalBytes = 0;
  for (const [index, piece] of tidy.entries()) {
    pieceCount += continuesLiteral(tidy, index) ? 0 : 1;
    literalBytes += piece.kind === "bytes" ? piece.bytes.byteLength : 0;
  }
  if (pieceCount > MAX_RECIPE_PIECES) {
    throw new RangeError(`a recipe of ${pieceCount} pieces`);
  }
  const literalsAt = HEAD_BYTES + pieceCount * ENTRY_BYTES;
  const encoded = new Uint8Array(literalsAt + literalBytes);
  const view = new DataView(encoded.buffer);
  let position = 0;
  let literalPosition = 0;
  let entry = HEAD_BYTES;
  for (const [index, piece] of tidy.entries()) {
    if (!continuesLiteral(tidy, index)) {
      view.setFloat64(entry, position, true);
      view.setFloat64(entry + 8, piece.kind === "bytes" ? -1 - literalPosition : piece.start, true);
      entry += ENTRY_BYTES;
    }
    if (piece.kind === "bytes") {
      encoded.set(piece.bytes, literalsAt + literalPosition);
      literalPosition += piece.bytes.byteLength;
    }
    position += lengthOf(piece);
  }
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, MAGIC_TAIL, true);
  view.setUint32(8, pieceCount, true);
  view.setUint32(12, literalBytes, true);
  view.setFloat64(16, position, true);
  return encoded;
};

class EncodedRecipe implements Recipe {
  readonly sizeBytes: number;
  readonly pieceCount: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #literalsAt: number;

  constructor(bytes: Uint8Array, view: DataView, pieceCount: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.pieceCount = pieceCount;
    this.sizeBytes = view.getFloat64(16, true);
    this.#literalsAt = HEAD_BYTES + pieceCount * ENTRY_BYTES;
  }

  startOf(index: number): number {
    return index >= this.pieceCount ? this.sizeBytes : this.#view.getFloat64(HEAD_BYTES + index * ENTRY_BYTES, true);
  }

  pieceAt(index: number): RecipePiece {
    const length = this.startOf(index + 1) - this.startOf(index);
    const source = this.#view.getFloat64(HEAD_BYTES + index * ENTRY_BYTES + 8, true);
    if (source >= 0) {
      return { kind: "source", start: source, end: source + length };
    }
    const at = this.#literalsAt - 1 - source;
    return { kind: "bytes", bytes: this.#bytes.subarray(at, at + length) };
  }

  indexAt(position: number): number {
    if (!(position >= 0 && position < this.sizeBytes)) {
      return -1;
    }
    let low = 0;
    let high = this.pieceCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.startOf(middle) <= position) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}

/** Every piece has a length, pieces follow each other without gaps, literals lie within the recipe's own bytes. */
const isSound = (recipe: EncodedRecipe, view: DataView, literalBytes: number): boolean => {
  let literalPosition = 0;
  for (let index = 0; index < recipe.pieceCount; index += 1) {
    const start = recipe.startOf(index);
    const length = recipe.startOf(index + 1) - start;
    const source = view.getFloat64(HEAD_BYTES + index * ENTRY_BYTES + 8, true);
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(source) && length > 0)) {
      return false;
    }
    if (source < 0) {
      if (source !== -1 - literalPosition) {
        return false;
      }
      literalPosition += length;
    } else if (!Number.isSafeInteger(source + length)) {
      return false;
    }
  }
  return literalPosition === literalBytes && recipe.startOf(0) === 0;
};

/** Looks into `bytes` at each call, which therefore have to stay as they are. Undefined for anything but a sound recipe. */
export const decodeRecipe = (bytes: Uint8Array): Recipe | undefined => {
  if (bytes.byteLength < HEAD_BYTES) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieceCount = view.getUint32(8, true);
  const literalBytes = view.getUint32(12, true);
  const isOurs =
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(4, true) === MAGIC_TAIL &&
    pieceCount <= MAX_RECIPE_PIECES &&
    bytes.byteLength === HEAD_BYTES + pieceCount * ENTRY_BYTES + literalBytes &&
    Number.isSafeInteger(view.getFloat64(16, true));
  if (!isOurs) {
    return undefined;
  }
  const recipe = new EncodedRecipe(bytes, view, pieceCount);
  return isSound(recipe, view, literalBytes) ? recipe : undefined;
};
