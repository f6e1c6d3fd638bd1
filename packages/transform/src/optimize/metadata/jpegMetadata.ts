import { MARKER, type Segment } from "../jpeg/segments.ts";
import { makeOrientationExif, readOrientation } from "./exif.ts";

const EXIF = "Exif\0\0";
const ICC = "ICC_PROFILE\0";
export const XMP = "http://ns.adobe.com/xap/1.0/\0";

/** JFIF up to the size of its thumbnail. */
const JFIF_BYTES = 16;

export const startsWith = (source: Uint8Array, at: number, text: string): boolean =>
  Buffer.from(source.buffer, source.byteOffset + at, Math.min(text.length, source.length - at)).toString("latin1") ===
  text;

export const isExif = (source: Uint8Array, { marker, dataStart }: Segment): boolean =>
  marker === MARKER.APP0 + 1 && startsWith(source, dataStart, EXIF);

export const tiffOf = (source: Uint8Array, { dataStart, end }: Segment): Uint8Array =>
  source.subarray(Math.min(dataStart + EXIF.length, end), end);

export const isXmp = (source: Uint8Array, { marker, dataStart }: Segment): boolean =>
  marker === MARKER.APP0 + 1 && startsWith(source, dataStart, XMP);

/** An index of further pictures behind this one, by their positions in the file. */
export const isMultiPicture = (source: Uint8Array, { marker, dataStart }: Segment): boolean =>
  marker === MARKER.APP0 + 2 && startsWith(source, dataStart, "MPF\0");

/**
 * What is left of a segment of metadata when only that is kept which decides how the picture looks: JFIF and Adobe
 * (they tell the colour space), the colour profile, and an orientation other than 1.
 */
export const stripSegment = (source: Uint8Array, segment: Segment): Uint8Array | undefined => {
  const { marker, start, dataStart, end } = segment;
  if (marker === MARKER.APP0 && startsWith(source, dataStart, "JFIF\0") && end - dataStart >= JFIF_BYTES - 2) {
    const header = source.slice(dataStart - 4, dataStart + JFIF_BYTES - 2);
    header.set([0, JFIF_BYTES], 2);
    header.set([0, 0], header.length - 2);
    return header;
  }
  if (marker === MARKER.APP0 + 14 && startsWith(source, dataStart, "Adobe")) return source.subarray(start, end);
  if (marker === MARKER.APP0 + 2 && startsWith(source, dataStart, ICC)) return source.subarray(start, end);
  if (isExif(source, segment)) {
    const orientation = readOrientation(tiffOf(source, segment));
    return orientation === 1 ? undefined : exifSegment(makeOrientationExif(orientation));
  }
  return undefined;
};

const exifSegment = (tiff: Uint8Array): Uint8Array => {
  const length = 2 + EXIF.length + tiff.length;
  return Buffer.concat([
    Uint8Array.of(0xff, MARKER.APP0 + 1, length >> 8, length & 0xff),
    Buffer.from(EXIF, "latin1"),
    tiff,
  ]);
};
