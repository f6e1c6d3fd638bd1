import type { HuffmanCode } from "./huffmanCode.ts";
import type { SymbolStream } from "./symbolStream.ts";

/**
 * Writes the entropy-coded data of a scan into `target` from `at` on; `codes` are those of the stream's tables.
 * Returns the position behind it, or -1 where the room does not suffice.
 */
export const writeEntropy = (
  target: Uint8Array,
  at: number,
  stream: SymbolStream,
  codes: readonly (HuffmanCode | undefined)[],
): number => {
  // By table << 8 | symbol: length << 16 | code.
  const table = new Int32Array(1024);
  codes.forEach((code, index) => {
    if (code === undefined) return;
    for (let symbol = 0; symbol < 256; symbol += 1) {
      table[(index << 8) | symbol] = ((code.lengths[symbol] ?? 0) << 16) | (code.codes[symbol] ?? 0);
    }
  });
  const { entries, count } = stream;
  // An entry makes eight bytes at most, stuffed zeros included.
  const room = target.length - 8;
  let position = at;
  let pending = 0;
  /** Bits in `pending`, fewer than 8 between entries. */
  let held = 0;
  for (let index = 0; index < count; index += 1) {
    if (position > room) return -1;
    const entry = entries[index] ?? 0;
    if (entry < RAW_FROM) {
      const code = table[entry >>> 20] ?? 0;
      pending = (pending << (code >> 16)) | (code & 0xffff);
      held += code >> 16;
      while (held >= 8) {
        held -= 8;
        const byte = (pending >>> held) & 0xff;
        target[position] = byte;
        position += 1;
        if (byte === 0xff) {
          target[position] = 0;
          position += 1;
        }
      }
    }
    const size = (entry >> 16) & 15;
    if (size === 0) continue;
    pending = (pending << size) | (entry & 0xffff);
    held += size;
    while (held >= 8) {
      held -= 8;
      const byte = (pending >>> held) & 0xff;
      target[position] = byte;
      position += 1;
      if (byte === 0xff) {
        target[position] = 0;
        position += 1;
      }
    }
  }
  if (held > 0) {
    const byte = ((pending << (8 - held)) | ((1 << (8 - held)) - 1)) & 0xff;
    target[position] = byte;
    position += 1;
    if (byte === 0xff) {
      target[position] = 0;
      position += 1;
    }
  }
  return position > target.length ? -1 : position;
};

const RAW_FROM = 1 << 30;
