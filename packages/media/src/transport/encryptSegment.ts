import { createCipheriv } from "node:crypto";

const BLOCK_BYTES = 16;

/**
 * AES-128-CBC with PKCS7 padding of a whole segment, whatever its form. The initialisation vector is the media sequence
 * number as 128 bits, big endian, which players take where EXT-X-KEY names none (RFC 8216 5.2).
 */
export const encryptSegment = (
  segment: Uint8Array,
  key: Uint8Array,
  mediaSequence: number,
): Uint8Array<ArrayBuffer> => {
  const vector = new Uint8Array(BLOCK_BYTES);
  new DataView(vector.buffer).setBigUint64(8, BigInt(mediaSequence));
  const cipher = createCipheriv("aes-128-cbc", key, vector);
  const encrypted = new Uint8Array((Math.floor(segment.byteLength / BLOCK_BYTES) + 1) * BLOCK_BYTES);
  const head = cipher.update(segment);
  encrypted.set(head);
  encrypted.set(cipher.final(), head.byteLength);
  return encrypted;
};
