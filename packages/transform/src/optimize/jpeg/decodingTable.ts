import { unsound } from "./unsound.ts";

/** A Huffman table as DHT declares it. */
export interface HuffmanTable {
  /** Number of codes of each length, by length 1 to 16. */
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

/**
 * A table to read by. `codes`: for the next `lookupBits` bits, length of the code << 8 | symbol, or 0 where the code
 * is longer. `largest` and `offsets` serve those (T.81 F.2.2.3), by length.
 */
export interface DecodingTable {
  readonly lookupBits: number;
  readonly codes: Uint16Array;
  readonly largest: Int32Array;
  readonly offsets: Int32Array;
  readonly symbols: Uint8Array;
}

/** Reads the tables of a DHT segment into their slots: 0 to 3 DC, 4 to 7 AC. */
export const readHuffmanTables = (data: Uint8Array, slots: Map<number, HuffmanTable>): void => {
  let at = 0;
  while (at < data.length) {
    const where = data[at] ?? 0;
    const slot = ((where >> 4) << 2) | (where & 15);
    if (where >> 4 > 1 || (where & 15) > 3) unsound("slot of a Huffman table");
    const counts = new Uint8Array(17);
    counts.set(data.subarray(at + 1, at + 17), 1);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const symbols = data.slice(at + 17, at + 17 + total);
    if (total > 256 || symbols.length !== total) unsound("length of a Huffman table");
    slots.set(slot, { counts, symbols });
    at += 17 + total;
  }
};

export const buildDecodingTable = ({ counts, symbols }: HuffmanTable, lookupBits: number): DecodingTable => {
  const codes = new Uint16Array(1 << lookupBits);
  const largest = new Int32Array(18).fill(-1);
  const offsets = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length += 1) {
    const count = counts[length] ?? 0;
    offsets[length] = index - code;
    if (code + count > 1 << length) unsound("Huffman table with too many codes");
    for (let place = 0; place < count; place += 1, index += 1, code += 1) {
      if (length > lookupBits) continue;
      const first = code << (lookupBits - length);
      codes.fill((length << 8) | (symbols[index] ?? 0), first, first + (1 << (lookupBits - length)));
    }
    if (count > 0) largest[length] = code - 1;
    code <<= 1;
  }
  return { lookupBits, codes, largest, offsets, symbols };
};

/** Length << 8 | symbol of the code that the 16 bits start with. */
export const findCode = (table: DecodingTable, bits16: number): number => {
  for (let length = 1; length <= 16; length += 1) {
    const code = bits16 >> (16 - length);
    if (code <= (table.largest[length] ?? -1)) {
      return (length << 8) | (table.symbols[code + (table.offsets[length] ?? 0)] ?? 0);
    }
  }
  return unsound("no such code");
};

/** The value that `size` bits stand for (T.81 F.2.2.1, EXTEND). */
export const extend = (bits: number, size: number): number =>
  size > 0 && bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;

/** Marks the end of a block in `advance` of a fast entry: no place is that far from another. */
export const TO_END = 64;

/**
 * For the next bits what a sequential block needs of them in one step: value << 16 | advance << 5 | length, where
 * `advance` is how far the place moves (run and coefficient) and `length` counts code and value. 0: not in reach.
 */
export const buildFastTable = (table: DecodingTable, kind: "dc" | "ac"): Int32Array => {
  const { lookupBits, codes } = table;
  const fast = new Int32Array(codes.length);
  let index = 0;
  while (index < codes.length) {
    const found = codes[index] ?? 0;
    if (found === 0) {
      index += 1;
      continue;
    }
    const length = found >> 8;
    const symbol = found & 0xff;
    const size = kind === "dc" ? symbol : symbol & 15;
    const span = 1 << (lookupBits - length);
    const advance = advanceOf(symbol, kind);
    if (length + size <= lookupBits && advance > 0) {
      const repeats = span >> size;
      for (let bits = 0; bits < 1 << size; bits += 1) {
        const entry = (extend(bits, size) << 16) | (advance << 5) | (length + size);
        fast.fill(entry, index + bits * repeats, index + (bits + 1) * repeats);
      }
    }
    index += span;
  }
  return fast;
};

const advanceOf = (symbol: number, kind: "dc" | "ac"): number => {
  if (kind === "dc") return symbol <= 11 ? 1 : 0;
  const size = symbol & 15;
  if (symbol === 0) return TO_END;
  if (size === 0) return symbol === 0xf0 ? 16 : 0;
  return size <= 10 ? (symbol >> 4) + 1 : 0;
};
