import { crc32 } from "node:zlib";
import { BLOCK_BYTES } from "../limits.ts";

/**
 * The block map of a body file, little-endian, behind the body at the next multiple of 4,096:
 *
 *     0  magic "BSBM"      4  format version    5  three zero bytes
 *     8  body length, 48 bit       14  file id, 48 bit      20  zero      28  CRC-32 of bytes 0 to 27
 *    32  per block: a mark, the CRC-32 of the block
 *
 * Zeros are an absent block. The mark follows from file, block and checksum, so an entry that was torn, damaged or
 * belongs to another file is no entry.
 */
export const MAP_HEADER_BYTES = 32;
export const MAP_ENTRY_BYTES = 8;
const MAP_ALIGNMENT = 4096;
const MAP_MAGIC = 0x4d425342;
/** Of versions 1 and 2 were maps of longer blocks: such a body is absent now, and fetched anew when it is asked for. */
const MAP_VERSION = 3;

export const countBlocks = (bodyBytes: number): number => Math.ceil(bodyBytes / BLOCK_BYTES);

export const mapOffsetOf = (bodyBytes: number): number => Math.ceil(bodyBytes / MAP_ALIGNMENT) * MAP_ALIGNMENT;

/** Where the entry of a block lies in the file. */
export const entryOffsetOf = (bodyBytes: number, block: number): number =>
  mapOffsetOf(bodyBytes) + MAP_HEADER_BYTES + block * MAP_ENTRY_BYTES;

/** Length of the whole file. */
export const fileBytesOf = (bodyBytes: number): number => entryOffsetOf(bodyBytes, countBlocks(bodyBytes));

export const encodeMapHeader = (file: number, bodyBytes: number): Buffer => {
  const header = Buffer.alloc(MAP_HEADER_BYTES);
  header.writeUInt32LE(MAP_MAGIC, 0);
  header.writeUInt8(MAP_VERSION, 4);
  header.writeUIntLE(bodyBytes, 8, 6);
  header.writeUIntLE(file, 14, 6);
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28);
  return header;
};

/** Whether the bytes are the header of that file's map. */
export const isMapHeader = (bytes: Buffer, file: number, bodyBytes: number): boolean =>
  bytes.equals(encodeMapHeader(file, bodyBytes));

const mix = (hash: number, value: number): number => {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
};

/** Never 0. */
const markOf = (file: number, block: number, checksum: number): number =>
  (mix(mix(mix(mix(MAP_MAGIC, file % 2 ** 32), Math.floor(file / 2 ** 32)), block), checksum) | 1) >>> 0;

/** Entries of adjacent blocks from `first` on. */
export const encodeEntries = (file: number, first: number, checksums: readonly number[]): Buffer => {
  const entries = Buffer.alloc(checksums.length * MAP_ENTRY_BYTES);
  for (const [index, checksum] of checksums.entries()) {
    entries.writeUInt32LE(markOf(file, first + index, checksum), index * MAP_ENTRY_BYTES);
    entries.writeUInt32LE(checksum, index * MAP_ENTRY_BYTES + 4);
  }
  return entries;
};

const isEmpty = (entries: Buffer, index: number): boolean =>
  entries.readUInt32LE(index * MAP_ENTRY_BYTES) === 0 && entries.readUInt32LE(index * MAP_ENTRY_BYTES + 4) === 0;

/** The next entry from `index` on that is not empty; their count when there is none. */
export const findEntry = (entries: Buffer, index: number): number => {
  const count = entries.length / MAP_ENTRY_BYTES;
  let at = index;
  while (at < count && isEmpty(entries, at)) at += 1;
  return at;
};

/** The checksum of a block by its entry; undefined when it is absent, "damaged" when the entry cannot be believed. */
export const decodeEntry = (
  entries: Buffer,
  index: number,
  file: number,
  block: number,
): number | "damaged" | undefined => {
  if (isEmpty(entries, index)) return undefined;
  const mark = entries.readUInt32LE(index * MAP_ENTRY_BYTES);
  const checksum = entries.readUInt32LE(index * MAP_ENTRY_BYTES + 4);
  return mark === markOf(file, block, checksum) ? checksum : "damaged";
};
