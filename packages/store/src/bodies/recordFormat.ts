import { crc32 } from "node:zlib";
import type { ObjectLocation, RowImage } from "../contract.ts";
import { BODY_FILE_LIMIT_BYTES, HEAD_LIMIT_BYTES, PACKED_BODY_LIMIT_BYTES } from "../limits.ts";
import { encodeRowImage, ROW_IMAGE_LIMIT_BYTES, rowImageBytesOf } from "./rowImage.ts";

/**
 * A record of a segment, aligned to 8 bytes, little-endian:
 *
 *     0  magic "BSLR"            4  format version   5  three zero bytes
 *     8  length of the head region, 32 bit          12  body length, 48 bit
 *    18  file id, 48 bit; 0: the body follows the head region
 *    24  CRC-32 of the head region   28  CRC-32 of the payload   32  CRC-32 of bytes 0 to 31   36  zero
 *    40  head region, payload, zero bytes up to the alignment
 *
 * The head region is the length of the row image in 16 bits, the image and the head. The payload is the body; it is
 * empty when the body has a file of its own.
 */
export const RECORD_HEADER_BYTES = 40;
const RECORD_MAGIC = 0x524c5342;
const RECORD_VERSION = 2;
export const RECORD_ALIGNMENT = 8;
const IMAGE_LENGTH_BYTES = 2;
/** The largest number that 48 bits hold. */
export const LARGEST_48_BIT = 2 ** 48 - 1;

const PADDING = Buffer.alloc(RECORD_ALIGNMENT);

type RecordShape = Pick<ObjectLocation, "headBytes" | "bodyBytes" | "file">;

/** Bytes behind the head region. */
export const payloadBytesOf = (shape: RecordShape): number => (shape.file === 0 ? shape.bodyBytes : 0);

/** Bytes that must be read to have the whole record: without its padding. */
export const unpaddedBytesOf = (shape: RecordShape): number =>
  RECORD_HEADER_BYTES + shape.headBytes + payloadBytesOf(shape);

