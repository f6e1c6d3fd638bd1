import { type AudioConfig, readAudioConfig, readStreamDescription } from "./audioConfig.ts";
import { type Box, boxesIn, bytesOf, childOf, typeCode, typeName, viewOf } from "./box.ts";
import { av1Codecs, avcCodecs, hevcCodecs, vp9Codecs } from "./codecStrings.ts";
import type { Codec } from "./contract.ts";

export interface EntryFacts {
  readonly codec: Codec;
  readonly codecs: string | undefined;
  /** The samples can be read only with a key. */
  readonly isEncrypted: boolean;
  /** Of pictures, as coded. */
  readonly widthPixels: number;
  readonly heightPixels: number;
  /** Width of a pixel divided by its height, undefined where the entry does not say. */
  readonly pixelAspect: number | undefined;
}

/** Of a sample entry in front of its boxes: header, reserved bytes and reference, then what the handler says. */
const PICTURE_FIELDS_BYTES = 86;
const SOUND_FIELDS_BYTES = 36;
/** QuickTime's sound descriptions of version 1 and 2 are longer. */
const SOUND_EXTENSION_BYTES: readonly (number | undefined)[] = [0, 16, 36];

const ESDS = typeCode("esds");
const WAVE = typeCode("wave");
const PASP = typeCode("pasp");

export type MediaHandler = "video" | "audio" | "text" | "other";

/** One sample entry, a box as it stands in `stsd`; never throws but MalformedMovie and RangeError. */
export const readEntry = (bytes: Uint8Array, handler: MediaHandler): EntryFacts => {
  const view = viewOf(bytes);
  const fourCharacters = typeName(view.getUint32(4));
  const box = { type: view.getUint32(4), start: 0, contentStart: fieldsEnd(view, handler), end: bytes.length };
  const isPicture = handler === "video" && bytes.length >= PICTURE_FIELDS_BYTES;
  return {
    ...codecOf(view, box, fourCharacters),
    isEncrypted: fourCharacters.startsWith("enc"),
    widthPixels: isPicture ? view.getUint16(32) : 0,
    heightPixels: isPicture ? view.getUint16(34) : 0,
    pixelAspect: isPicture ? readPixelAspect(view, box) : undefined,
  };
};

const fieldsEnd = (view: DataView, handler: MediaHandler): number => {
  if (handler === "video") return Math.min(PICTURE_FIELDS_BYTES, view.byteLength);
  if (handler !== "audio" || view.byteLength < SOUND_FIELDS_BYTES) return view.byteLength;
  const extension = SOUND_EXTENSION_BYTES[view.getUint16(16)] ?? 0;
  return Math.min(SOUND_FIELDS_BYTES + extension, view.byteLength);
};

const readPixelAspect = (view: DataView, entry: Box): number | undefined => {
  const box = childOf(view, entry, PASP);
  if (box === undefined || box.end - box.contentStart < 8) return undefined;
  const aspect = view.getUint32(box.contentStart) / view.getUint32(box.contentStart + 4);
  return aspect > 1 / 64 && aspect < 64 ? aspect : undefined;
};

const contentOf = (view: DataView, entry: Box, type: string): Uint8Array | undefined => {
  const box = childOf(view, entry, typeCode(type));
  return box === undefined ? undefined : bytesOf(view, box.contentStart, box.end);
};

type CodecFacts = Pick<EntryFacts, "codec" | "codecs">;

const codecOf = (view: DataView, entry: Box, fourCharacters: string): CodecFacts => {
  const other: Codec = { kind: "other", fourCharacters };
  switch (fourCharacters) {
    case "avc1":
    case "avc3": {
      const record = contentOf(view, entry, "avcC");
      return record === undefined
        ? { codec: other, codecs: undefined }
        : { codec: readAvc(record) ?? other, codecs: avcCodecs(fourCharacters, record) };
    }
    case "hvc1":
    case "hev1": {
      const record = contentOf(view, entry, "hvcC");
      return record === undefined
        ? { codec: other, codecs: undefined }
        : { codec: readHevc(record) ?? other, codecs: hevcCodecs(fourCharacters, record) };
    }
    case "av01":
      return { codec: { kind: "av1" }, codecs: av1Codecs(contentOf(view, entry, "av1C")) };
    case "vp09":
      return { codec: other, codecs: vp9Codecs(contentOf(view, entry, "vpcC")) };
    case "mp4a":
      return readSound(view, entry) ?? { codec: other, codecs: undefined };
    case ".mp3":
    case "ms.U":
      return { codec: { kind: "mp3" }, codecs: "mp4a.6B" };
    case "ac-3":
      return { codec: { kind: "ac3" }, codecs: "ac-3" };
    case "ec-3":
      return { codec: { kind: "eac3" }, codecs: "ec-3" };
    case "tx3g":
      return { codec: { kind: "tx3g" }, codecs: "tx3g" };
    case "Opus":
      return { codec: other, codecs: "opus" };
    case "fLaC":
    case "alac":
    case "stpp":
    case "wvtt":
      return { codec: other, codecs: fourCharacters };
    default:
      return { codec: other, codecs: undefined };
  }
};

