import { frameBytesOf, haveOneForm } from "./audio/frameHeader.ts";

/** Boxes with which files of ISO/IEC 14496-12 and QuickTime begin. */
const FIRST_BOXES = new Set(["ftyp", "styp", "moov", "mdat", "free", "skip", "wide", "pnot"]);

const FLV_HEADER_BYTES = 9;

const u32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

const isMovie = (bytes: Uint8Array): boolean => {
  if (bytes.length < 8) return false;
  const size = u32(bytes, 0);
  const type = String.fromCharCode(...bytes.subarray(4, 8));
  return FIRST_BOXES.has(type) && (size <= 1 || size >= 8);
};

/** Adobe Flash Video File Format Specification 10.1, Annex E.2: reserved bits are 0, and the body begins behind the header. */
const isFlashVideo = (bytes: Uint8Array): boolean =>
  bytes.length >= FLV_HEADER_BYTES &&
  u32(bytes, 0) >>> 8 === 0x464c56 &&
  (bytes[3] ?? 0) >= 1 &&
  ((bytes[4] ?? 0) & 0b1111_1010) === 0 &&
  u32(bytes, 5) >= FLV_HEADER_BYTES;

/** The header of an ID3v2 tag (id3.org, 2.4.0, 3.1). */
export const isTagHeader = (bytes: Uint8Array, at = 0): boolean =>
  at + 10 <= bytes.length &&
  u32(bytes, at) >>> 8 === 0x494433 &&
  (bytes[at + 3] ?? 0) >= 2 &&
  (bytes[at + 3] ?? 0) <= 4 &&
  bytes[at + 4] !== 0xff &&
  ((bytes[at + 5] ?? 0) & 15) === 0;

/** A frame, and as far as the bytes reach another one behind it. */
const isAudio = (bytes: Uint8Array): boolean => {
  if (isTagHeader(bytes)) return true;
  if (bytes.length < 4) return false;
  const header = u32(bytes, 0);
  const next = frameBytesOf(header);
  if (next === 0) return false;
  return next + 4 > bytes.length || haveOneForm(header, u32(bytes, next));
};

/**
 * What a file is by its first bytes; 12 are enough, more tell MPEG audio with more certainty. FLV is recognised and nothing
 * is made of it: such files are served as they are.
 */
export const formatOf = (firstBytes: Uint8Array): "mp4" | "mp3" | "flv" | undefined => {
  if (isMovie(firstBytes)) return "mp4";
  if (isFlashVideo(firstBytes)) return "flv";
  return isAudio(firstBytes) ? "mp3" : undefined;
};
