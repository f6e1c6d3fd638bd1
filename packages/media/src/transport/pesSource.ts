import type { PacketWriter } from "./packetWriter.ts";

/**
 * What one stream may take of a segment, about, with 188 bytes for each PES packet; what is beyond is left out. A file can
 * name the same bytes as often as it likes, so the size of a segment does not follow from that of its source.
 */
export const MAX_STREAM_BYTES = 768 * 1024 * 1024;

/**
 * The PES packets of one stream within a segment: their sizes and times are known before any is written.
 */
export interface PesSource {
  readonly count: number;
  /** Decode time of the first frame of a packet, ticks of the timeline. */
  ticksOf(packet: number): number;
  /** With its header. */
  bytesOf(packet: number): number;
  isRandomAccess(packet: number): boolean;
  /** Puts exactly `bytesOf` bytes. */
  write(packet: number, writer: PacketWriter): void;
}
