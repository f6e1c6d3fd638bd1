import type { Section } from "../contract.ts";
import type { MovieTrack } from "../movie/contract.ts";
import {
  compositionOf,
  durationOf,
  keyFrameAtOrBefore,
  nextKeyFrame,
  type PresentedTrack,
  presentationOf,
} from "./presentation.ts";

/** What players round away from times that they were given. */
const TOLERANCE_SECONDS = 0.000_5;

/** An end that is so near to the last frame's, or nearer, means the end. */
const MOST_OF_A_FRAME_SECONDS = 0.1;

/** A section of the reference track: samples `[first, end)` between two times of presentation, in units of the track. */
export interface ReferenceSection {
  readonly first: number;
  readonly end: number;
  readonly startUnits: number;
  readonly endUnits: number;
  /** It reaches to the end of the file: tracks that last longer are kept whole. */
  readonly isToTheEnd: boolean;
}

/** MEDIA-75: whether a section names time of a film that lasts so long. */
const isValid = (section: Section, endSeconds: number): boolean => {
  const start = section.startSeconds ?? 0;
  const end = section.endSeconds ?? Number.POSITIVE_INFINITY;
  return start >= 0 && end > start && start < endSeconds;
};

/**
 * The section between key frames (MEDIA-76): from the last one that is presented at or before the start to the last one at
 * or before the end, and one group of pictures at least. Undefined for a section that names nothing.
 */
export const sectionOf = (
  reference: PresentedTrack,
  section: Section,
  movieEndSeconds: number,
): ReferenceSection | undefined => {
  if (!isValid(section, movieEndSeconds)) {
    return undefined;
  }
  const { track } = reference;
  const movieEndUnits = Math.round(movieEndSeconds * track.timescale);
  const unitsOf = (seconds: number): number => Math.floor((seconds + TOLERANCE_SECONDS) * track.timescale);
  const startSeconds = section.startSeconds ?? 0;
  const key = startSeconds > 0 ? keyFrameAtOrBefore(reference, unitsOf(startSeconds)) : -1;
  const first = Math.max(0, key);
  const startUnits = key < 0 ? 0 : Math.max(0, presentationOf(reference, key));
  const toTheEnd = { first, end: track.sampleCount, startUnits, endUnits: movieEndUnits, isToTheEnd: true };
  const lastFrameUnits = Math.min(durationOf(track, track.sampleCount - 1), track.timescale * MOST_OF_A_FRAME_SECONDS);
  const { endSeconds } = section;
  if (endSeconds === undefined || unitsOf(endSeconds) >= movieEndUnits - lastFrameUnits) {
    return movieEndUnits > startUnits ? toTheEnd : undefined;
  }
  const lastKey = keyFrameAtOrBefore(reference, unitsOf(endSeconds));
  const end = lastKey > first ? lastKey : nextKeyFrame(track, first);
  if (end >= track.sampleCount) {
    return movieEndUnits > startUnits ? toTheEnd : undefined;
  }
  const endUnits = presentationOf(reference, end);
  return endUnits > startUnits ? { first, end, startUnits, endUnits, isToTheEnd: false } : undefined;
};

/** A real group has a few dozen; a damaged one may have all its pictures there, in each of thousands of sections. */
const MOST_LEADING_PICTURES = 1_024;

/**
 * Pictures that follow a key frame and are shown in front of it (open GOP) need pictures of the group before: from here on
 * they are behind them. The first sample that can be decoded after the key frame.
 */
export const behindLeadingPictures = (track: MovieTrack, key: number, end: number): number => {
  const shown = compositionOf(track, key);
  const limit = Math.min(end, key + 1 + MOST_LEADING_PICTURES);
  let sample = key + 1;
  while (sample < limit && !track.isSync(sample) && compositionOf(track, sample) < shown) {
    sample += 1;
  }
  return sample;
};
