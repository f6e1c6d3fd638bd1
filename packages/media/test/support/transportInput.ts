import type { SourcePiece } from "../../src/contract.ts";
import type { ElementaryStream, TransportCodec, TransportSegment } from "../../src/transport/contract.ts";

/** A sample as tests write it; times in ticks of 90 kHz. */
export interface TestSample {
  readonly bytes: Uint8Array;
  readonly decodeTicks: number;
  readonly presentationTicks?: number;
  readonly isKey?: boolean;
}

export interface TestStream {
  readonly codec: TransportCodec;
  readonly language?: string;
  readonly samples: readonly TestSample[];
  readonly endTicks: number;
}

export const AVC_SEQUENCE_SET = Uint8Array.of(0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9);
export const AVC_PICTURE_SET = Uint8Array.of(0x68, 0xeb, 0xe3, 0xcb);

export const avcCodec = (nalLengthBytes: 1 | 2 | 4 = 4): TransportCodec => ({
  kind: "avc",
  nalLengthBytes,
  sequenceSets: [AVC_SEQUENCE_SET],
  pictureSets: [AVC_PICTURE_SET],
});

export const aacCodec = (channelConfiguration = 2, frequencyIndex = 3, sampleRateHz = 48_000): TransportCodec => ({
  kind: "aac",
  config: Uint8Array.of(0x10 | (frequencyIndex >> 1), ((frequencyIndex & 1) << 7) | (channelConfiguration << 3)),
  objectType: 2,
  frequencyIndex,
  sampleRateHz,
  channelConfiguration,
});

/** Bytes without a 0, so that no start code comes about. */
export const filler = (length: number, seed = 7): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => 1 + ((index * 31 + seed * 17) % 250));

/** Units with their lengths in front, as samples of MP4 have them. */
export const lengthPrefixed = (units: readonly Uint8Array[], lengthBytes: 1 | 2 | 4 = 4): Uint8Array =>
  Uint8Array.from(
    units.flatMap((unit) => [
      ...Array.from({ length: lengthBytes }, (_, index) => (unit.length >>> (8 * (lengthBytes - 1 - index))) & 255),
      ...unit,
    ]),
  );

/** A picture of AVC: type 5 for key frames, else 1. */
export const avcPicture = (length: number, isKey: boolean, seed = 1): Uint8Array => {
  const unit = filler(Math.max(1, length), seed);
  unit[0] = isKey ? 0x65 : 0x41;
  return unit;
};

export const pictureSample = (unit: Uint8Array): Uint8Array => {
  const sample = new Uint8Array(4 + unit.length);
  new DataView(sample.buffer).setUint32(0, unit.length);
  sample.set(unit, 4);
  return sample;
};

/** The streams with all samples in one piece, one behind the other. */
export const transportSegment = (segmentNumber: number, streams: readonly TestStream[]): TransportSegment => {
  const start = 1_000;
  const total = streams.flatMap((stream) => stream.samples).reduce((sum, sample) => sum + sample.bytes.length, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  const elementary = streams.map((stream): ElementaryStream => {
    const positions = stream.samples.map((sample) => {
      bytes.set(sample.bytes, at);
      at += sample.bytes.length;
      return start + at - sample.bytes.length;
    });
    const { codec, language = "und", samples, endTicks } = stream;
    return {
      codec,
      language,
      endTicks,
      samples: {
        count: samples.length,
        positions: Float64Array.from(positions),
        sizes: Uint32Array.from(samples, (sample) => sample.bytes.length),
        decodeTicks: Float64Array.from(samples, (sample) => sample.decodeTicks),
        presentationTicks: Float64Array.from(samples, (sample) => sample.presentationTicks ?? sample.decodeTicks),
        isRandomAccess: Uint8Array.from(samples, (sample) => (sample.isKey === true ? 1 : 0)),
      },
    };
  });
  const pieces: SourcePiece[] = [{ start, bytes }];
  return { segmentNumber, streams: elementary, pieces };
};
