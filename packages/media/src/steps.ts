import type { MediaFacts } from "./mediaScanner.ts";

/** What a reader of a file wants to see next, and what it has learnt so far. */
export interface Step {
  readonly start: number;
  readonly length: number;
  readonly facts?: MediaFacts;
}

/**
 * Gives out steps, none of which begins in front of the one before, and is given the bytes of each; ends with what it has
 * learnt, undefined where the last facts stand.
 */
export type Steps = Generator<Step, MediaFacts | undefined, DataView>;

/** No header in front, and no bit rate. */
export const NOTHING_KNOWN: MediaFacts = { headerBytes: 0, bytesPerSecond: undefined };

/** Longest header that is believed: a file with a longer one is as good as one without. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** 8 Kbps: whoever says less says nothing of sound or picture. */
const LEAST_BYTES_PER_SECOND = 1_000;
/** 8 Gbps. */
const MOST_BYTES_PER_SECOND = 1_000_000_000;

/** Undefined for what cannot be the rate of a media file. */
export const rateOf = (byteCount: number, durationSeconds: number): number | undefined => {
  const rate = byteCount / durationSeconds;
  return rate >= LEAST_BYTES_PER_SECOND && rate <= MOST_BYTES_PER_SECOND ? rate : undefined;
};
