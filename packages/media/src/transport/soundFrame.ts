import { TICKS_PER_SECOND, type TransportCodec } from "./contract.ts";

export type SoundCodec = Extract<TransportCodec, { readonly kind: "aac" | "mp3" | "ac3" | "eac3" }>;

/** Sampling rates by the index of AudioSpecificConfig and ADTS. */
const AAC_RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const AC3_RATES_HZ = [48_000, 44_100, 32_000];
const MPEG_RATES_HZ = [44_100, 48_000, 32_000];

export const ADTS_HEADER_BYTES = 7;
/** `aac_frame_length` has 13 bits and counts the header. */
const MAX_ADTS_FRAME_BYTES = 8_191;
/** A PES packet of sound says its length in 16 bits. */
const MAX_FRAME_BYTES = 65_000;
/** No frame header of these formats is shorter. */
const MIN_FRAME_BYTES = 4;

const durationTicks = (sampleCount: number, rateHz: number | undefined): number | undefined =>
  rateHz === undefined ? undefined : (sampleCount * TICKS_PER_SECOND) / rateHz;

/** MPEG-2 and 2.5 audio, by the header of a frame: they have half the sampling rates, or a quarter. */
export const isHalfRateFrame = (frame: Uint8Array): boolean => ((frame[1] ?? 0) & 0x08) === 0;

const mpegFrameTicks = (frame: Uint8Array): number | undefined => {
  const version = ((frame[1] ?? 0) >> 3) & 3;
  const layer = ((frame[1] ?? 0) >> 1) & 3;
  const rateHz = MPEG_RATES_HZ[((frame[2] ?? 0) >> 2) & 3];
  if (rateHz === undefined || version === 1 || layer === 0) return undefined;
  const isLayer1 = layer === 3;
  const isLayer3 = layer === 1;
  if (version === 3) return durationTicks(isLayer1 ? 384 : 1_152, rateHz);
  return durationTicks(isLayer1 ? 384 : isLayer3 ? 576 : 1_152, rateHz / (version === 2 ? 2 : 4));
};

const ac3FrameTicks = (frame: Uint8Array): number | undefined =>
  durationTicks(1_536, AC3_RATES_HZ[(frame[4] ?? 0) >> 6]);

/** A sample holds six blocks, in one frame or more. */
const eac3FrameTicks = (frame: Uint8Array): number | undefined => {
  const code = (frame[4] ?? 0) >> 6;
  if (code !== 3) return durationTicks(1_536, AC3_RATES_HZ[code]);
  const halfRateHz = AC3_RATES_HZ[((frame[4] ?? 0) >> 4) & 3];
  return durationTicks(1_536, halfRateHz === undefined ? undefined : halfRateHz / 2);
};

/** Duration of a frame as a decoder reckons it; undefined where the frame does not say. */
export const frameTicks = (codec: SoundCodec, frame: Uint8Array): number | undefined => {
  switch (codec.kind) {
    case "aac":
      return durationTicks(1_024, AAC_RATES_HZ[codec.frequencyIndex]);
    case "mp3":
      return mpegFrameTicks(frame);
    case "ac3":
      return ac3FrameTicks(frame);
    case "eac3":
      return eac3FrameTicks(frame);
  }
};

/** Bytes of a sample as a frame of the transport stream; 0 for what cannot be one. */
export const frameBytes = (codec: SoundCodec, sampleBytes: number): number => {
  if (codec.kind === "aac") {
    const total = sampleBytes + ADTS_HEADER_BYTES;
    return sampleBytes > 0 && total <= MAX_ADTS_FRAME_BYTES ? total : 0;
  }
  return sampleBytes >= MIN_FRAME_BYTES && sampleBytes <= MAX_FRAME_BYTES ? sampleBytes : 0;
};

/** What goes in front of a sample of AAC (ISO/IEC 13818-7 6.2). */
export const writeAdtsHeader = (
  codec: Extract<SoundCodec, { readonly kind: "aac" }>,
  sampleBytes: number,
  out: Uint8Array,
): void => {
  const length = sampleBytes + ADTS_HEADER_BYTES;
  const channels = codec.channelConfiguration;
  out[0] = 0xff;
  // MPEG-4, no checksum.
  out[1] = 0xf1;
  out[2] = ((codec.objectType - 1) << 6) | (codec.frequencyIndex << 2) | (channels >> 2);
  out[3] = ((channels & 3) << 6) | (length >> 11);
  out[4] = length >> 3;
  // A buffer fullness of all ones: a variable bit rate. One block.
  out[5] = ((length & 7) << 5) | 0x1f;
  out[6] = 0xfc;
};
