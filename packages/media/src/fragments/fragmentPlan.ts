import type { TrackSequence } from "../hls/trackSequence.ts";

/** Samples `[from, to)` of a track that are to stand in one fragment. */
export interface FragmentTrack {
  readonly trackId: number;
  readonly sequence: TrackSequence;
  readonly from: number;
  readonly to: number;
  /** What decode times in the fragment are behind those of the sequence. */
  readonly decodeShift: number;
  /** Composition offsets are written less that. */
  readonly baseOffset: number;
}

/** One `traf` with one `trun`: samples of one track with the same sample entry. Columns; times in units of the track. */
export interface PlannedRun {
  readonly trackId: number;
  /** Counted from 1. */
  readonly entryNumber: number;
  readonly decodeTime: number;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  readonly durations: Uint32Array;
  readonly compositionOffsets: Int32Array;
  readonly syncs: Uint8Array;
  readonly dataBytes: number;
  /** Values that all samples share stand in `tfhd` and not with each of them. */
  readonly sharedDuration: number | undefined;
  readonly sharedSize: number | undefined;
  /** Key frames: all, none, the first alone, or as each sample says. */
  readonly syncPattern: "all" | "none" | "first" | "mixed";
  readonly hasCompositionOffsets: boolean;
}

export interface FragmentPlan {
  readonly runs: readonly PlannedRun[];
  /** All in front of the media data. */
  readonly headBytes: number;
  readonly dataBytes: number;
}

export const STYP_BYTES = 24;
export const MFHD_BYTES = 16;
const BOX_HEADER_BYTES = 8;
const TFDT_BYTES = 20;

/** Data of the tracks follow each other in the order given: the first sample of the first track stands first. */
export function planFragment(tracks: readonly FragmentTrack[]): FragmentPlan {
  const runs = tracks.flatMap(runsOf);
  const headBytes = STYP_BYTES + movieFragmentBytes(runs) + BOX_HEADER_BYTES;
  return {
    runs,
    headBytes,
    dataBytes: runs.reduce((bytes, run) => bytes + run.dataBytes, 0),
  };
}

export const movieFragmentBytes = (runs: readonly PlannedRun[]): number =>
  runs.reduce((bytes, run) => bytes + trackFragmentBytes(run), BOX_HEADER_BYTES + MFHD_BYTES);

export const trackFragmentBytes = (run: PlannedRun): number =>
  BOX_HEADER_BYTES + trackHeaderBytes(run) + TFDT_BYTES + runBoxBytes(run);

export const trackHeaderBytes = (run: PlannedRun): number =>
  24 + (run.sharedDuration === undefined ? 0 : 4) + (run.sharedSize === undefined ? 0 : 4);

export const runBoxBytes = (run: PlannedRun): number =>
  20 + (run.syncPattern === "first" ? 4 : 0) + run.sizes.length * bytesPerSample(run);

const bytesPerSample = (run: PlannedRun): number =>
  (run.sharedDuration === undefined ? 4 : 0) +
  (run.sharedSize === undefined ? 4 : 0) +
  (run.syncPattern === "mixed" ? 4 : 0) +
  (run.hasCompositionOffsets ? 4 : 0);

/** A film changes its entry a few times; with more changes in one fragment the rest counts as of the last one. */
const MOST_RUNS = 1_000;

function runsOf(wanted: FragmentTrack): PlannedRun[] {
  const runs: PlannedRun[] = [];
  const { track } = wanted.sequence;
  const samples = wanted.sequence.samplesAt(wanted.from, wanted.to);
  const hasOneEntry = track.sampleEntries.length < 2;
  for (let first = 0; first < samples.length; ) {
    const entry = track.entryOf(samples[first] ?? 0);
    let end = first + 1;
    const goesOn = hasOneEntry || runs.length + 1 === MOST_RUNS;
    while (end < samples.length && (goesOn || track.entryOf(samples[end] ?? 0) === entry)) end++;
    runs.push(planRun(wanted, wanted.from + first, samples.subarray(first, end), entry));
    first = end;
  }
  return runs;
}

function planRun(wanted: FragmentTrack, from: number, samples: Float64Array, entry: number): PlannedRun {
  const { sequence } = wanted;
  const { track } = sequence;
  const count = samples.length;
  const offsets = new Float64Array(count);
  const sizes = new Uint32Array(count);
  const durations = new Uint32Array(count);
  const compositionOffsets = new Int32Array(count);
  const syncs = new Uint8Array(count);
  let dataBytes = 0;
  let time = sequence.decodeTimeAt(from);
  const decodeTime = Math.max(0, Math.round(time + wanted.decodeShift));
  for (let index = 0; index < count; index++) {
    const sample = samples[index] ?? 0;
    const next = sequence.decodeTimeAt(from + index + 1);
    offsets[index] = track.offsetOf(sample);
    sizes[index] = track.sizeOf(sample);
    durations[index] = Math.max(0, next - time);
    compositionOffsets[index] = track.compositionOffsetOf(sample) - wanted.baseOffset;
    syncs[index] = track.isSync(sample) ? 1 : 0;
    dataBytes += sizes[index] ?? 0;
    time = next;
  }
  return {
    trackId: wanted.trackId,
    entryNumber: entry + 1,
    decodeTime,
    offsets,
    sizes,
    durations,
    compositionOffsets,
    syncs,
    dataBytes,
    sharedDuration: shared(durations),
    sharedSize: shared(sizes),
    syncPattern: patternOf(syncs),
    hasCompositionOffsets: compositionOffsets.some((offset) => offset !== 0),
  };
}

const shared = (column: Uint32Array): number | undefined => {
  const first = column[0];
  return column.every((value) => value === first) ? first : undefined;
};

function patternOf(syncs: Uint8Array): PlannedRun["syncPattern"] {
  const count = syncs.reduce((sum, sync) => sum + sync, 0);
  if (count === syncs.length) return "all";
  if (count === 0) return "none";
  return count === 1 && syncs[0] === 1 ? "first" : "mixed";
}