/** Bytes that the record takes in its segment. */
export const recordBytesOf = (shape: RecordShape): number =>
  Math.ceil(unpaddedBytesOf(shape) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;

/** Longest record there is. */
export const RECORD_LIMIT_BYTES = recordBytesOf({
  headBytes: HEAD_LIMIT_BYTES,
  bodyBytes: PACKED_BODY_LIMIT_BYTES,
  file: 0,
});

const isPlausibleShape = ({ headBytes, bodyBytes, file }: RecordShape): boolean =>
  headBytes <= HEAD_LIMIT_BYTES &&
  file <= LARGEST_48_BIT &&
  bodyBytes <= (file === 0 ? PACKED_BODY_LIMIT_BYTES : BODY_FILE_LIMIT_BYTES);

/** Whether a location could have been written by this code at all: guards the allocation of a read. */
export const isPlausibleLocation = (location: ObjectLocation): boolean => {
  const { disk, segment, offset, headBytes, bodyBytes, file } = location;
  for (const value of [disk, segment, offset, headBytes, bodyBytes, file]) {
    if (!Number.isSafeInteger(value) || value < 0) return false;
  }
  return offset % RECORD_ALIGNMENT === 0 && isPlausibleShape(location);
};

/** Length of the head region; undefined when image or head are too long for a record. */
export const headRegionBytesOf = (image: RowImage, head: Buffer): number | undefined => {
  const imageBytes = rowImageBytesOf(image);
  const headBytes = IMAGE_LENGTH_BYTES + imageBytes + head.length;
  return imageBytes > ROW_IMAGE_LIMIT_BYTES || headBytes > HEAD_LIMIT_BYTES ? undefined : headBytes;
};

export interface RecordParts {
  readonly image: RowImage;
  readonly head: Buffer;
  /** By `headRegionBytesOf`. */
  readonly headBytes: number;
  readonly payload: Buffer;
  /** Length of the body, wherever it is. */
  readonly bodyBytes: number;
  readonly file: number;
}

/** Buffers to be written one behind the other; head and payload are not copied. */
export const encodeRecord = (parts: RecordParts): Buffer[] => {
  const { head, payload, headBytes } = parts;
  const start = Buffer.alloc(RECORD_HEADER_BYTES + headBytes - head.length);
  start.writeUInt32LE(RECORD_MAGIC, 0);
  start.writeUInt8(RECORD_VERSION, 4);
  start.writeUInt32LE(headBytes, 8);
  start.writeUIntLE(parts.bodyBytes, 12, 6);
  start.writeUIntLE(parts.file, 18, 6);
  start.writeUInt16LE(headBytes - head.length - IMAGE_LENGTH_BYTES, RECORD_HEADER_BYTES);
  encodeRowImage(parts.image, start, RECORD_HEADER_BYTES + IMAGE_LENGTH_BYTES);
  start.writeUInt32LE(crc32(head, crc32(start.subarray(RECORD_HEADER_BYTES))), 24);
  start.writeUInt32LE(crc32(payload), 28);
  start.writeUInt32LE(crc32(start.subarray(0, 32)), 32);
  const buffers: Buffer[] = [start];
  if (head.length > 0) buffers.push(head);
  if (payload.length > 0) buffers.push(payload);
  const paddingBytes = recordBytesOf(parts) - unpaddedBytesOf(parts);
  if (paddingBytes > 0) buffers.push(PADDING.subarray(0, paddingBytes));
  return buffers;
};

export type RecordReading =
  | { readonly kind: "whole"; readonly image: Buffer; readonly head: Buffer; readonly payload: Buffer }
  | { readonly kind: "damaged"; readonly reason: string };

const damaged = (reason: string): RecordReading => ({ kind: "damaged", reason });

const headerDamage = (record: Buffer): string | undefined => {
  if (record.length < RECORD_HEADER_BYTES) return "the segment ends within the record";
  if (record.readUInt32LE(0) !== RECORD_MAGIC) return "no record begins there";
  if (crc32(record.subarray(0, 32)) !== record.readUInt32LE(32)) return "checksum of the record header";
  return record.readUInt8(4) === RECORD_VERSION ? undefined : "unknown version of the record";
};

const readShape = (record: Buffer): RecordShape => ({
  headBytes: record.readUInt32LE(8),
  bodyBytes: record.readUIntLE(12, 6),
  file: record.readUIntLE(18, 6),
});

/** Lengths of the record whose header begins `record`; undefined when none begins there. Never throws. */
export const decodeShape = (record: Buffer): RecordShape | undefined => {
  if (headerDamage(record) !== undefined) return undefined;
  const shape = readShape(record);
  return isPlausibleShape(shape) ? shape : undefined;
};

/** Where the head begins in a record whose head region was found whole. */
export const headStartOf = (record: Buffer): number =>
  RECORD_HEADER_BYTES + IMAGE_LENGTH_BYTES + record.readUInt16LE(RECORD_HEADER_BYTES);

/** Parses the bytes found where a location points; they are views of `record`. Never throws. */
export const decodeRecord = (record: Buffer, location: RecordShape): RecordReading => {
  const headEnd = RECORD_HEADER_BYTES + location.headBytes;
  const end = headEnd + payloadBytesOf(location);
  if (record.length < end) return damaged("the segment ends within the record");
  const reason = headerDamage(record);
  if (reason !== undefined) return damaged(reason);
  const { headBytes, bodyBytes, file } = readShape(record);
  const isExpected = headBytes === location.headBytes && bodyBytes === location.bodyBytes && file === location.file;
  if (!isExpected) return damaged("the record is of another object");
  const payload = record.subarray(headEnd, end);
  if (crc32(record.subarray(RECORD_HEADER_BYTES, headEnd)) !== record.readUInt32LE(24)) {
    return damaged("checksum of the head");
  }
  if (crc32(payload) !== record.readUInt32LE(28)) return damaged("checksum of the body");
  const headStart = headBytes < IMAGE_LENGTH_BYTES ? Number.POSITIVE_INFINITY : headStartOf(record);
  if (headStart > headEnd) return damaged("the head has no image");
  const image = record.subarray(RECORD_HEADER_BYTES + IMAGE_LENGTH_BYTES, headStart);
  return { kind: "whole", image, head: record.subarray(headStart, headEnd), payload };
};
