import type { ElementaryStream, TransportCodec } from "./contract.ts";
import { PACKET_BYTES, SYNC_BYTE } from "./packets.ts";

const PROGRAM_NUMBER = 1;
const PAT_PID = 0;
const PMT_PID = 0x1000;
const FIRST_STREAM_PID = 0x100;

const DESCRIPTOR_REGISTRATION = 0x05;
const DESCRIPTOR_LANGUAGE = 0x0a;

/** Identifiers go by the place in the list, so that they are the same in all segments of a timeline. */
export const pidOf = (streamPosition: number): number => FIRST_STREAM_PID + streamPosition;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** CRC of sections (ISO/IEC 13818-1 Annex A); over a section with its CRC it is 0. */
export const sectionChecksum = (bytes: Uint8Array): number => {
  let checksum = 0xffffffff;
  for (const byte of bytes) checksum = (checksum << 8) ^ (CRC_TABLE[((checksum >>> 24) ^ byte) & 255] ?? 0);
  return checksum >>> 0;
};

const characters = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0) & 255);

/** The 13 bits of an identifier or 12 of a length behind reserved bits. */
const reserved = (bits: number, value: number): [number, number] => [bits | (value >> 8), value & 255];

const sectionOf = (tableId: number, tableIdExtension: number, content: readonly number[]): Uint8Array => {
  const lengthBytes = 5 + content.length + 4;
  const section = new Uint8Array(3 + lengthBytes);
  const currentVersion = 0xc1;
  section.set([
    tableId,
    ...reserved(0xb0, lengthBytes),
    tableIdExtension >> 8,
    tableIdExtension & 255,
    currentVersion,
    0,
    0,
  ]);
  section.set(content, 8);
  new DataView(section.buffer).setUint32(section.length - 4, sectionChecksum(section.subarray(0, -4)));
  return section;
};

/** MPEG-2 and 2.5 audio has a type of its own: `halfRate` says so of MP3. */
const streamTypeOf = (codec: TransportCodec, halfRate: boolean): number => {
  switch (codec.kind) {
    case "avc":
      return 0x1b;
    case "hevc":
      return 0x24;
    case "aac":
      return 0x0f;
    case "mp3":
      return halfRate ? 0x04 : 0x03;
    case "ac3":
      return 0x81;
    case "eac3":
      return 0x87;
  }
};

const registrationOf = (codec: TransportCodec): string | undefined => {
  switch (codec.kind) {
    case "hevc":
      return "HEVC";
    case "ac3":
      return "AC-3";
    case "eac3":
      return "EAC3";
    default:
      return undefined;
  }
};

const descriptorsOf = (stream: ElementaryStream): number[] => {
  const descriptors: number[] = [];
  const registration = registrationOf(stream.codec);
  if (registration !== undefined) descriptors.push(DESCRIPTOR_REGISTRATION, 4, ...characters(registration));
  if (stream.language !== "und" && /^[a-z]{3}$/.test(stream.language))
    descriptors.push(DESCRIPTOR_LANGUAGE, 4, ...characters(stream.language), 0);
  return descriptors;
};

export interface TableStream {
  readonly stream: ElementaryStream;
  /** MP3 with a sampling rate of MPEG-2. */
  readonly halfRate: boolean;
}

const splitIntoPackets = (pid: number, section: Uint8Array, segmentNumber: number): Uint8Array => {
  const count = Math.ceil((section.length + 1) / (PACKET_BYTES - 4));
  const packets = new Uint8Array(count * PACKET_BYTES).fill(0xff);
  let taken = 0;
  for (let packet = 0; packet < count; packet++) {
    const at = packet * PACKET_BYTES;
    const isFirst = packet === 0;
    const counter = ((segmentNumber % 16) * count + packet) & 15;
    packets.set([SYNC_BYTE, (isFirst ? 0x40 : 0) | (pid >> 8), pid & 255, 0x10 | counter], at);
    const start = isFirst ? 5 : 4;
    if (isFirst) packets[at + 4] = 0;
    const part = section.subarray(taken, taken + PACKET_BYTES - start);
    packets.set(part, at + start);
    taken += part.length;
  }
  return packets;
};

/**
 * PAT and PMT as packets. Each segment has them once, in an equal number of packets, so their continuity counters follow
 * from the number of the segment.
 */
export const tablePackets = (
  streams: readonly TableStream[],
  clockPosition: number,
  segmentNumber: number,
): Uint8Array => {
  const programs = [...reserved(0, PROGRAM_NUMBER), ...reserved(0xe0, PMT_PID)];
  const map = [...reserved(0xe0, pidOf(clockPosition)), ...reserved(0xf0, 0)];
  for (const [position, { stream, halfRate }] of streams.entries()) {
    const descriptors = descriptorsOf(stream);
    map.push(streamTypeOf(stream.codec, halfRate), ...reserved(0xe0, pidOf(position)));
    map.push(...reserved(0xf0, descriptors.length), ...descriptors);
  }
  const association = splitIntoPackets(PAT_PID, sectionOf(0, 1, programs), segmentNumber);
  const programMap = splitIntoPackets(PMT_PID, sectionOf(2, PROGRAM_NUMBER, map), segmentNumber);
  const packets = new Uint8Array(association.length + programMap.length);
  packets.set(association);
  packets.set(programMap, association.length);
  return packets;
};
