import type { SourceRange } from "../contract.ts";

/**
 * Units of time of a file of MPEG audio: each frame of layer II or III, at each sample rate of the standards (ISO/IEC
 * 11172-3, 13818-3, and "2.5"), takes a whole number of them, so that sums of frames are exact.
 */
export const AUDIO_TICKS_PER_SECOND = 14_112_000;

/**
 * A file of MPEG audio as a list of frames. Tags, garbage and the frame of a Xing, Info or VBRI header are not among them.
 * Opened from shared memory without copying; lookups take O(log n) and some dozen steps at most.
 */
export interface AudioFile {
  readonly fileBytes: number;
  /** False: behind the last frame there is something that could not be analysed (MEDIA-53). */
  readonly isComplete: boolean;
  /** At least one. */
  readonly frameCount: number;
  readonly durationTicks: number;
  readonly durationSeconds: number;
  /** Bytes of all frames. */
  readonly audioBytes: number;
  readonly meanBitsPerSecond: number;
  /** Of the largest frame. */
  readonly peakBitsPerSecond: number;
  /** Frames have different bit rates. */
  readonly isVariable: boolean;
  /** 2 or 3, of the first frame, as what follows. */
  readonly layer: 2 | 3;
  readonly sampleRateHz: number;
  readonly channelCount: 1 | 2;
  /** What the encoder put in front of the sound and behind it, samples; undefined where the file does not say. */
  readonly encoderDelaySamples: number | undefined;
  readonly encoderPaddingSamples: number | undefined;
  /** When a frame begins; of `frameCount`: the end of the last one. */
  ticksOf(frame: number): number;
  /** The last frame that begins at or before the time; 0 for times before 0. */
  frameAt(ticks: number): number;
  /** Position in the source file. */
  offsetOf(frame: number): number;
  sizeOf(frame: number): number;
  /** How far the sound of a frame reaches back into the bytes of those in front of it (`main_data_begin`). */
  reachBackOf(frame: number): number;
  /** Version, layer, bit rate, sample rate, padding, checksum and channels as in the frame; the rest as in its neighbours. */
  headerOf(frame: number): number;
  /** The first one of the frames around this one that have one form and follow each other without a gap. */
  runStartOf(frame: number): number;
  /** Where frames `[first, end)` lie in the file, in order; one range if nothing stands between them. */
  rangesOf(first: number, end: number): readonly SourceRange[];
  /** Of frames `[first, end)` together. */
  bytesOf(first: number, end: number): number;
}

/** Frames `[firstFrame, endFrame)` of the file, one behind the other, from `startTicks` of the timeline on. */
export interface AudioRun {
  readonly firstFrame: number;
  readonly endFrame: number;
  readonly startTicks: number;
  /** Number of the first frame in the timeline. */
  readonly position: number;
}

/** A file, or sections of it one after the other. */
export interface AudioTimeline {
  /** At least one, none empty. */
  readonly runs: readonly AudioRun[];
  /** Of all runs. */
  readonly frameCount: number;
  readonly durationTicks: number;
  readonly durationSeconds: number;
}

/** Frames `[firstFrame, endFrame)` of a timeline, numbered as the timeline does. */
export interface AudioSegment {
  readonly startSeconds: number;
  readonly durationSeconds: number;
  readonly firstFrame: number;
  readonly endFrame: number;
  /** Of the frames alone. */
  readonly byteCount: number;
}
