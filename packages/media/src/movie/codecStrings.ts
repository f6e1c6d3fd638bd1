/** The `codecs` parameter (RFC 6381) from the configuration records of sample entries; undefined for one that is too short. */

const hex = (value: number): string => value.toString(16).toUpperCase();
const hexByte = (value: number): string => hex(value).padStart(2, "0");
const decimal = (value: number): string => value.toString().padStart(2, "0");

/** ISO/IEC 14496-15, E.3: profile, constraints and level. */
export const avcCodecs = (entry: string, record: Uint8Array): string | undefined =>
  record.length < 4 ? undefined : `${entry}.${[...record.subarray(1, 4)].map(hexByte).join("").toLowerCase()}`;

/** ISO/IEC 14496-15, E.3: profile, compatibility (bits reversed), tier and level, constraints without zeros at the end. */
export const hevcCodecs = (entry: string, record: Uint8Array): string | undefined => {
  if (record.length < 13) return undefined;
  const profile = record[1] ?? 0;
  const space = ["", "A", "B", "C"][profile >> 6] ?? "";
  const tier = (profile & 0x20) === 0 ? "L" : "H";
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit++)
    if (((record[2 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) compatibility += 2 ** bit;
  const constraints = [...record.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [entry, `${space}${profile & 0x1f}`, hex(compatibility), `${tier}${record[12] ?? 0}`];
  return [...parts, ...constraints.map(hex)].join(".");
};

/** AV1 in ISOBMFF, section 5: profile, level and tier, bit depth. */
export const av1Codecs = (record: Uint8Array | undefined): string | undefined => {
  if (record === undefined || record.length < 3) return undefined;
  const profile = (record[1] ?? 0) >> 5;
  const level = (record[1] ?? 0) & 0x1f;
  const flags = record[2] ?? 0;
  const isHigh = (flags & 0x40) !== 0;
  const depth = isHigh ? (profile === 2 && (flags & 0x20) !== 0 ? 12 : 10) : 8;
  return `av01.${profile}.${decimal(level)}${(flags & 0x80) === 0 ? "M" : "H"}.${decimal(depth)}`;
};

/** VP codec in ISOBMFF: profile, level, bit depth; the record stands behind version and flags. */
export const vp9Codecs = (record: Uint8Array | undefined): string | undefined =>
  record === undefined || record.length < 7
    ? undefined
    : `vp09.${decimal(record[4] ?? 0)}.${decimal(record[5] ?? 0)}.${decimal((record[6] ?? 0) >> 4)}`;
