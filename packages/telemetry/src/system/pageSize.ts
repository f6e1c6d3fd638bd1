import { readFileSync } from "node:fs";

const USUAL_PAGE_BYTES = 4096;
/** AT_PAGESZ of the auxiliary vector. */
const PAGE_SIZE_ENTRY = 6n;

/** /proc/self/auxv of a 64-bit little-endian process: pairs of 8 bytes each. */
export const pageBytesOf = (vector: Buffer): number => {
  for (let position = 0; position + 16 <= vector.length; position += 16) {
    if (vector.readBigUInt64LE(position) !== PAGE_SIZE_ENTRY) continue;
    const bytes = Number(vector.readBigUInt64LE(position + 8));
    return Number.isInteger(Math.log2(bytes)) && bytes >= USUAL_PAGE_BYTES ? bytes : USUAL_PAGE_BYTES;
  }
  return USUAL_PAGE_BYTES;
};

let known: number | undefined;

export const pageBytes = (): number => {
  if (known === undefined) {
    try {
      known = pageBytesOf(readFileSync("/proc/self/auxv"));
    } catch {
      known = USUAL_PAGE_BYTES;
    }
  }
  return known;
};
