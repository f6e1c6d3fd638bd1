import { BLOCK_END, type Coefficients } from "./coefficients.ts";
import type { Frame } from "./frame.ts";
import type { SymbolStream } from "./symbolStream.ts";
import { unsound } from "./unsound.ts";

/** Which Huffman tables a component has: those of brightness (and of black), or those of colour. */
export const tableOf = (index: number): 0 | 1 => (index === 0 || index === 3 ? 0 : 1);

/** Tables of a stream: 0 and 1 for DC, 2 and 3 for AC. */
export const AC_TABLES = 2;

/**
 * The scan of all listed components; of several, their MCUs interleaved. `withAc`: whole blocks, otherwise DC only.
 * Blocks that fill up an MCU cost two bits at most: no difference, no coefficients.
 */
export const codeMcus = (
  stream: SymbolStream,
  frame: Frame,
  coefficients: Coefficients,
  indices: readonly number[],
  withAc: boolean,
): void => {
  const isInterleaved = indices.length > 1;
  const parts = indices.flatMap((index) => {
    const component = frame.components[index];
    const values = coefficients.components[index];
    if (component === undefined || values === undefined) return [];
    const wide = isInterleaved ? component.horizontal : 1;
    const high = isInterleaved ? component.vertical : 1;
    return [{ values, wide, high, table: tableOf(index) }];
  });
  const [first] = parts;
  if (first === undefined) return;
  const across = isInterleaved ? frame.mcusWide : first.values.blocksWide;
  const down = isInterleaved ? frame.mcusHigh : first.values.blocksHigh;
  const predictions = new Int32Array(parts.length);
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      for (let part = 0; part < parts.length; part += 1) {
        const entry = parts[part];
        if (entry === undefined) continue;
        const { values, wide, high, table } = entry;
        for (let y = row * high; y < (row + 1) * high; y += 1) {
          for (let x = column * wide; x < (column + 1) * wide; x += 1) {
            const isKept = x < values.blocksWide && y < values.blocksHigh;
            const block = y * values.blocksWide + x;
            const before = predictions[part] ?? 0;
            const dc = isKept ? (values.dc[block] ?? 0) : before;
            predictions[part] = dc;
            stream.reserve(66);
            codeDifference(stream, dc - before, table);
            if (!withAc) continue;
            if (isKept) codeAc(stream, coefficients.tokens, values.starts[block] ?? 0, AC_TABLES + table);
            else codeEnd(stream, AC_TABLES + table);
          }
        }
      }
    }
  }
};

const codeDifference = (stream: SymbolStream, difference: number, table: number): void => {
  const size = 32 - Math.clz32(difference < 0 ? -difference : difference);
  if (size > 11) unsound("size of a DC difference");
  const bits = difference < 0 ? (difference - 1) & ((1 << size) - 1) : difference;
  stream.entries[stream.count] = (table << 28) | (size << 20) | (size << 16) | bits;
  stream.count += 1;
  stream.plainBits += size;
  const key = (table << 8) | size;
  stream.frequencies[key] = (stream.frequencies[key] ?? 0) + 1;
};

const codeEnd = (stream: SymbolStream, table: number): void => {
  stream.entries[stream.count] = table << 28;
  stream.count += 1;
  stream.frequencies[table << 8] = (stream.frequencies[table << 8] ?? 0) + 1;
};

/** One block; the stream has room for it. */
export const codeAc = (stream: SymbolStream, tokens: Int32Array, start: number, table: number): void => {
  const { entries, frequencies } = stream;
  const base = table << 28;
  const keys = table << 8;
  let { count } = stream;
  let plainBits = 0;
  let last = 0;
  for (let at = start; ; at += 1) {
    const token = tokens[at] ?? BLOCK_END;
    if (token >= BLOCK_END) break;
    const place = token >> 16;
    let run = place - last - 1;
    last = place;
    for (; run > 15; run -= 16) {
      entries[count] = base | 0xf00_0000;
      count += 1;
      frequencies[keys | 0xf0] = (frequencies[keys | 0xf0] ?? 0) + 1;
    }
    const value = (token << 16) >> 16;
    const sign = value >> 31;
    const size = 32 - Math.clz32((value ^ sign) - sign);
    const bits = (value + sign) & ((1 << size) - 1);
    const symbol = (run << 4) | size;
    entries[count] = base | (symbol << 20) | (size << 16) | bits;
    count += 1;
    plainBits += size;
    frequencies[keys | symbol] = (frequencies[keys | symbol] ?? 0) + 1;
  }
  if (last < 63) {
    entries[count] = base;
    count += 1;
    frequencies[keys] = (frequencies[keys] ?? 0) + 1;
  }
  stream.count = count;
  stream.plainBits += plainBits;
};
