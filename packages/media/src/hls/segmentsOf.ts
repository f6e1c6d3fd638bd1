import type { TrackSequence } from "./trackSequence.ts";

/** Longer playlists are refused: they would be larger than many films. */
const MOST_SEGMENTS = 100_000;

/** Rounded time stamps of key frames that are meant to be `Duration` apart differ by as much. */
const TOLERANCE_SECONDS = 0.002;

/** Key frames that are looked at for all cuts; only damaged files, whose key frames are out of order, need as many. */
const MOST_STEPS = 1_000_000;

/** Bounds of the segments of a timeline. */
export interface Segmentation {
  readonly count: number;
  /** `count + 1` of them: the first is 0, the last the length of the timeline. */
  readonly boundsSeconds: readonly number[];
  /** Where each segment begins in the reference track, and its length at the end: `count + 1` of them. */
  readonly positions: readonly number[];
}

/**
 * Where a timeline is cut (MEDIA-30 to 36): from the start of a segment at the last key frame that is not further away
 * than the wanted duration, and if there is none, at the next one. It depends on nothing but the track and the durations,
 * so that a playlist and a segment agree which were computed apart. Behind `lastSegment` there is at most one more, which
 * then stands for all the rest. Undefined: too many segments.
 *
 * Sound that lasts longer than the pictures is in the last segment, however long it is: players in browsers keep pictures
 * and sound in buffers of their own (Media Source Extensions), and stand still in a segment that has no picture.
 */
export function segmentsOf(
  reference: TrackSequence,
  firstPosition: number,
  timelineSeconds: number,
  wantedSeconds: number,
  lastSegment = Number.POSITIVE_INFINITY,
): Segmentation | undefined {
  const { timescale } = reference.track;
  const wantedUnits = (wantedSeconds + TOLERANCE_SECONDS) * timescale;
  const endUnits = timelineSeconds * timescale;
  const positions = [firstPosition];
  const boundsSeconds = [0];
  const budget = { steps: MOST_STEPS };
  let start: CutPoint = { position: firstPosition, time: 0 };
  while (start.time + wantedUnits < endUnits && positions.length <= lastSegment + 1) {
    const cut = nextCut(reference, start, start.time + wantedUnits, budget);
    if (cut === undefined || cut.time >= endUnits) break;
    if (positions.length > MOST_SEGMENTS) return undefined;
    positions.push(cut.position);
    boundsSeconds.push(cut.time / timescale);
    start = cut;
  }
  const lastStart = boundsSeconds.at(-1) ?? 0;
  // Less than `wantedUnits`: what goes on behind `lastSegment` is not known here.
  const leastUnits = Math.min(frameUnits(reference) / 2, wantedUnits);
  if (positions.length > 1 && (timelineSeconds - lastStart) * timescale < leastUnits) {
    positions.pop();
    boundsSeconds.pop();
  }
  positions.push(reference.length);
  boundsSeconds.push(timelineSeconds);
  return { count: positions.length - 1, boundsSeconds, positions };
}

/** How far each segment reaches in another track: each of its samples is in one segment, by its presentation time. */
export function positionsByTime(sequence: TrackSequence, firstPosition: number, bounds: readonly number[]): number[] {
  const positions = [firstPosition];
  const first = sequence.offsetAt(0) + sequence.presentationShift;
  for (let index = 1; index < bounds.length - 1; index++) {
    const time = Math.ceil((bounds[index] ?? 0) * sequence.track.timescale - 1e-6) - first;
    const position = sequence.positionByDecodeTime(time - 1) + 1;
    positions.push(Math.max(position, positions.at(-1) ?? 0));
  }
  positions.push(sequence.length);
  return positions;
}

interface CutPoint {
  readonly position: number;
  readonly time: number;
}

interface Budget {
  steps: number;
}

const frameUnits = (sequence: TrackSequence): number => sequence.decodeTimeAt(sequence.length) / sequence.length;

function nextCut(sequence: TrackSequence, start: CutPoint, latest: number, budget: Budget): CutPoint | undefined {
  const before = lastCutUntil(sequence, start, latest, budget);
  if (before !== undefined) return before;
  let position = sequence.syncAtOrAfter(start.position + 1);
  while (position < sequence.length && budget.steps-- > 0) {
    const time = sequence.presentationTimeAt(position);
    if (time > start.time) return { position, time };
    position = sequence.syncAtOrAfter(position + 1);
  }
  return undefined;
}

/** Decode times lead near to the key frame, presentation times decide. */
function lastCutUntil(sequence: TrackSequence, start: CutPoint, latest: number, budget: Budget): CutPoint | undefined {
  const near = sequence.positionByDecodeTime(latest - sequence.presentationShift);
  if (near <= start.position) return undefined;
  let position = sequence.syncAtOrBefore(near);
  while (budget.steps-- > 0) {
    if (position <= start.position || sequence.presentationTimeAt(position) <= latest) break;
    position = sequence.syncAtOrBefore(position - 1);
  }
  while (budget.steps-- > 0) {
    const next = sequence.syncAtOrAfter(position + 1);
    if (next >= sequence.length || sequence.presentationTimeAt(next) > latest) break;
    position = next;
  }
  if (position <= start.position) return undefined;
  const time = sequence.presentationTimeAt(position);
  return time > start.time && time <= latest ? { position, time } : undefined;
}
