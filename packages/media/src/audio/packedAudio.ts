import type { SourcePiece } from "../contract.ts";

const OWNER = "com.apple.streaming.transportStreamTimestamp\0";
const TAG_HEADER_BYTES = 10;
const FRAME_HEADER_BYTES = 10;
const STAMP_BYTES = 8;
const CONTENT_BYTES = OWNER.length + STAMP_BYTES;

/** Of the tag in front of a segment. */
export const TIMESTAMP_TAG_BYTES = TAG_HEADER_BYTES + FRAME_HEADER_BYTES + CONTENT_BYTES;

/** 33 bits of 90 kHz. */
const STAMP_RANGE = 2 ** 33;

/**
 * A segment of packed audio (RFC 8216 3.4): an ID3 tag with a PRIV frame that holds the time of the first frame, then the
 * frames as they are in the source.
 */
export const packAudio = (startTicks: number, pieces: readonly SourcePiece[]): Uint8Array<ArrayBuffer> => {
  const audioBytes = pieces.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const segment = new Uint8Array(TIMESTAMP_TAG_BYTES + audioBytes);
  const view = new DataView(segment.buffer);
  // Below 128, so that the sizes of version 2.4 are plain ones.
  segment.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, FRAME_HEADER_BYTES + CONTENT_BYTES]);
  segment.set([0x50, 0x52, 0x49, 0x56, 0, 0, 0, CONTENT_BYTES, 0, 0], TAG_HEADER_BYTES);
  let at = TAG_HEADER_BYTES + FRAME_HEADER_BYTES;
  for (let index = 0; index < OWNER.length; index++) segment[at++] = OWNER.charCodeAt(index);
  view.setBigUint64(at, BigInt(startTicks % STAMP_RANGE));
  at += STAMP_BYTES;
  for (const { bytes } of pieces) {
    segment.set(bytes, at);
    at += bytes.byteLength;
  }
  return segment;
};
