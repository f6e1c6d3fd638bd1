import { isWhiteSpace, textOf } from "./bytes.ts";
import type { FieldBlock } from "./contract.ts";

/** Offsets of a field line in its block, four numbers per line. */
export const OFFSETS_PER_LINE = 4;

const foldCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

/** Values of one field as one (RFC 9110 5.3); cookies join by `; ` (RFC 9113 8.2.3). */
export const combineValues = (lowerCaseName: string, values: readonly string[]): string =>
  values.join(lowerCaseName === "cookie" ? "; " : ", ");

export const trimEnd = (view: DataView, from: number, to: number): number => {
  let end = to;
  while (end > from && isWhiteSpace(view.getUint8(end - 1))) end--;
  return end;
};

/**
 * A block that was checked when it was read. Holds its own copy of the bytes; text is made when asked for. The offsets
 * are a plain array because a typed array of this size is allocated outside the heap, which costs more than a parse.
 */
export class ReadFieldBlock implements FieldBlock {
  readonly count: number;
  readonly flags: number;
  readonly host: string | undefined;
  readonly contentLength: number;
  readonly #memory: Buffer;
  readonly #from: number;
  readonly #offsets: readonly number[];

  /** The block's bytes start at `from`; nobody writes to them any more; offsets are relative to it. */
  constructor(
    memory: Buffer,
    from: number,
    offsets: readonly number[],
    facts: { readonly flags: number; readonly host: string | undefined; readonly contentLength: number },
  ) {
    this.#memory = memory;
    this.#from = from;
    this.#offsets = offsets;
    this.count = offsets.length / OFFSETS_PER_LINE;
    this.flags = facts.flags;
    this.host = facts.host;
    this.contentLength = facts.contentLength;
  }

  name(index: number): string {
    return this.#text(index * OFFSETS_PER_LINE);
  }

  value(index: number): string {
    return this.#text(index * OFFSETS_PER_LINE + 2);
  }

  get(lowerCaseName: string): string | undefined {
    const first = this.#find(lowerCaseName, 0);
    if (first < 0) return undefined;
    if (this.#find(lowerCaseName, first + 1) < 0) return this.value(first);
    return combineValues(lowerCaseName, this.getAll(lowerCaseName));
  }

  getAll(lowerCaseName: string): readonly string[] {
    const values: string[] = [];
    for (let at = this.#find(lowerCaseName, 0); at >= 0; at = this.#find(lowerCaseName, at + 1)) {
      values.push(this.value(at));
    }
    return values;
  }

  has(lowerCaseName: string): boolean {
    return this.#find(lowerCaseName, 0) >= 0;
  }

  toFlatArray(): string[] {
    const flat: string[] = [];
    for (let index = 0; index < this.count; index++) flat.push(this.name(index), this.value(index));
    return flat;
  }

  #text(offset: number): string {
    const from = this.#offsets[offset];
    const to = this.#offsets[offset + 1];
    return from === undefined || to === undefined ? "" : textOf(this.#memory, this.#from + from, this.#from + to);
  }

  #find(lowerCaseName: string, fromIndex: number): number {
    const offsets = this.#offsets;
    for (let index = fromIndex; index < this.count; index++) {
      const from = offsets[index * OFFSETS_PER_LINE] ?? 0;
      const to = offsets[index * OFFSETS_PER_LINE + 1] ?? 0;
      if (to - from === lowerCaseName.length && this.#isNameAt(from, lowerCaseName)) return index;
    }
    return -1;
  }

  #isNameAt(from: number, lowerCaseName: string): boolean {
    for (let index = 0; index < lowerCaseName.length; index++) {
      if (foldCase(this.#memory[this.#from + from + index] ?? 0) !== lowerCaseName.charCodeAt(index)) return false;
    }
    return true;
  }
}

export const EMPTY_FIELD_BLOCK: FieldBlock = new ReadFieldBlock(Buffer.alloc(0), 0, [], {
  flags: 0,
  host: undefined,
  contentLength: -1,
});
