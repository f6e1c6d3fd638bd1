import type { SourcePiece } from "../contract.ts";
import type { Codec } from "../movie/contract.ts";

/** Ticks of PTS, DTS and of the base of PCR. */
export const TICKS_PER_SECOND = 90_000;

/**
 * PTS of what is presented at 0: 1.4 s, as other muxers write. It leaves room for decode times before 0 (B-frames) and for
 * the lead of the clock; `X-TIMESTAMP-MAP` of subtitles names it as `MPEGTS`.
 */
export const TRANSPORT_START_TICKS = 126_000;

/** More streams than this are left out of a segment, from the end of the list. */
export const MAX_TRANSPORT_STREAMS = 16;

/** What a transport stream can carry; see `isTransportCodec`. */
export type TransportCodec = Extract<Codec, { readonly kind: "avc" | "hevc" | "aac" | "mp3" | "ac3" | "eac3" }>;

/**
 * Samples in decode order, a column for each property. Times are in ticks of 90 kHz from the beginning of the whole
 * timeline (not of the segment), rounded by the caller, possibly negative. No sample is presented before it is decoded:
 * whoever has negative composition offsets moves all decode times of the track to the front by the largest of them.
 */
export interface TransportSamples {
  readonly count: number;
  /** Position of the bytes in the source file. A sample that does not lie within one of the pieces is left out. */
  readonly positions: Float64Array;
  readonly sizes: Uint32Array;
  readonly decodeTicks: Float64Array;
  readonly presentationTicks: Float64Array;
  /** 1 for key frames; sound need not say. */
  readonly isRandomAccess: Uint8Array;
}

export interface ElementaryStream {
  readonly codec: TransportCodec;
  /** ISO 639-2; `und` where unknown. */
  readonly language: string;
  readonly samples: TransportSamples;
  /**
   * Decode time of the stream's sample that follows in the next segment; where none follows: the end of the segment by
   * whichever stream lasts longest. Up to there the clock is written.
   */
  readonly endTicks: number;
}

/**
 * All streams of the timeline in each segment, in the same order, also those without a sample in it: packet identifiers go
 * by the order. A segment depends on nothing but this.
 */
export interface TransportSegment {
  /** Consecutive from segment to segment; continuity counters of the tables go by it. */
  readonly segmentNumber: number;
  /** The first one of pictures, else the first one, carries the clock. */
  readonly streams: readonly ElementaryStream[];
  /** In the order of `start`, not overlapping. */
  readonly pieces: readonly SourcePiece[];
}
