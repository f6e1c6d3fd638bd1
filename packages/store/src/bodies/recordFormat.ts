import { crc32 } from "node:zlib";
import type { ObjectLocation } from "../contract.ts";
import { BLOCK_BYTES, HEAD_LIMIT_BYTES, PACKED_BODY_LIMIT_BYTES } from "../limits.ts";

/**
 * A record of a segment, aligned to 8 bytes, little-endian:
 *
 *     0  magic "BSLR"            4  format version   5  three zero bytes
 *     8  head length, 32 bit    12  body length, 48 bit
 *    18  file id, 48 bit; 0: the body follows the head
 *    24  CRC-32 of the head     28  CRC-32 of the payload    32  CRC-32 of bytes 0 to 31    36  zero
 *    40  head, payload, zero bytes up to the alignment
 *
 * The payload is the body, or for a body with a file of its own the CRC-32 of each of its blocks.
 */
export const RECORD_HEADER_BYTES = 40;
const RECORD_MAGIC = 0x524c5342;
const RECORD_VERSION = 1;
const RECORD_ALIGNMENT = 8;
const CHECKSUM_BYTES = 4;
/** The largest number that 48 bits hold. */
export const LARGEST_48_BIT = 2 ** 48 - 1;

const PADDING = Buffer.alloc(RECORD_ALIGNMENT);

export const countBlocks = (bodyBytes: number): number => Math.ceil(bodyBytes / BLOCK_BYTES);

type RecordShape = Pick<ObjectLocation, "headBytes" | "bodyBytes" | "file">;

/** Bytes behind the head: the body or the checksums of its blocks. */
export const payloadBytesOf = (shape: RecordShape): number =>
  shape.file === 0 ? shape.bodyBytes : countBlocks(shape.bodyBytes) * CHECKSUM_BYTES;

/** Bytes that must be read to have the whole record: without its padding. */
export const unpaddedBytesOf = (shape: RecordShape): number =>
  RECORD_HEADER_BYTES + shape.headBytes + payloadBytesOf(shape);

/** Bytes that the record takes in its segment. */
export const recordBytesOf = (shape: RecordShape): number =>
  Math.ceil(unpaddedBytesOf(shape) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;

/** Longest payload that a location may claim: guards the allocation of a read against a damaged index. */
const payloadLimitOf = (file: number): number =>
  file === 0 ? PACKED_BODY_LIMIT_BYTES : countBlocks(LARGEST_48_BIT) * CHECKSUM_BYTES;

/** Whether a location could have been written by this code at all. */
export const isPlausibleLocation = (location: ObjectLocation): boolean => {
  const { disk, segment, offset, headBytes, bodyBytes, file } = location;
  for (const value of [disk, segment, offset, headBytes, bodyBytes, file]) {
    if (!Number.isSafeInteger(value) || value < 0) return false;
  }
  if (offset % RECORD_ALIGNMENT !== 0 || headBytes > HEAD_LIMIT_BYTES) return false;
  if (bodyBytes > LARGEST_48_BIT || file > LARGEST_48_BIT) return false;
  return payloadBytesOf(location) <= payloadLimitOf(file);
};

export interface RecordParts {
  readonly head: Buffer;
  readonly payload: Buffer;
  /** Length of the body, wherever it is. */
  readonly bodyBytes: number;
  readonly file: number;
}

/** Buffers to be written one behind the other; head and payload are not copied. */
export const encodeRecord = (parts: RecordParts): Buffer[] => {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(RECORD_MAGIC, 0);
  header.writeUInt8(RECORD_VERSION, 4);
  header.writeUInt32LE(parts.head.length, 8);
  header.writeUIntLE(parts.bodyBytes, 12, 6);
  header.writeUIntLE(parts.file, 18, 6);
  header.writeUInt32LE(crc32(parts.head), 24);
  header.writeUInt32LE(crc32(parts.payload), 28);
  header.writeUInt32LE(crc32(header.subarray(0, 32)), 32);
  const buffers: Buffer[] = [header];
  if (parts.head.length > 0) buffers.push(parts.head);
  if (parts.payload.length > 0) buffers.push(parts.payload);
  const shape = { headBytes: parts.head.length, bodyBytes: parts.bodyBytes, file: parts.file };
  const paddingBytes = recordBytesOf(shape) - unpaddedBytesOf(shape);
  if (paddingBytes > 0) buffers.push(PADDING.subarray(0, paddingBytes));
  return buffers;
};

export type RecordReading =
  | { readonly kind: "whole"; readonly head: Buffer; readonly payload: Buffer }
  | { readonly kind: "damaged"; readonly reason: string };

const damaged = (reason: string): RecordReading => ({ kind: "damaged", reason });

/** Parses the bytes found where a location points; they are views of `record`. Never throws. */
export const decodeRecord = (record: Buffer, location: ObjectLocation): RecordReading => {
  const payloadBytes = payloadBytesOf(location);
  const headEnd = RECORD_HEADER_BYTES + location.headBytes;
  if (record.length < headEnd + payloadBytes) return damaged("the segment ends within the record");
  if (record.readUInt32LE(0) !== RECORD_MAGIC) return damaged("no record begins there");
  if (crc32(record.subarray(0, 32)) !== record.readUInt32LE(32)) return damaged("checksum of the record header");
  if (record.readUInt8(4) !== RECORD_VERSION) return damaged("unknown version of the record");
  const isExpected =
    record.readUInt32LE(8) === location.headBytes &&
    record.readUIntLE(12, 6) === location.bodyBytes &&
    record.readUIntLE(18, 6) === location.file;
  if (!isExpected) return damaged("the record is of another object");
  const head = record.subarray(RECORD_HEADER_BYTES, headEnd);
  const payload = record.subarray(headEnd, headEnd + payloadBytes);
  if (crc32(head) !== record.readUInt32LE(24)) return damaged("checksum of the head");
  if (crc32(payload) !== record.readUInt32LE(28)) return damaged("checksum of the body");
  return { kind: "whole", head, payload };
};
