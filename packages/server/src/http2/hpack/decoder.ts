import { decodeHuffman, mostDecodedBytes } from "./huffman.ts";
import { STATIC_COUNT, STATIC_FIELDS } from "./staticTable.ts";

/** What an entry takes beside its texts (RFC 7541 4.1). */
const ENTRY_BYTES = 32;

/** The size that a decoder offers without a word in SETTINGS. */
export const TABLE_BYTES = 4096;

/** Continuation bytes of an integer: enough for every length that can be meant. */
const MOST_INTEGER_BYTES = 4;

/** The block is none: the state of both sides differs from now on (RFC 9113 4.3). */
export class HpackError extends Error {
  override readonly name = "HpackError";
}

/** A field section as it was decoded; used again for the next. */
export interface FieldList {
  /** Flat: names and values, latin1. */
  readonly fields: string[];
  /** There is more of it than the limits allow: only its beginning is here. */
  isTooLarge: boolean;
}

export interface FieldLimits {
  /** Of all texts together. */
  readonly bytes: number;
  readonly count: number;
}

/** Texts of codes are made here. */
let scratch = Buffer.allocUnsafeSlow(mostDecodedBytes(16 * 1024));

/** The receiving half of a connection's header compression (RFC 7541). */
export class HpackDecoder {
  /** Newest last; flat. */
  #entries: string[] = [];
  /** Where the oldest entry stands in the list: what is in front of it has been evicted. */
  #oldest = 0;
  #tableBytes = 0;
  #mostTableBytes = TABLE_BYTES;
  /** Grows whenever a block would mean something else than before. */
  generation = 0;
  /** Of the block that is being read. */
  #source: Buffer = scratch;
  #position = 0;
  #end = 0;
  #textBytes = 0;
  readonly #limits: FieldLimits;
  readonly list: FieldList = { fields: [], isTooLarge: false };

  constructor(limits: FieldLimits) {
    this.#limits = limits;
  }

  /** The fields of a block, in `list` until the next call. Errors: HpackError. */
  decode(source: Buffer, from: number, to: number): FieldList {
    const { list } = this;
    list.fields.length = 0;
    list.isTooLarge = false;
    this.#source = source;
    this.#position = from;
    this.#end = to;
    this.#textBytes = 0;
    let mayResize = true;
    while (this.#position < to) {
      const first = source[this.#position] ?? 0;
      if (first >= 0x80) this.#indexed();
      else if (first >= 0x40) this.#literal(0x3f, true);
      else if (first < 0x20) this.#literal(0x0f, false);
      else {
        if (!mayResize) throw new HpackError("a table size behind a field");
        this.#resize(this.#integer(0x1f));
        continue;
      }
      mayResize = false;
    }
    return list;
  }

  #indexed(): void {
    const index = this.#integer(0x7f);
    this.#add(this.#nameAt(index), this.#valueAt(index));
  }

  #literal(mask: number, isKept: boolean): void {
    const index = this.#integer(mask);
    const name = index === 0 ? this.#text() : this.#nameAt(index);
    const value = this.#text();
    if (isKept) this.#keep(name, value);
    this.#add(name, value);
  }

  #add(name: string, value: string): void {
    const { list } = this;
    this.#textBytes += name.length + value.length;
    if (this.#textBytes > this.#limits.bytes || list.fields.length >= this.#limits.count * 2) list.isTooLarge = true;
    else list.fields.push(name, value);
  }

  #nameAt(index: number): string {
    const name = index <= STATIC_COUNT ? STATIC_FIELDS[index * 2 - 2] : this.#entries[this.#placeOf(index)];
    if (name === undefined) throw new HpackError("an index without an entry");
    return name;
  }

  #valueAt(index: number): string {
    const value = index <= STATIC_COUNT ? STATIC_FIELDS[index * 2 - 1] : this.#entries[this.#placeOf(index) + 1];
    return value ?? "";
  }

  /** Of an entry of the dynamic table: the newest has the lowest index. */
  #placeOf(index: number): number {
    const place = this.#entries.length - (index - STATIC_COUNT) * 2;
    return place < this.#oldest ? -1 : place;
  }

  #keep(name: string, value: string): void {
    const bytes = name.length + value.length + ENTRY_BYTES;
    this.generation++;
    this.#evict(this.#mostTableBytes - bytes);
    if (bytes > this.#mostTableBytes) return;
    this.#entries.push(name, value);
    this.#tableBytes += bytes;
  }

  #resize(bytes: number): void {
    if (bytes > TABLE_BYTES) throw new HpackError("a table larger than was offered");
    this.generation++;
    this.#mostTableBytes = bytes;
    this.#evict(bytes);
  }

  #evict(mostBytes: number): void {
    const entries = this.#entries;
    while (this.#tableBytes > mostBytes && this.#oldest < entries.length) {
      this.#tableBytes -= (entries[this.#oldest]?.length ?? 0) + (entries[this.#oldest + 1]?.length ?? 0) + ENTRY_BYTES;
      // Texts are not kept alive by a place that nothing refers to.
      entries[this.#oldest] = "";
      entries[this.#oldest + 1] = "";
      this.#oldest += 2;
    }
    if (this.#oldest < entries.length && this.#oldest < MOST_EVICTED_PLACES) return;
    this.#entries = entries.slice(this.#oldest);
    this.#oldest = 0;
  }

  #integer(mask: number): number {
    let value = (this.#source[this.#position++] ?? 0) & mask;
    if (value < mask) return value;
    for (let count = 0; count < MOST_INTEGER_BYTES; count++) {
      if (this.#position >= this.#end) break;
      const byte = this.#source[this.#position++] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return value;
    }
    throw new HpackError("an integer without an end");
  }

  #text(): string {
    if (this.#position >= this.#end) throw new HpackError("a field without its text");
    const isCoded = (this.#source[this.#position] ?? 0) >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#position;
    const to = from + length;
    if (to > this.#end) throw new HpackError("a text beyond the block");
    this.#position = to;
    if (!isCoded) return this.#source.toString("latin1", from, to);
    const mostBytes = mostDecodedBytes(length);
    if (mostBytes > scratch.length) scratch = Buffer.allocUnsafeSlow(mostBytes);
    const decoded = decodeHuffman(this.#source, from, to, scratch);
    if (decoded < 0) throw new HpackError("a text that is no code");
    return scratch.toString("latin1", 0, decoded);
  }
}

/** Places of evicted entries that are not given up one by one. */
const MOST_EVICTED_PLACES = 256;
