import type { Cut, Section } from "../contract.ts";
import { AUDIO_TICKS_PER_SECOND, type AudioFile, type AudioRun, type AudioTimeline } from "./contract.ts";

/** What players round away from times that they were given, as of films. */
const TOLERANCE_TICKS = 0.000_5 * AUDIO_TICKS_PER_SECOND;

/** By how much a result may be longer than `MaxRatio` allows, for the sake of rounding. */
const GROWTH_TOLERANCE_TICKS = 0.001 * AUDIO_TICKS_PER_SECOND;

type FrameSpan = Pick<AudioRun, "firstFrame" | "endFrame">;

/**
 * Whole frames (MEDIA-76): from the one that sounds at the start, up to the last one that has ended at the end; one at
 * least. Undefined for a section that names nothing (MEDIA-75).
 */
const spanOf = (file: AudioFile, { startSeconds = 0, endSeconds }: Section): FrameSpan | undefined => {
  const startTicks = startSeconds * AUDIO_TICKS_PER_SECOND;
  const endTicks = endSeconds === undefined ? Number.POSITIVE_INFINITY : endSeconds * AUDIO_TICKS_PER_SECOND;
  if (!(startTicks >= 0 && endTicks > startTicks && startTicks < file.durationTicks)) return undefined;
  const firstFrame = file.frameAt(startTicks + TOLERANCE_TICKS);
  const isToTheEnd = endTicks + TOLERANCE_TICKS >= file.durationTicks;
  const endFrame = isToTheEnd ? file.frameCount : file.frameAt(endTicks + TOLERANCE_TICKS);
  return { firstFrame, endFrame: Math.max(endFrame, firstFrame + 1) };
};

const inOrder = (file: AudioFile, spans: readonly FrameSpan[]): AudioTimeline => {
  const runs: AudioRun[] = [];
  let startTicks = 0;
  let position = 0;
  for (const { firstFrame, endFrame } of spans) {
    runs.push({ firstFrame, endFrame, startTicks, position });
    startTicks += file.ticksOf(endFrame) - file.ticksOf(firstFrame);
    position += endFrame - firstFrame;
  }
  return {
    runs,
    frameCount: position,
    durationTicks: startTicks,
    durationSeconds: startTicks / AUDIO_TICKS_PER_SECOND,
  };
};

export const wholeAudioTimeline = (file: AudioFile): AudioTimeline =>
  inOrder(file, [{ firstFrame: 0, endFrame: file.frameCount }]);

/**
 * What a cut selects: sections that name nothing and those that would make the result too long are passed over (MEDIA-90,
 * 93). `"whole"`: all of the file, because the cut says so or no section is left (MEDIA-75).
 */
export const audioTimelineOf = (file: AudioFile, cut: Cut | undefined): AudioTimeline | "whole" => {
  if (cut === undefined) return "whole";
  const mostTicks =
    cut.maxRatioPercent === undefined
      ? Number.POSITIVE_INFINITY
      : file.durationTicks * (1 + cut.maxRatioPercent / 100) + GROWTH_TOLERANCE_TICKS;
  const spans: FrameSpan[] = [];
  let ticks = 0;
  for (const section of cut.sections) {
    const span = spanOf(file, section);
    if (span === undefined) continue;
    const length = file.ticksOf(span.endFrame) - file.ticksOf(span.firstFrame);
    if (ticks + length > mostTicks) continue;
    ticks += length;
    spans.push(span);
  }
  const [first] = spans;
  if (first === undefined) return "whole";
  const isWhole = spans.length === 1 && first.firstFrame === 0 && first.endFrame === file.frameCount;
  return isWhole ? "whole" : inOrder(file, spans);
};

const runIndexAt = (runs: readonly AudioRun[], value: number, keyOf: (run: AudioRun) => number): number => {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const run = runs[middle];
    if (run !== undefined && keyOf(run) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** When a frame of the timeline begins; of `frameCount`: its end. */
export const timelineTicksOf = (file: AudioFile, timeline: AudioTimeline, position: number): number => {
  const run = timeline.runs[runIndexAt(timeline.runs, position, (each) => each.position)];
  if (run === undefined || position >= timeline.frameCount) return timeline.durationTicks;
  return run.startTicks + file.ticksOf(run.firstFrame + position - run.position) - file.ticksOf(run.firstFrame);
};

/** The last frame of the timeline that begins at or before the time; `frameCount` from its end on. */
export const timelineFrameAt = (file: AudioFile, timeline: AudioTimeline, ticks: number): number => {
  if (ticks >= timeline.durationTicks) return timeline.frameCount;
  const run = timeline.runs[runIndexAt(timeline.runs, ticks, (each) => each.startTicks)];
  if (run === undefined) return 0;
  return run.position + file.frameAt(file.ticksOf(run.firstFrame) + ticks - run.startTicks) - run.firstFrame;
};

/** What frames `[first, end)` of the timeline are in the file. */
export const timelineRunsOf = ({ runs }: AudioTimeline, first: number, end: number): readonly AudioRun[] => {
  const parts: AudioRun[] = [];
  for (let index = runIndexAt(runs, first, (each) => each.position); index < runs.length; index++) {
    const run = runs[index];
    if (run === undefined || run.position >= end) break;
    const from = Math.max(first, run.position);
    const to = Math.min(end, run.position + run.endFrame - run.firstFrame);
    if (from >= to) continue;
    const firstFrame = run.firstFrame + from - run.position;
    parts.push({ firstFrame, endFrame: firstFrame + to - from, startTicks: run.startTicks, position: from });
  }
  return parts;
};
