import { wrapTicks } from "./packets.ts";

/** With a PTS alone. */
export const PES_HEADER_BYTES = 14;
/** With PTS and DTS. */
export const PES_HEADER_BYTES_WITH_DECODE_TIME = 19;

/** What of a PES packet lies in front of its length field. */
const START_BYTES = 6;

const writeTicks = (out: Uint8Array, at: number, prefix: number, ticks: number): void => {
  const wrapped = wrapTicks(ticks);
  const high = Math.floor(wrapped / 2 ** 30);
  out[at] = prefix | (high << 1) | 1;
  out[at + 1] = wrapped >>> 22;
  out[at + 2] = (wrapped >>> 14) | 1;
  out[at + 3] = wrapped >>> 7;
  out[at + 4] = (wrapped << 1) | 1;
};

/**
 * Writes the header of a PES packet and answers its length. `payloadBytes` 0: of open length, as only pictures may have.
 * Without `decodeTicks` what is decoded is presented at once.
 */
export const writePesHeader = (
  out: Uint8Array,
  at: number,
  streamId: number,
  payloadBytes: number,
  presentationTicks: number,
  decodeTicks: number | undefined,
): number => {
  const headerBytes = decodeTicks === undefined ? PES_HEADER_BYTES : PES_HEADER_BYTES_WITH_DECODE_TIME;
  const packetLength = payloadBytes === 0 ? 0 : headerBytes - START_BYTES + payloadBytes;
  out[at] = 0;
  out[at + 1] = 0;
  out[at + 2] = 1;
  out[at + 3] = streamId;
  out[at + 4] = packetLength >> 8;
  out[at + 5] = packetLength;
  // Marker bits, and data_alignment_indicator: the payload begins with a frame.
  out[at + 6] = 0x84;
  out[at + 7] = decodeTicks === undefined ? 0x80 : 0xc0;
  out[at + 8] = headerBytes - 9;
  writeTicks(out, at + 9, decodeTicks === undefined ? 0x20 : 0x30, presentationTicks);
  if (decodeTicks !== undefined) writeTicks(out, at + 14, 0x10, decodeTicks);
  return headerBytes;
};
