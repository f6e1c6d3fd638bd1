import type { Segmenting } from "../contract.ts";
import { timelineFrameAt, timelineRunsOf, timelineTicksOf } from "./audioTimeline.ts";
import { AUDIO_TICKS_PER_SECOND, type AudioFile, type AudioSegment, type AudioTimeline } from "./contract.ts";

/** Longer playlists are refused, as of films. */
const MOST_SEGMENTS = 100_000;

/**
 * Where a timeline is cut: from the start of a segment at the last frame that begins no later than the wanted duration
 * (MEDIA-30, 35), so that playlist and segments agree which are computed apart (MEDIA-36). Undefined: too many segments.
 */
export const audioSegments = (
  file: AudioFile,
  timeline: AudioTimeline,
  { durationSeconds }: Segmenting,
): readonly AudioSegment[] | undefined => {
  const wantedTicks = Math.max(0, durationSeconds) * AUDIO_TICKS_PER_SECOND;
  const segments: AudioSegment[] = [];
  let firstFrame = 0;
  let start = 0;
  while (firstFrame < timeline.frameCount) {
    if (segments.length === MOST_SEGMENTS) return undefined;
    const endFrame = Math.max(firstFrame + 1, timelineFrameAt(file, timeline, start + wantedTicks));
    const end = timelineTicksOf(file, timeline, endFrame);
    segments.push({
      startSeconds: start / AUDIO_TICKS_PER_SECOND,
      durationSeconds: (end - start) / AUDIO_TICKS_PER_SECOND,
      firstFrame,
      endFrame,
      byteCount: timelineBytesOf(file, timeline, firstFrame, endFrame),
    });
    firstFrame = endFrame;
    start = end;
  }
  return segments;
};

const timelineBytesOf = (file: AudioFile, timeline: AudioTimeline, first: number, end: number): number =>
  timelineRunsOf(timeline, first, end).reduce((sum, run) => sum + file.bytesOf(run.firstFrame, run.endFrame), 0);
