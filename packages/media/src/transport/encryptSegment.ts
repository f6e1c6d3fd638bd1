import { createCipheriv } from "node:crypto";

const BLOCK_BYTES = 16;
/** Of what the cipher gives in memory of its own before it is put into its place. */
const STEP_BYTES = 64 * 1024;

/** With its padding. */
export const encryptedBytes = (segmentBytes: number): number =>
  (Math.floor(segmentBytes / BLOCK_BYTES) + 1) * BLOCK_BYTES;

/**
 * AES-128-CBC with PKCS7 padding of a whole segment, whatever its form. The initialisation vector is the media sequence
 * number as 128 bits, big endian, which players take where EXT-X-KEY names none (RFC 8216 5.2). `target` has
 * `encryptedBytes` and may begin where the segment does.
 */
export const encryptSegment = (
  segment: Uint8Array,
  key: Uint8Array,
  mediaSequence: number,
  target = new Uint8Array(encryptedBytes(segment.byteLength)),
): Uint8Array<ArrayBuffer> => {
  const vector = new Uint8Array(BLOCK_BYTES);
  new DataView(vector.buffer).setBigUint64(8, BigInt(mediaSequence));
  const cipher = createCipheriv("aes-128-cbc", key, vector);
  let written = 0;
  const put = (encrypted: Uint8Array): void => {
    target.set(encrypted, written);
    written += encrypted.byteLength;
  };
  for (let at = 0; at < segment.byteLength; at += STEP_BYTES) put(cipher.update(segment.subarray(at, at + STEP_BYTES)));
  put(cipher.final());
  return target;
};