/** Parameter sets of a list: each with a length of 16 bits in front. Undefined where one does not fit. */
const readSets = (
  record: Uint8Array,
  start: number,
  count: number,
): { sets: readonly Uint8Array[]; end: number } | undefined => {
  const sets: Uint8Array[] = [];
  let position = start;
  for (let index = 0; index < count; index++) {
    if (position + 2 > record.length) return undefined;
    const end = position + 2 + (record[position] ?? 0) * 256 + (record[position + 1] ?? 0);
    if (end > record.length) return undefined;
    sets.push(record.subarray(position + 2, end));
    position = end;
  }
  return { sets, end: position };
};

const lengthBytes = (code: number): 1 | 2 | 4 | undefined => {
  const count = (code & 3) + 1;
  return count === 3 ? undefined : count === 1 ? 1 : count === 2 ? 2 : 4;
};

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
const readAvc = (record: Uint8Array): Codec | undefined => {
  if (record.length < 7 || record[0] !== 1) return undefined;
  const nalLengthBytes = lengthBytes(record[4] ?? 0);
  const sequences = readSets(record, 6, (record[5] ?? 0) & 0x1f);
  if (nalLengthBytes === undefined || sequences === undefined) return undefined;
  const pictures = readSets(record, sequences.end + 1, record[sequences.end] ?? 0);
  if (pictures === undefined) return undefined;
  return { kind: "avc", nalLengthBytes, sequenceSets: sequences.sets, pictureSets: pictures.sets };
};

/** More than the standard has numbers for; a hostile record names millions that are empty. */
const MOST_PARAMETER_SETS = 1_024;

/** HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1). */
const readHevc = (record: Uint8Array): Codec | undefined => {
  if (record.length < 23 || record[0] !== 1) return undefined;
  const nalLengthBytes = lengthBytes(record[21] ?? 0);
  if (nalLengthBytes === undefined) return undefined;
  const parameterSets: Uint8Array[] = [];
  let setsLeft = MOST_PARAMETER_SETS;
  let position = 23;
  for (let list = 0; list < (record[22] ?? 0); list++) {
    if (position + 3 > record.length) return undefined;
    const count = (record[position + 1] ?? 0) * 256 + (record[position + 2] ?? 0);
    setsLeft -= count;
    const read = setsLeft < 0 ? undefined : readSets(record, position + 3, count);
    if (read === undefined) return undefined;
    parameterSets.push(...read.sets);
    position = read.end;
  }
  return { kind: "hevc", nalLengthBytes, parameterSets };
};

/** Object types of MPEG-4 and MPEG-2 AAC that go by an AudioSpecificConfig. */
const AAC_INDICATIONS: readonly number[] = [0x40, 0x66, 0x67, 0x68];
/** ADTS has two bits for it: Main, LC, SSR and LTP. */
const MOST_ADTS_OBJECT_TYPE = 4;

const readSound = (view: DataView, entry: Box): CodecFacts | undefined => {
  const wave = childOf(view, entry, WAVE);
  const box = childOf(view, entry, ESDS) ?? (wave === undefined ? undefined : childOf(view, wave, ESDS));
  if (box === undefined || box.end - box.contentStart < 4) return undefined;
  const description = readStreamDescription(bytesOf(view, box.contentStart + 4, box.end));
  if (description === undefined) return undefined;
  const { objectTypeIndication, config } = description;
  const indication = `mp4a.${objectTypeIndication.toString(16).toUpperCase().padStart(2, "0")}`;
  if (objectTypeIndication === 0x69 || objectTypeIndication === 0x6b)
    return { codec: { kind: "mp3" }, codecs: indication };
  if (objectTypeIndication === 0xa5) return { codec: { kind: "ac3" }, codecs: "ac-3" };
  if (objectTypeIndication === 0xa6) return { codec: { kind: "eac3" }, codecs: "ec-3" };
  const facts = AAC_INDICATIONS.includes(objectTypeIndication) ? readAudioConfig(config) : undefined;
  if (facts === undefined) return undefined;
  const codecs = objectTypeIndication === 0x40 ? `mp4a.40.${facts.signalledObjectType}` : indication;
  return { codec: aacCodec(config, facts), codecs };
};

const aacCodec = (config: Uint8Array, facts: AudioConfig): Codec => {
  const { objectType, frequencyIndex, sampleRateHz, channelConfiguration } = facts;
  if (objectType < 1 || objectType > MOST_ADTS_OBJECT_TYPE) return { kind: "other", fourCharacters: "mp4a" };
  return { kind: "aac", config, objectType, frequencyIndex, sampleRateHz, channelConfiguration };
};

/** The sample entries of `stsd`, whole; of a box that does not fit none. */
export const entriesOf = (view: DataView, stsd: Box, most: number): readonly Box[] => {
  const entries: Box[] = [];
  for (const box of boxesIn(view, stsd.contentStart + 8, stsd.end)) {
    if (entries.length === most) break;
    entries.push(box);
  }
  return entries;
};
