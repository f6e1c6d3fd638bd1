import { AUDIO_TICKS_PER_SECOND } from "./contract.ts";

/**
 * The 32 bits in front of a frame of MPEG audio (ISO/IEC 11172-3 2.4.1.3, ISO/IEC 13818-3): layers II and III of MPEG-1,
 * MPEG-2 and the extension to lower sample rates that is called 2.5. Layer I and free format are no frames here.
 */

export const FRAME_HEADER_BYTES = 4;

/** What all frames of a stream have in common: sync word, version, layer, sample rate. */
const FORM_MASK = 0xfffe0c00;

const KILOBITS: readonly (readonly number[])[] = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

const SAMPLE_RATES = [44_100, 48_000, 32_000];

const versionOf = (header: number): number => (header >>> 19) & 3;
const isFirstVersion = (header: number): boolean => versionOf(header) === 3;

export const layerOf = (header: number): 2 | 3 => (((header >>> 17) & 3) === 1 ? 3 : 2);
export const isMonoHeader = (header: number): boolean => ((header >>> 6) & 3) === 3;
export const hasChecksum = (header: number): boolean => ((header >>> 16) & 1) === 0;
export const bitRateIndexOf = (header: number): number => (header >>> 12) & 15;
export const withBitRateIndex = (header: number, index: number): number =>
  ((header & 0xffff0fff) | (index << 12)) >>> 0;

/** Of a valid header, as what follows. */
export const sampleRateOf = (header: number): number => {
  const rate = SAMPLE_RATES[(header >>> 10) & 3] ?? 0;
  const version = versionOf(header);
  return version === 3 ? rate : version === 2 ? rate / 2 : rate / 4;
};

export const samplesOf = (header: number): number => (layerOf(header) === 3 && !isFirstVersion(header) ? 576 : 1_152);

export const frameTicksOf = (header: number): number =>
  (samplesOf(header) * AUDIO_TICKS_PER_SECOND) / sampleRateOf(header);

export const bitsPerSecondOf = (header: number): number => {
  const table = !isFirstVersion(header) ? 2 : layerOf(header) === 3 ? 0 : 1;
  return (KILOBITS[table]?.[bitRateIndexOf(header)] ?? 0) * 1_000;
};

/** Header, checksum and side information of layer III, behind which the main data begins. */
export const mainDataStartOf = (header: number): number => sideInfoAt(header) + sideBytesOf(header);

/** Where the side information begins. */
export const sideInfoAt = (header: number): number => FRAME_HEADER_BYTES + (hasChecksum(header) ? 2 : 0);

export const sideBytesOf = (header: number): number => {
  if (layerOf(header) !== 3) return 0;
  if (isFirstVersion(header)) return isMonoHeader(header) ? 17 : 32;
  return isMonoHeader(header) ? 9 : 17;
};

/**
 * `main_data_begin`, of the two bytes with which the side information begins: 9 bits, of MPEG-2 8 bits; 0 in layer II.
 */
export const reachBackOf = (header: number, sideInfo: number): number => {
  if (layerOf(header) !== 3) return 0;
  return isFirstVersion(header) ? sideInfo >>> 7 : sideInfo >>> 8;
};

/** The longest way back that a frame of this form can have. */
export const mostReachBackOf = (header: number): number => (isFirstVersion(header) ? 511 : 255);

const measure = (header: number): number => {
  const layerBits = (header >>> 17) & 3;
  const isKnown = versionOf(header) !== 1 && (layerBits === 1 || layerBits === 2) && ((header >>> 10) & 3) !== 3;
  const bits = isKnown ? bitsPerSecondOf(header) : 0;
  if (bits === 0) return 0;
  return Math.floor(((samplesOf(header) / 8) * bits) / sampleRateOf(header)) + ((header >>> 9) & 1);
};

/** Length of a frame by bits 17 to 20 and 9 to 15 of its header. */
const FRAME_BYTES = Uint16Array.from({ length: 2_048 }, (_, key) => measure(((key >>> 7) << 17) | ((key & 127) << 9)));

/** 0 for what is no header. */
export const frameBytesOf = (header: number): number =>
  header >>> 21 === 0x7ff ? (FRAME_BYTES[(((header >>> 17) & 15) << 7) | ((header >>> 9) & 127)] ?? 0) : 0;

export const haveOneForm = (header: number, other: number): boolean => ((header ^ other) & FORM_MASK) === 0;
