import { readFrame } from "../optimize/jpeg/frame.ts";
import { MARKER, type Segment } from "../optimize/jpeg/segments.ts";
import { UnsoundJpeg } from "../optimize/jpeg/unsound.ts";
import { readOrientation } from "../optimize/metadata/exif.ts";
import { isExif, isXmp, startsWith, tiffOf } from "../optimize/metadata/jpegMetadata.ts";
import { jpegQualityOf } from "./jpegQuality.ts";
import type { ImageLimits } from "./limits.ts";
import type { SourceFacts } from "./sourceFacts.ts";

const ICC_PROFILE = "ICC_PROFILE";
/** The most that libjpeg reads. */
const SIDE_LIMIT = 65_500;

/**
 * What libvips would say of a JPEG, for the fortieth part of what asking it costs: an ordinary picture is read here, of
 * grey or of three colours with 8 bits, with at most one record of a kind. Undefined for any other, and for what is not
 * sound: libvips then judges.
 */
export const readJpegFacts = (source: Uint8Array, limits: ImageLimits): SourceFacts | undefined => {
  try {
    return factsOf(source, limits);
  } catch (error) {
    if (error instanceof UnsoundJpeg) return undefined;
    throw error;
  }
};

const factsOf = (source: Uint8Array, limits: ImageLimits): SourceFacts | undefined => {
  const head = readHead(source);
  if (head === undefined) return undefined;
  const { frame: frameSegment, scan, records, profile } = head;
  const { width, height, components, isProgressive } = readFrame(source, frameSegment);
  if (width > SIDE_LIMIT || height > SIDE_LIMIT || width * height > limits.maxPixels) return undefined;
  if (components.length !== 1 && components.length !== 3) return undefined;
  const inFirstScan = source[scan.dataStart] ?? 0;
  return {
    format: "jpg",
    width,
    height,
    frames: 1,
    orientation: records.exif === undefined ? 1 : readOrientation(tiffOf(source, records.exif)),
    hasAlpha: false,
    space: components.length === 1 ? "grey" : "rgb",
    isDeep: false,
    hasProfile: profile !== undefined,
    hasRecords: records.exif !== undefined || records.xmp !== undefined,
    isProgressive: isProgressive || inFirstScan < components.length,
    isPalette: false,
    isLossless: false,
    hasFullColorSampling: components.every(({ horizontal, vertical }) => horizontal === 1 && vertical === 1),
    quality: jpegQualityOf(source),
    delays: [],
    rounds: 0,
  };
};

interface Head {
  readonly frame: Segment;
  readonly scan: Segment;
  readonly records: { readonly exif: Segment | undefined; readonly xmp: Segment | undefined };
  readonly profile: Segment | undefined;
}

/** The segments up to the first scan; undefined where there is none, or where two of them would have to be one. */
const readHead = (source: Uint8Array): Head | undefined => {
  if (source[0] !== 0xff || source[1] !== MARKER.SOI) return undefined;
  let frame: Segment | undefined;
  let exif: Segment | undefined;
  let xmp: Segment | undefined;
  let profile: Segment | undefined;
  for (let at = 2; at + 4 <= source.length; ) {
    const marker = source[at + 1] ?? 0;
    if (source[at] !== 0xff || marker < MARKER.SOF0 || (marker >= MARKER.RST0 && marker <= MARKER.EOI))
      return undefined;
    const end = at + 2 + (((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0));
    const segment: Segment = { marker, start: at, dataStart: at + 4, end, scanEnd: end };
    if (end < at + 4 || end > source.length) return undefined;
    if (marker === MARKER.SOS) {
      return frame === undefined ? undefined : { frame, scan: segment, records: { exif, xmp }, profile };
    }
    if (isFrame(marker)) {
      if (frame !== undefined) return undefined;
      frame = segment;
    } else if (isExif(source, segment)) {
      if (exif !== undefined) return undefined;
      exif = segment;
    } else if (isXmp(source, segment)) {
      if (xmp !== undefined) return undefined;
      xmp = segment;
    } else if (marker === MARKER.APP0 + 2 && startsWith(source, segment.dataStart, ICC_PROFILE)) {
      if (profile !== undefined || !isWholeProfile(source, segment)) return undefined;
      profile = segment;
    } else if (isForLibvips(source, segment)) return undefined;
    at = end;
  }
  return undefined;
};

const isFrame = (marker: number): boolean =>
  marker >= MARKER.SOF0 &&
  marker < MARKER.RST0 &&
  marker !== MARKER.DHT &&
  marker !== MARKER.JPG &&
  marker !== MARKER.DAC;

/** Piece one of one. */
const isWholeProfile = (source: Uint8Array, { dataStart, end }: Segment): boolean => {
  const at = dataStart + ICC_PROFILE.length;
  return source[at] === 0 && source[at + 1] === 1 && source[at + 2] === 1 && end > at + 3;
};

/** A record in a form that only libvips knows. */
const isForLibvips = (source: Uint8Array, { marker, dataStart }: Segment): boolean =>
  marker === MARKER.APP0 + 1 && (startsWith(source, dataStart, "Exif") || startsWith(source, dataStart, "http"));
