import { viewOf } from "./box.ts";

/** What an `esds` box says (ISO/IEC 14496-1, 7.2.6). */
export interface StreamDescription {
  readonly objectTypeIndication: number;
  /** DecoderSpecificInfo; empty where there is none. */
  readonly config: Uint8Array;
}

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;

interface Descriptor {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Undefined where none begins or it does not fit. */
const descriptorAt = (bytes: Uint8Array, start: number, limit: number): Descriptor | undefined => {
  let position = start;
  const tag = bytes[position++];
  let length = 0;
  for (let count = 0; count < 4; count++) {
    const byte = position < limit ? bytes[position++] : undefined;
    if (tag === undefined || byte === undefined) return undefined;
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) break;
  }
  const end = position + length;
  return tag === undefined || end > limit ? undefined : { tag, start: position, end };
};

/** The content of an `esds` box behind version and flags. */
export const readStreamDescription = (content: Uint8Array): StreamDescription | undefined => {
  const stream = descriptorAt(content, 0, content.length);
  if (stream?.tag !== ES_DESCRIPTOR) return undefined;
  const flags = content[stream.start + 2] ?? 0;
  let position = stream.start + 3;
  if ((flags & 0x80) !== 0) position += 2;
  if ((flags & 0x40) !== 0) position += 1 + (content[position] ?? 0);
  if ((flags & 0x20) !== 0) position += 2;
  const decoder = descriptorAt(content, position, stream.end);
  if (decoder?.tag !== DECODER_CONFIG || decoder.end - decoder.start < 13) return undefined;
  const objectTypeIndication = content[decoder.start] ?? 0;
  const specific = descriptorAt(content, decoder.start + 13, decoder.end);
  const config = specific?.tag === DECODER_SPECIFIC ? content.subarray(specific.start, specific.end) : NO_BYTES;
  return { objectTypeIndication, config };
};

const NO_BYTES = new Uint8Array(0);

/** Of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
export interface AudioConfig {
  /** As signalled first: 5 or 29 for explicit SBR and PS. */
  readonly signalledObjectType: number;
  /** Of the core stream. */
  readonly objectType: number;
  /** 15 for a rate that has none. */
  readonly frequencyIndex: number;
  readonly sampleRateHz: number;
  readonly channelConfiguration: number;
}

const SAMPLE_RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

const SBR = 5;
const PS = 29;
const ESCAPE = 31;
const EXPLICIT_RATE = 15;

/** Undefined for what is too short or names a reserved rate. */
export const readAudioConfig = (config: Uint8Array): AudioConfig | undefined => {
  const bits = new BitReader(config);
  const signalledObjectType = readObjectType(bits);
  const rate = readRate(bits);
  const channelConfiguration = bits.read(4);
  let objectType = signalledObjectType;
  if (objectType === SBR || objectType === PS) {
    readRate(bits);
    objectType = readObjectType(bits);
  }
  if (bits.isOver || rate === undefined) return undefined;
  return { signalledObjectType, objectType, ...rate, channelConfiguration };
};

const readObjectType = (bits: BitReader): number => {
  const type = bits.read(5);
  return type === ESCAPE ? 32 + bits.read(6) : type;
};

const readRate = (bits: BitReader): { frequencyIndex: number; sampleRateHz: number } | undefined => {
  const index = bits.read(4);
  if (index === EXPLICIT_RATE) {
    const sampleRateHz = bits.read(24);
    const known = SAMPLE_RATES_HZ.indexOf(sampleRateHz);
    return sampleRateHz === 0 ? undefined : { frequencyIndex: known < 0 ? EXPLICIT_RATE : known, sampleRateHz };
  }
  const sampleRateHz = SAMPLE_RATES_HZ[index];
  return sampleRateHz === undefined ? undefined : { frequencyIndex: index, sampleRateHz };
};

class BitReader {
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#view = viewOf(bytes);
  }

  /** More was read than there is. */
  get isOver(): boolean {
    return this.#position > this.#view.byteLength * 8;
  }

  read(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++, this.#position++) {
      const byte = this.#position >> 3;
      const bit = byte < this.#view.byteLength ? (this.#view.getUint8(byte) >> (7 - (this.#position & 7))) & 1 : 0;
      value = value * 2 + bit;
    }
    return value;
  }
}
