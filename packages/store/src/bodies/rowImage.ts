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
 */
const IMAGE_VERSION = 1;
const FIXED_BYTES = 57;
/** Longest image: its length has 16 bits in the record. */
export const ROW_IMAGE_LIMIT_BYTES = 0xffff;

/** Length of the encoded image. */
export const rowImageBytesOf = (image: RowImage): number =>
  FIXED_BYTES + Buffer.byteLength(image.vhost) + Buffer.byteLength(image.url);

/** Writes the image at `start`; it takes `rowImageBytesOf(image)`, at most ROW_IMAGE_LIMIT_BYTES. */
export const encodeRowImage = (image: RowImage, target: Buffer, start: number): void => {
  target.writeUInt8(IMAGE_VERSION, start);
  image.key.copy(target, start + 1, 0, CACHE_KEY_BYTES);
  target.writeDoubleLE(image.version, start + 17);
  target.writeDoubleLE(image.freshUntil, start + 25);
  target.writeDoubleLE(image.ttl, start + 33);
  target.writeDoubleLE(image.updatedAt, start + 41);
  target.writeUInt32LE(image.flags, start + 49);
  const vhostBytes = target.write(image.vhost, start + FIXED_BYTES);
  const urlBytes = target.write(image.url, start + FIXED_BYTES + vhostBytes);
  target.writeUInt16LE(vhostBytes, start + 53);
  target.writeUInt16LE(urlBytes, start + 55);
};

const isAmount = (value: number): boolean => value >= 0;

/** Boundary parser: undefined for bytes that are not an image. Keeps no view of them. */
export const decodeRowImage = (bytes: Buffer): RowImage | undefined => {
  if (bytes.length < FIXED_BYTES || bytes.readUInt8(0) !== IMAGE_VERSION) return undefined;
  const vhostEnd = FIXED_BYTES + bytes.readUInt16LE(53);
  if (bytes.length !== vhostEnd + bytes.readUInt16LE(55)) return undefined;
  const version = bytes.readDoubleLE(17);
  const freshUntil = bytes.readDoubleLE(25);
  const ttl = bytes.readDoubleLE(33);
  const updatedAt = bytes.readDoubleLE(41);
  if (!Number.isSafeInteger(version) || ![version, freshUntil, ttl, updatedAt].every(isAmount)) return undefined;
  return {
    key: Buffer.from(bytes.subarray(1, 1 + CACHE_KEY_BYTES)),
    vhost: bytes.toString("utf8", FIXED_BYTES, vhostEnd),
    url: bytes.toString("utf8", vhostEnd),
    version,
    freshUntil: epochMs(freshUntil),
    ttl,
    updatedAt: epochMs(updatedAt),
    flags: bytes.readUInt32LE(49),
  };
};
