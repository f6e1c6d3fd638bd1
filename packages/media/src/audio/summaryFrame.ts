import { bitsPerSecondOf, FRAME_HEADER_BYTES, mainDataStartOf, sideBytesOf } from "./frameHeader.ts";
import { silentFrame } from "./silentFrame.ts";

/** The first frame of many files holds no sound: a Xing, Info or VBRI header lies in its place. */
export interface SummaryFrame {
  /** Samples that the encoder put in front of the sound and behind it; undefined without the extension of LAME. */
  readonly delaySamples: number | undefined;
  readonly paddingSamples: number | undefined;
}

/** Bytes of a frame by which all that counts here is known. */
export const SUMMARY_BYTES = 200;

const XING = 0x58696e67;
const INFO = 0x496e666f;
const VBRI = 0x56425249;
const VBRI_AT = FRAME_HEADER_BYTES + 32;

export const TOC_BYTES = 100;

/** Which of the fields of a Xing header are there. */
export const SUMMARY_FLAGS = { frames: 1, bytes: 2, toc: 4, quality: 8 } as const;

/** From the beginning of LAME's extension. */
export const DELAY_AT = 21;

/** Undefined for a frame of sound. `frame` begins with the header and is `SUMMARY_BYTES` long, or shorter at the end of a file. */
export const readSummaryFrame = (header: number, frame: DataView): SummaryFrame | undefined => {
  const u32 = (at: number): number => (at + 4 <= frame.byteLength ? frame.getUint32(at) : 0);
  // Some encoders count the checksum, others do not.
  for (const at of [FRAME_HEADER_BYTES + sideBytesOf(header), mainDataStartOf(header)]) {
    const kind = u32(at);
    if (kind !== XING && kind !== INFO) continue;
    const flags = u32(at + 4);
    let extension = at + 8;
    if ((flags & SUMMARY_FLAGS.frames) !== 0) extension += 4;
    if ((flags & SUMMARY_FLAGS.bytes) !== 0) extension += 4;
    if ((flags & SUMMARY_FLAGS.toc) !== 0) extension += TOC_BYTES;
    if ((flags & SUMMARY_FLAGS.quality) !== 0) extension += 4;
    return isNamed(u32(extension)) ? delaysIn(u32(extension + DELAY_AT) >>> 8) : NO_DELAYS;
  }
  return u32(VBRI_AT) === VBRI ? NO_DELAYS : undefined;
};

const NO_DELAYS: SummaryFrame = { delaySamples: undefined, paddingSamples: undefined };

/** `LAME`, `Lavf` or `Lavc`: only these write what follows in a known form. */
const isNamed = (name: number): boolean => name === 0x4c414d45 || name === 0x4c617666 || name === 0x4c617663;

const delaysIn = (bits: number): SummaryFrame => ({ delaySamples: bits >>> 12, paddingSamples: bits & 0xfff });

/** A stretch of the frames behind a summary. */
export interface SummarySpan {
  readonly ticks: number;
  readonly byteCount: number;
  /** Bytes in front of the frame that sounds at that time of the span. */
  bytesUntil(ticks: number): number;
}

export interface Summary {
  /** Of a frame of the file. */
  readonly header: number;
  /** Frames have different bit rates. */
  readonly isVariable: boolean;
  /** Without this one. */
  readonly frames: number;
  readonly spans: readonly SummarySpan[];
  /** Undefined: nothing is said about samples to skip. */
  readonly delaySamples: number | undefined;
  readonly paddingSamples: number;
}

/** Players read delays only behind a name that they know. */
const ENCODER_NAME = "LAME3.100";
const EXTENSION_BYTES = 36;
const HEAD_BYTES = 8;
const MOST_DELAY_SAMPLES = 4_095;

const VBR_METHOD_AT = 9;
const BIT_RATE_AT = 20;
const MUSIC_BYTES_AT = 28;
const CHECKSUM_AT = 34;

/** `VBR method` of LAME's extension. */
const CONSTANT_METHOD = 1;
const VARIABLE_METHOD = 3;

/**
 * A frame that says how many frames and bytes follow and where each hundredth of the time lies (`Xing`, or `Info` of a
 * constant bit rate), and in LAME's extension which samples to skip. To players that know neither it is silence.
 */
export const summaryFrame = (summary: Summary): Uint8Array<ArrayBuffer> => {
  const contentBytes = HEAD_BYTES + 4 + 4 + TOC_BYTES + 4 + EXTENSION_BYTES;
  const { header, frame } = silentFrame(summary.header, contentBytes);
  const view = new DataView(frame.buffer);
  const audioBytes = summary.spans.reduce((sum, { byteCount }) => sum + byteCount, 0);
  const totalBytes = Math.min(frame.length + audioBytes, 0xffffffff);
  let at = mainDataStartOf(header);
  view.setUint32(at, summary.isVariable ? XING : INFO);
  view.setUint32(at + 4, SUMMARY_FLAGS.frames | SUMMARY_FLAGS.bytes | SUMMARY_FLAGS.toc | SUMMARY_FLAGS.quality);
  view.setUint32(at + 8, summary.frames);
  view.setUint32(at + 12, totalBytes);
  at += HEAD_BYTES + 8;
  writePlaces(frame.subarray(at, at + TOC_BYTES), summary.spans, frame.length, audioBytes);
  at += TOC_BYTES + 4;
  if (summary.delaySamples === undefined) return frame;
  for (let index = 0; index < ENCODER_NAME.length; index++) frame[at + index] = ENCODER_NAME.charCodeAt(index);
  frame[at + VBR_METHOD_AT] = summary.isVariable ? VARIABLE_METHOD : CONSTANT_METHOD;
  frame[at + BIT_RATE_AT] = Math.min(255, bitsPerSecondOf(summary.header) / 1_000);
  const delay = Math.min(summary.delaySamples, MOST_DELAY_SAMPLES);
  const padding = Math.min(summary.paddingSamples, MOST_DELAY_SAMPLES);
  frame[at + DELAY_AT] = delay >> 4;
  frame[at + DELAY_AT + 1] = ((delay & 15) << 4) | (padding >> 8);
  frame[at + DELAY_AT + 2] = padding & 255;
  view.setUint32(at + MUSIC_BYTES_AT, totalBytes);
  view.setUint16(at + CHECKSUM_AT, checksumOf(frame.subarray(0, at + CHECKSUM_AT)));
  return frame;
};

/** Where in the file, in 256ths of it, each hundredth of the time is. */
const writePlaces = (toc: Uint8Array, spans: readonly SummarySpan[], frameBytes: number, audioBytes: number): void => {
  const totalTicks = spans.reduce((sum, { ticks }) => sum + ticks, 0);
  let index = 0;
  let startTicks = 0;
  let startBytes = frameBytes;
  for (const span of spans) {
    for (; index < TOC_BYTES && (index * totalTicks) / TOC_BYTES < startTicks + span.ticks; index++) {
      const bytes = startBytes + span.bytesUntil((index * totalTicks) / TOC_BYTES - startTicks);
      toc[index] = Math.min(255, Math.floor((bytes * 256) / (frameBytes + audioBytes)));
    }
    startTicks += span.ticks;
    startBytes += span.byteCount;
  }
  toc.fill(255, index);
};

/** CRC-16 with the reflected polynomial 0xA001, as LAME writes it over the frame up to here. */
const checksumOf = (bytes: Uint8Array): number => {
  let remainder = 0;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xa001;
  }
  return remainder;
};
