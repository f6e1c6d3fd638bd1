import type { IndexReader, IndexWriter } from "./memory.ts";
import { type Runs, runEnd, runStart } from "./runs.ts";

/** Bytes of a value: 0 where all are equal, 8 for what does not fit into 32 bits. */
export type PackedWidth = 0 | 1 | 2 | 3 | 4 | 8;

/** Values are kept as `base + step * raw`, raw with as few bytes as they need. */
export interface Packing {
  readonly base: number;
  readonly step: number;
  readonly width: PackedWidth;
}

/** How these values (safe integers) are kept best. */
export const packingOf = (values: Uint32Array | Float64Array): Packing => {
  const { least, most } = extremesOf(values);
  if (least === most) return { base: least, step: 1, width: 0 };
  let step = most - least;
  for (let index = 0; index < values.length && step > 1; index++) {
    const raw = (values[index] ?? 0) - least;
    if (raw % step !== 0) step = commonDivisor(step, raw);
  }
  const width = widthOf((most - least) / step);
  return width === 8 ? { base: 0, step: 1, width } : { base: least, step, width };
};

/** Both 0 without values. */
export const extremesOf = (values: Uint32Array | Float64Array): { readonly least: number; readonly most: number } => {
  let least = values[0] ?? 0;
  let most = least;
  for (let index = 1; index < values.length; index++) {
    const value = values[index] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most };
};

const widthOf = (most: number): PackedWidth => {
  if (most < 2 ** 8) return 1;
  if (most < 2 ** 16) return 2;
  if (most < 2 ** 24) return 3;
  return most < 2 ** 32 ? 4 : 8;
};

const commonDivisor = (left: number, right: number): number => {
  let divisor = left;
  let rest = right;
  while (rest !== 0) {
    const next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  return divisor;
};

export const writePacked = (writer: IndexWriter, runs: Runs, packing: Packing): void => {
  const { base, step, width } = packing;
  writer.number(width);
  writer.number(base);
  writer.number(step);
  if (width === 0) return;
  writer.column(width === 3 ? packTriples(runs, packing) : packWords(runs, packing, columnOf(width, runs.count)));
};

type Words = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const packWords = (runs: Runs, { base, step }: Packing, column: Words): Words => {
  const { values, firsts } = runs;
  if (firsts === undefined) {
    for (let sample = 0; sample < values.length; sample++) column[sample] = ((values[sample] ?? 0) - base) / step;
    return column;
  }
  for (let run = 0; run < values.length; run++) {
    const raw = ((values[run] ?? 0) - base) / step;
    const end = runEnd(runs, run);
    for (let sample = firsts[run] ?? 0; sample < end; sample++) column[sample] = raw;
  }
  return column;
};

const packTriples = (runs: Runs, { base, step }: Packing): Uint8Array => {
  const { values } = runs;
  const column = new Uint8Array(runs.count * 3);
  for (let run = 0; run < values.length; run++) {
    const raw = ((values[run] ?? 0) - base) / step;
    const end = runEnd(runs, run);
    for (let sample = runStart(runs, run); sample < end; sample++) {
      column[sample * 3] = raw & 0xff;
      column[sample * 3 + 1] = (raw >>> 8) & 0xff;
      column[sample * 3 + 2] = raw >>> 16;
    }
  }
  return column;
};

const columnOf = (width: 1 | 2 | 4 | 8, count: number): Words => {
  switch (width) {
    case 1:
      return new Uint8Array(count);
    case 2:
      return new Uint16Array(count);
    case 4:
      return new Uint32Array(count);
    case 8:
      return new Float64Array(count);
  }
};

export class PackedColumn {
  readonly #width: number;
  readonly #base: number;
  readonly #step: number;
  readonly #bytes: Uint8Array = NO_BYTES;
  readonly #wide: Uint16Array | Uint32Array | Float64Array = NO_WORDS;

  constructor(reader: IndexReader) {
    this.#width = reader.number();
    this.#base = reader.number();
    this.#step = reader.number();
    if (this.#width === 1 || this.#width === 3) this.#bytes = reader.bytes();
    else if (this.#width === 2) this.#wide = reader.halfWords();
    else if (this.#width === 4) this.#wide = reader.words();
    else if (this.#width === 8) this.#wide = reader.doubles();
  }

  /** The value of all, undefined where they differ. */
  get constant(): number | undefined {
    return this.#width === 0 ? this.#base : undefined;
  }

  at(index: number): number {
    return this.#base + this.#step * this.#rawAt(index);
  }

  #rawAt(index: number): number {
    if (this.#width === 0) return 0;
    if (this.#width === 1) return this.#bytes[index] ?? 0;
    if (this.#width !== 3) return this.#wide[index] ?? 0;
    const position = index * 3;
    const bytes = this.#bytes;
    return (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8) | ((bytes[position + 2] ?? 0) << 16);
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint16Array(0);
