import { unsound } from "./unsound.ts";

export const MARKER = {
  SOF0: 0xc0,
  SOF1: 0xc1,
  SOF2: 0xc2,
  DHT: 0xc4,
  JPG: 0xc8,
  DAC: 0xcc,
  RST0: 0xd0,
  RST7: 0xd7,
  SOI: 0xd8,
  EOI: 0xd9,
  SOS: 0xda,
  DQT: 0xdb,
  DNL: 0xdc,
  DRI: 0xdd,
  APP0: 0xe0,
  APP15: 0xef,
  COM: 0xfe,
} as const;

/** Positions in the source; entropy-coded data of a scan follow its SOS and reach to `scanEnd`. */
export interface Segment {
  readonly marker: number;
  /** Of the marker's 0xff. */
  readonly start: number;
  readonly dataStart: number;
  readonly end: number;
  readonly scanEnd: number;
}

export interface Segments {
  readonly list: readonly Segment[];
  /** Behind EOI; the length of the source if it has none. */
  readonly imageEnd: number;
}

/** More segments than any camera or program writes. */
const SEGMENT_LIMIT = 4096;

/** Segments between SOI and EOI in their order. Fill bytes before a marker are in none. */
export const readSegments = (source: Uint8Array): Segments => {
  const list: Segment[] = [];
  let at = 2;
  while (at < source.length) {
    if (source[at] !== 0xff) unsound("no marker where one has to be");
    while (source[at + 1] === 0xff) at += 1;
    const marker = source[at + 1] ?? unsound("end of file in a marker");
    if (marker === MARKER.EOI) return { list, imageEnd: at + 2 };
    if (marker < MARKER.SOF0 || (marker >= MARKER.RST0 && marker <= MARKER.SOI)) unsound("marker out of place");
    const length = ((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0);
    const end = at + 2 + length;
    if (length < 2 || end > source.length) unsound("length of a segment");
    const scanEnd = marker === MARKER.SOS ? findScanEnd(source, end) : end;
    list.push({ marker, start: at, dataStart: at + 4, end, scanEnd });
    if (list.length > SEGMENT_LIMIT) unsound("too many segments");
    at = scanEnd;
  }
  return { list, imageEnd: source.length };
};

/** Position of the next marker that ends a scan, or the end of the source. */
const findScanEnd = (source: Uint8Array, from: number): number => {
  for (let at = source.indexOf(0xff, from); at !== -1 && at + 1 < source.length; at = source.indexOf(0xff, at + 1)) {
    const next = source[at + 1] ?? 0;
    if (next !== 0 && next !== 0xff && (next < MARKER.RST0 || next > MARKER.RST7)) return at;
  }
  return source.length;
};

export const isMetadata = ({ marker }: Segment): boolean =>
  (marker >= MARKER.APP0 && marker <= MARKER.APP15) || marker === MARKER.COM;
