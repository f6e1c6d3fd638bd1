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
  write(packet: number, out: Uint8Array, at: number): void;
}
