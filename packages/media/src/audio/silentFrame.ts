import { frameBytesOf, mainDataStartOf, withBitRateIndex } from "./frameHeader.ts";

const LARGEST_BIT_RATE_INDEX = 14;
const NO_CHECKSUM = 1 << 16;
const PADDING = 1 << 9;
const MODE_EXTENSION = 0x30;

/**
 * A frame of layer III of the form of `header` that decodes to silence: its side information is all zero. It has at least
 * `contentBytes` bytes of main data, and the bit rate of `header` if that is enough, else the smallest that is.
 */
export const silentFrame = (
  header: number,
  contentBytes: number,
): { header: number; frame: Uint8Array<ArrayBuffer> } => {
  const plain = ((header | NO_CHECKSUM) & ~(PADDING | MODE_EXTENSION)) >>> 0;
  const fits = (candidate: number): boolean => frameBytesOf(candidate) - mainDataStartOf(candidate) >= contentBytes;
  let chosen = plain;
  for (let index = 1; !fits(chosen) && index <= LARGEST_BIT_RATE_INDEX; index++)
    chosen = withBitRateIndex(plain, index);
  const frame = new Uint8Array(frameBytesOf(chosen));
  new DataView(frame.buffer).setUint32(0, chosen);
  return { header: chosen, frame };
};
