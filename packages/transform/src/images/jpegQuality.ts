/** Luminance table of ITU-T T.81, annex K, in zigzag order. */
const STANDARD_LUMINANCE = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
  60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121,
  112, 100, 120, 92, 101, 103, 99,
];

const START_OF_SCAN = 0xda;
const QUANTISATION_TABLES = 0xdb;

/**
 * The quality at which an encoder of the IJG's kind makes a luminance table about as coarse as that of the source, so
 * that a picture that was reduced is written as it came. Undefined without such a table.
 */
export const jpegQualityOf = (source: Uint8Array): number | undefined => {
  const table = luminanceTableOf(source);
  if (table === undefined) return undefined;
  let share = 0;
  for (const [index, standard] of STANDARD_LUMINANCE.entries()) share += (table[index] ?? standard) / standard;
  const percent = (100 * share) / STANDARD_LUMINANCE.length;
  const quality = percent <= 100 ? 100 - percent / 2 : 5000 / percent;
  return Math.max(1, Math.min(100, Math.round(quality)));
};

const luminanceTableOf = (source: Uint8Array): number[] | undefined => {
  const view = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  for (let at = 2; at + 4 <= view.length && view[at] === 0xff; ) {
    const marker = view[at + 1];
    const length = view.readUInt16BE(at + 2);
    if (marker === START_OF_SCAN || length < 2) return undefined;
    if (marker === QUANTISATION_TABLES) {
      const table = firstTableOf(view.subarray(at + 4, at + 2 + length));
      if (table !== undefined) return table;
    }
    at += 2 + length;
  }
  return undefined;
};

/** Table 0 of one segment; each begins with a byte of precision (high half) and number (low half). */
const firstTableOf = (segment: Buffer): number[] | undefined => {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at] ?? 0;
    const size = head >> 4 === 0 ? 1 : 2;
    const end = at + 1 + 64 * size;
    if (end > segment.length) return undefined;
    if ((head & 15) === 0) {
      return Array.from({ length: 64 }, (_, index) => segment.readUIntBE(at + 1 + index * size, size));
    }
    at = end;
  }
  return undefined;
};
