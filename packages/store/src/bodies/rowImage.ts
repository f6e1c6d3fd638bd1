import { epochMs } from "@basalt/types";
import type { RowImage } from "../contract.ts";
import { CACHE_KEY_BYTES } from "../diskIndex/cacheKey.ts";

/**
 * The image of an index row inside a record, little-endian:
 *
 *     0  format version, 8 bit      1  key, 16 bytes
 *    17  version, freshUntil, ttl, updatedAt: doubles
 *    49  flags, 32 bit             53  bytes of the host's name, 16 bit       55  bytes of the URL, 16 bit
 *    57  name of the host, URL: UTF-8
 *
 * That of an object with tags has format version 2: the bytes of the tags in 16 bit at 57, and the tags behind the URL.
 */
const IMAGE_VERSION = 1;
const TAGGED_IMAGE_VERSION = 2;
const FIXED_BYTES = 57;
const TAGGED_FIXED_BYTES = 59;
/** Longest image: its length has 16 bits in the record. */
export const ROW_IMAGE_LIMIT_BYTES = 0xffff;

/** Length of the encoded image. */
export const rowImageBytesOf = (image: RowImage): number =>
  fixedBytesOf(image) +
  Buffer.byteLength(image.vhost) +
  Buffer.byteLength(image.url) +
  Buffer.byteLength(image.tags ?? "");

const fixedBytesOf = ({ tags = "" }: RowImage): number => (tags === "" ? FIXED_BYTES : TAGGED_FIXED_BYTES);

/** Writes the image at `start`; it takes `rowImageBytesOf(image)`, at most ROW_IMAGE_LIMIT_BYTES. */
export const encodeRowImage = (image: RowImage, target: Buffer, start: number): void => {
  const { tags = "" } = image;
  const fixedBytes = fixedBytesOf(image);
  target.writeUInt8(tags === "" ? IMAGE_VERSION : TAGGED_IMAGE_VERSION, start);
  image.key.copy(target, start + 1, 0, CACHE_KEY_BYTES);
  target.writeDoubleLE(image.version, start + 17);
  target.writeDoubleLE(image.freshUntil, start + 25);
  target.writeDoubleLE(image.ttl, start + 33);
  target.writeDoubleLE(image.updatedAt, start + 41);
  target.writeUInt32LE(image.flags, start + 49);
  const vhostBytes = target.write(image.vhost, start + fixedBytes);
  const urlBytes = target.write(image.url, start + fixedBytes + vhostBytes);
  target.writeUInt16LE(vhostBytes, start + 53);
  target.writeUInt16LE(urlBytes, start + 55);
  if (tags === "") return;
  target.writeUInt16LE(target.write(tags, start + fixedBytes + vhostBytes + urlBytes), start + 57);
};

const isAmount = (value: number): boolean => value >= 0;

/** Boundary parser: undefined for bytes that are not an image. Keeps no view of them. */
export const decodeRowImage = (bytes: Buffer): RowImage | undefined => {
  if (bytes.length < FIXED_BYTES) return undefined;
  const isTagged = bytes.readUInt8(0) === TAGGED_IMAGE_VERSION && bytes.length >= TAGGED_FIXED_BYTES;
  if (!isTagged && bytes.readUInt8(0) !== IMAGE_VERSION) return undefined;
  const fixedBytes = isTagged ? TAGGED_FIXED_BYTES : FIXED_BYTES;
  const vhostEnd = fixedBytes + bytes.readUInt16LE(53);
  const urlEnd = vhostEnd + bytes.readUInt16LE(55);
  if (bytes.length !== urlEnd + (isTagged ? bytes.readUInt16LE(57) : 0)) return undefined;
  const version = bytes.readDoubleLE(17);
  const freshUntil = bytes.readDoubleLE(25);
  const ttl = bytes.readDoubleLE(33);
  const updatedAt = bytes.readDoubleLE(41);
  if (!Number.isSafeInteger(version) || ![version, freshUntil, ttl, updatedAt].every(isAmount)) return undefined;
  return {
    key: Buffer.from(bytes.subarray(1, 1 + CACHE_KEY_BYTES)),
    vhost: bytes.toString("utf8", fixedBytes, vhostEnd),
    url: bytes.toString("utf8", vhostEnd, urlEnd),
    version,
    freshUntil: epochMs(freshUntil),
    ttl,
    updatedAt: epochMs(updatedAt),
    flags: bytes.readUInt32LE(49),
    ...(isTagged ? { tags: bytes.toString("utf8", urlEnd) } : {}),
  };
};
