import type { Codec } from "../movie/contract.ts";

type PictureCodec = Extract<Codec, { readonly kind: "avc" | "hevc" }>;

export const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** SEI user data of HEVC encoders, which names the encoder and its options at length. */
const SEI_USER_DATA = 5;

/** What the samples of a track need to become access units of a byte stream (ISO/IEC 14496-10 and 23008-2, Annex B). */
export interface PictureFormat {
  readonly nalLengthBytes: 1 | 2 | 4;
  readonly isAvc: boolean;
  /** Each of these with start codes. */
  readonly delimiter: Uint8Array;
  readonly videoSets: Uint8Array;
  readonly sequenceSets: Uint8Array;
  /** With what follows them: messages about the whole sequence. */
  readonly pictureSets: Uint8Array;
}

const byteStreamOf = (units: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(units.reduce((sum, unit) => sum + START_CODE.length + unit.length, 0));
  let at = 0;
  for (const unit of units) {
    bytes.set(START_CODE, at);
    bytes.set(unit, at + START_CODE.length);
    at += START_CODE.length + unit.length;
  }
  return bytes;
};

export const avcTypeOf = (header: number): number => header & 31;
export const hevcTypeOf = (header: number): number => (header >> 1) & 63;

export const pictureFormatOf = (codec: PictureCodec): PictureFormat => {
  if (codec.kind === "avc")
    return {
      nalLengthBytes: codec.nalLengthBytes,
      isAvc: true,
      delimiter: byteStreamOf([Uint8Array.of(0x09, 0xf0)]),
      videoSets: new Uint8Array(0),
      sequenceSets: byteStreamOf(codec.sequenceSets),
      pictureSets: byteStreamOf(codec.pictureSets),
    };
  const ofType = (type: number): Uint8Array[] =>
    codec.parameterSets.filter((set) => set.length > 2 && hevcTypeOf(set[0] ?? 0) === type);
  return {
    nalLengthBytes: codec.nalLengthBytes,
    isAvc: false,
    delimiter: byteStreamOf([Uint8Array.of(0x46, 0x01, 0x50)]),
    videoSets: byteStreamOf(ofType(32)),
    sequenceSets: byteStreamOf(ofType(33)),
    pictureSets: byteStreamOf([...ofType(34), ...ofType(39).filter((message) => message[2] !== SEI_USER_DATA)]),
  };
};
