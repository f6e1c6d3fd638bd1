import type { HuffmanCode } from "./huffmanCode.ts";
import type { SymbolStream } from "./symbolStream.ts";

/**
 * The entropy-coded data of a scan, zeros not yet stuffed, the last byte filled up with ones; `codes` are those of the
 * stream's tables.
 */
export const packSymbols = (stream: SymbolStream, codes: readonly (HuffmanCode | undefined)[]): Uint8Array => {
  // By table << 8 | symbol: length << 16 | code.
  const table = new Int32Array(1024);
  let bits = stream.plainBits;
  codes.forEach((code, index) => {
    if (code === undefined) return;
    for (let symbol = 0; symbol < 256; symbol += 1) {
      const key = (index << 8) | symbol;
      const length = code.lengths[symbol] ?? 0;
      table[key] = (length << 16) | (code.codes[symbol] ?? 0);
      bits += length * (stream.frequencies[key] ?? 0);
    }
  });
  const bytes = Math.ceil(bits / 8);
  const view = new DataView(new ArrayBuffer(bytes + 4));
  fill(view, stream.entries, stream.count, table);
  return new Uint8Array(view.buffer, 0, bytes);
};

const fill = (view: DataView, entries: Int32Array, count: number, table: Int32Array): void => {
  let at = 0;
  let pending = 0;
  /** Bits in `pending` that are not written, fewer than 32; what is above them has been. */
  let held = 0;
  for (let index = 0; index < count; index += 1) {
    const entry = entries[index] ?? 0;
    let size = (entry >> 16) & 15;
    let bits = entry & 0xffff;
    if (entry < RAW_FROM) {
      const code = table[entry >>> 20] ?? 0;
      bits |= (code & 0xffff) << size;
      size += code >> 16;
    }
    const over = held + size - 32;
    if (over < 0) {
      pending = (pending << size) | bits;
      held += size;
    } else {
      view.setInt32(at, (pending << (size - over)) | (bits >>> over));
      at += 4;
      pending = bits;
      held = over;
    }
  }
  const padding = 32 - held;
  view.setInt32(at, held === 0 ? 0 : (pending << padding) | ((1 << padding) - 1));
};

const RAW_FROM = 1 << 30;

/** Copies the data into `target` with a zero behind every 0xff. Returns the position behind them, -1: no room. */
export const stuff = (target: Uint8Array, at: number, data: Uint8Array): number => {
  let position = at;
  let from = 0;
  while (from < data.length) {
    const mark = data.indexOf(0xff, from);
    const end = mark === -1 ? data.length : mark + 1;
    if (position + end - from + 1 > target.length) return -1;
    target.set(data.subarray(from, end), position);
    position += end - from;
    if (mark !== -1) {
      target[position] = 0;
      position += 1;
    }
    from = end;
  }
  return position;
};
