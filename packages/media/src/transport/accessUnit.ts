import type { Codec } from "../movie/contract.ts";

type PictureCodec = Extract<Codec, { readonly kind: "avc" | "hevc" }>;

const START_CODE = [0, 0, 0, 1];

/** More units than a picture has by any level of either standard: what follows them is dropped as broken. */
const MAX_UNITS = 4_096;

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

/** What a sample holds, as bits: computed once, then needed to convert it. */
export const HAS_VIDEO_SET = 1;
export const HAS_SEQUENCE_SET = 2;
export const HAS_PICTURE_SET = 4;
/** Decoding can begin here, whatever the file says. */
export const IS_ENTRY_POINT = 8;

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

const avcTypeOf = (header: number): number => header & 31;
const hevcTypeOf = (header: number): number => (header >> 1) & 63;

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

/** Length of the unit at the position; -1 where what remains of the sample is broken. */
const unitLengthAt = (sample: Uint8Array, at: number, lengthBytes: 1 | 2 | 4): number => {
  let length = 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (sample[at + index] ?? 0);
  return at + lengthBytes + length <= sample.length ? length : -1;
};

const isPicture = (format: PictureFormat, header: number): boolean => {
  if (!format.isAvc) return hevcTypeOf(header) < 32;
  const type = avcTypeOf(header);
  return type >= 1 && type <= 5;
};

const isDelimiter = (format: PictureFormat, header: number): boolean =>
  format.isAvc ? avcTypeOf(header) === 9 : hevcTypeOf(header) === 35;

const avcBitOf = (header: number): number => {
  switch (avcTypeOf(header)) {
    case 5:
      return IS_ENTRY_POINT;
    case 7:
      return HAS_SEQUENCE_SET;
    case 8:
      return HAS_PICTURE_SET;
    default:
      return 0;
  }
};

const hevcBitOf = (header: number): number => {
  const type = hevcTypeOf(header);
  if (type >= 16 && type <= 21) return IS_ENTRY_POINT;
  if (type === 32) return HAS_VIDEO_SET;
  if (type === 33) return HAS_SEQUENCE_SET;
  return type === 34 ? HAS_PICTURE_SET : 0;
};

export const contentOf = (sample: Uint8Array, format: PictureFormat): number => {
  const bitOf = format.isAvc ? avcBitOf : hevcBitOf;
  const lengthBytes = format.nalLengthBytes;
  let content = 0;
  for (let at = 0, unit = 0; unit < MAX_UNITS && at + lengthBytes < sample.length; unit++) {
    const length = unitLengthAt(sample, at, lengthBytes);
    if (length < 0) break;
    at += lengthBytes;
    if (length > 0) content |= bitOf(sample[at] ?? 0);
    at += length;
  }
  return content;
};

/** Receives the parts of an access unit in order. */
interface Sink {
  put(bytes: Uint8Array): void;
  putUnit(bytes: Uint8Array, start: number, end: number): void;
}

class ByteCount implements Sink {
  total = 0;
  put(bytes: Uint8Array): void {
    this.total += bytes.length;
  }
  putUnit(_bytes: Uint8Array, start: number, end: number): void {
    this.total += START_CODE.length + end - start;
  }
}

class ByteWriter implements Sink {
  readonly #out: Uint8Array;
  #at: number;

  constructor(out: Uint8Array, at: number) {
    this.#out = out;
    this.#at = at;
  }

  put(bytes: Uint8Array): void {
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  putUnit(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    const at = this.#at;
    out[at] = 0;
    out[at + 1] = 0;
    out[at + 2] = 0;
    out[at + 3] = 1;
    out.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at + START_CODE.length);
    this.#at = at + START_CODE.length + end - start;
  }
}

/**
 * Gives the access unit of a sample to the sink: a delimiter of ours in place of the sample's, the parameter sets that it
 * lacks (with `withSets`), and its units up to where a length is broken.
 */
const convert = (sample: Uint8Array, format: PictureFormat, content: number, withSets: boolean, sink: Sink): void => {
  sink.put(format.delimiter);
  let pictureSetsAreDue = withSets && (content & HAS_PICTURE_SET) === 0;
  if (withSets) {
    if ((content & HAS_VIDEO_SET) === 0) sink.put(format.videoSets);
    if ((content & HAS_SEQUENCE_SET) === 0) {
      sink.put(format.sequenceSets);
      if (pictureSetsAreDue) sink.put(format.pictureSets);
      pictureSetsAreDue = false;
    }
  }
  const lengthBytes = format.nalLengthBytes;
  for (let at = 0, unit = 0; unit < MAX_UNITS && at + lengthBytes < sample.length; unit++) {
    const length = unitLengthAt(sample, at, lengthBytes);
    if (length < 0) break;
    const start = at + lengthBytes;
    at = start + length;
    if (length === 0) continue;
    const header = sample[start] ?? 0;
    if (isDelimiter(format, header)) continue;
    if (pictureSetsAreDue && isPicture(format, header)) {
      sink.put(format.pictureSets);
      pictureSetsAreDue = false;
    }
    sink.putUnit(sample, start, at);
  }
};

/** Length of what `writeAccessUnit` writes. */
export const accessUnitBytes = (
  sample: Uint8Array,
  format: PictureFormat,
  content: number,
  withSets: boolean,
): number => {
  const count = new ByteCount();
  convert(sample, format, content, withSets, count);
  return count.total;
};

export const writeAccessUnit = (
  sample: Uint8Array,
  format: PictureFormat,
  content: number,
  withSets: boolean,
  out: Uint8Array,
  at: number,
): void => convert(sample, format, content, withSets, new ByteWriter(out, at));
