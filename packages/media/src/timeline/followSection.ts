import { unreachable } from "@basalt/types";
import { durationOf, keyFrameAtOrBefore, nextKeyFrame, presentationOf, sampleAtOrAfter } from "./presentation.ts";
import { behindLeadingPictures } from "./sectionOf.ts";
import { beginAsInSource, type TrackRuns } from "./trackRuns.ts";

/** A section as the tracks beside the reference see it: seconds of the source, and of the new timeline. */
export interface PlacedSection {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Where `startSeconds` is in the new timeline. */
  readonly atSeconds: number;
  /** The new timeline begins with the beginning of the source. */
  readonly isBeginning: boolean;
  readonly isToTheEnd: boolean;
}

/** A placed section in units of one track. */
interface Interval {
  readonly start: number;
  readonly end: number;
  readonly at: number;
  readonly isToTheEnd: boolean;
}

/** Each picture group whole, as the reference track has them, at its time; none where the section holds no key frame. */
const followPictures = (runs: TrackRuns, { start, end, at, isToTheEnd }: Interval): void => {
  const { presented, track } = runs;
  const frame = durationOf(track, 0);
  const firstNotBefore = (units: number): number => nextKeyFrame(track, keyFrameAtOrBefore(presented, units - 1));
  const first = runs.isEmpty ? Math.max(0, keyFrameAtOrBefore(presented, start)) : firstNotBefore(start - frame / 2);
  const last = isToTheEnd ? track.sampleCount : Math.max(firstNotBefore(end - frame / 2), first + 1);
  if (first >= track.sampleCount || presentationOf(presented, first) >= end) {
    return;
  }
  const behind = first === 0 ? 1 : behindLeadingPictures(track, first, last);
  const presentation = at + presentationOf(presented, first) - start;
  const offset = track.compositionOffsetOf(first);
  if (runs.isEmpty) {
    runs.begin(first, first + 1, presentation, offset);
  } else {
    runs.append(first, first + 1, presentation - offset + runs.decodeShift);
  }
  runs.resume(behind, last);
};

/**
 * Frames of sound, those behind each other without a gap where the source has none. Which frames are taken is decided by
 * how far the track has come: so sections may follow each other at will, and the sound stays within half a frame.
 */
const followSound = (runs: TrackRuns, { start, end, at, isToTheEnd }: Interval): void => {
  const { presented, track } = runs;
  const toDecode = start - presented.shiftUnits;
  const frameAt = Math.max(0, track.sampleAt(toDecode));
  const frame = durationOf(track, frameAt);
  let first: number;
  if (runs.isEmpty) {
    first = track.decodeTimeOf(frameAt + 1) <= toDecode ? frameAt + 1 : frameAt;
  } else {
    const behindLast = runs.decodeEnd - runs.decodeShift - at + toDecode;
    first = sampleAtOrAfter(track, Math.max(toDecode, behindLast) - frame / 2);
  }
  if (first >= track.sampleCount || presentationOf(presented, first) >= end) {
    return;
  }
  const presentation = at + presentationOf(presented, first) - start;
  const decodeTime = presentation - track.compositionOffsetOf(first) + runs.decodeShift;
  const goesOn = !runs.isEmpty && Math.abs(decodeTime - runs.decodeEnd) <= frame;
  const drift = goesOn ? runs.decodeEnd - decodeTime : 0;
  const last = isToTheEnd ? track.sampleCount : sampleAtOrAfter(track, end - presented.shiftUnits - drift - frame / 2);
  if (last <= first) {
    return;
  }
  if (runs.isEmpty) {
    runs.begin(first, last, presentation, track.compositionOffsetOf(first));
  } else {
    runs.append(first, last, goesOn ? runs.decodeEnd : decodeTime);
  }
};

/** What lasts (a subtitle, a time code) is taken where it lasts into the section, and shortened to it. */
const followOthers = (runs: TrackRuns, { start, end, at, isToTheEnd }: Interval): void => {
  const { presented, track } = runs;
  const toDecode = start - presented.shiftUnits;
  const sampleAt = Math.max(0, track.sampleAt(toDecode));
  const first = track.decodeTimeOf(sampleAt + 1) <= toDecode ? sampleAt + 1 : sampleAt;
  const last = isToTheEnd ? track.sampleCount : sampleAtOrAfter(track, end - presented.shiftUnits);
  if (first >= last) {
    return;
  }
  const begins = track.decodeTimeOf(first);
  const missed = Math.max(0, toDecode - begins);
  const presentation = at + begins + missed - toDecode;
  if (runs.isEmpty) {
    runs.begin(first, first + 1, presentation + track.compositionOffsetOf(first), track.compositionOffsetOf(first));
  } else {
    runs.append(first, first + 1, presentation + runs.decodeShift);
  }
  if (last > first + 1) {
    const lasts = track.decodeTimeOf(first + 1) - begins - missed;
    runs.append(first + 1, last, presentation + lasts + runs.decodeShift);
  }
  runs.endAt(at + end - start + runs.decodeShift);
};

/** Adds to a track that is not the reference what belongs to the section. */
export const followSection = (runs: TrackRuns, section: PlacedSection): void => {
  const { track, presented } = runs;
  const interval: Interval = {
    start: section.startSeconds * track.timescale,
    end: section.endSeconds * track.timescale,
    at: section.atSeconds * track.timescale,
    isToTheEnd: section.isToTheEnd,
  };
  if (section.isBeginning && section.isToTheEnd) {
    beginAsInSource(runs, track.sampleCount);
    return;
  }
  switch (track.kind) {
    case "video":
      followPictures(runs, interval);
      return;
    case "audio":
      if (section.isBeginning) {
        const frame = durationOf(track, 0);
        const end = sampleAtOrAfter(track, interval.end - presented.shiftUnits - frame / 2);
        if (end > 0) {
          beginAsInSource(runs, end);
        }
        return;
      }
      followSound(runs, interval);
      return;
    case "text":
    case "other":
      followOthers(runs, interval);
      return;
    default:
      unreachable(track.kind);
  }
};
