import { totalOf } from "./columns.ts";
import { extremesOf } from "./packedColumn.ts";
import { type Runs, runEnd, runOf, runStart, shortenRuns } from "./runs.ts";

/** Samples of a track as they are read from `stbl` or from fragments, before they are packed. */
export interface SampleTable {
  readonly count: number;
  readonly sizes: Runs;
  readonly durations: Runs;
  /** Composition less decode time. */
  readonly offsets: Runs;
  /** 1 for key frames, 0 for others. */
  readonly syncs: Runs;
  /** Index into the sample entries. */
  readonly entries: Runs;
  /** Samples that lie one behind the other in the file: the first of each chunk, ascending from 0, and where it begins. */
  readonly chunkFirsts: Uint32Array;
  readonly chunkPositions: Float64Array;
}

const NO_RUNS: Runs = { count: 0, firsts: undefined, values: new Float64Array(0) };

export const EMPTY_TABLE: SampleTable = {
  count: 0,
  sizes: NO_RUNS,
  durations: NO_RUNS,
  offsets: NO_RUNS,
  syncs: NO_RUNS,
  entries: NO_RUNS,
  chunkFirsts: new Uint32Array(0),
  chunkPositions: new Float64Array(0),
};

export const shortenTable = (table: SampleTable, count: number): SampleTable => {
  if (count >= table.count) return table;
  let chunks = table.chunkFirsts.length;
  while (chunks > 0 && (table.chunkFirsts[chunks - 1] ?? 0) >= count) chunks--;
  return {
    count,
    sizes: shortenRuns(table.sizes, count),
    durations: shortenRuns(table.durations, count),
    offsets: shortenRuns(table.offsets, count),
    syncs: shortenRuns(table.syncs, count),
    entries: shortenRuns(table.entries, count),
    chunkFirsts: table.chunkFirsts.subarray(0, chunks),
    chunkPositions: table.chunkPositions.subarray(0, chunks),
  };
};

/** Without the first sample that reaches beyond the file, and all behind it. */
export const fitTable = (table: SampleTable, fileBytes: number): SampleTable =>
  shortenTable(table, firstBeyond(table, fileBytes));

const firstBeyond = (table: SampleTable, fileBytes: number): number => {
  const largest = extremesOf(table.sizes.values).most;
  for (let chunk = 0; chunk < table.chunkFirsts.length; chunk++) {
    const first = table.chunkFirsts[chunk] ?? 0;
    const end = table.chunkFirsts[chunk + 1] ?? table.count;
    const room = fileBytes - (table.chunkPositions[chunk] ?? 0);
    if ((end - first) * largest <= room) continue;
    const fitting = firstWithoutRoom(table.sizes, first, end, room);
    if (fitting < end) return fitting;
  }
  return table.count;
};

/** Of the samples `[first, end)` that lie one behind the other, the first for which there is no room; `end`: for all there is. */
const firstWithoutRoom = (sizes: Runs, first: number, end: number, roomBytes: number): number => {
  let room = roomBytes;
  if (room < 0) return first;
  let sample = first;
  for (let run = runOf(sizes, first); sample < end; run++) {
    const size = sizes.values[run] ?? 0;
    const stop = Math.min(end, runEnd(sizes, run));
    if (size * (stop - sample) > room) return sample + Math.floor(room / size);
    room -= size * (stop - sample);
    sample = stop;
  }
  return end;
};

/**
 * For each chunk the position in the file less the bytes of all samples in front of it: with that, the bytes in front of
 * a sample say where it lies. Chunks of which that is equal are one.
 */
export const chunkShifts = (table: SampleTable): { firsts: Uint32Array; shifts: Float64Array } => {
  const firsts = new Uint32Array(table.chunkFirsts.length);
  const shifts = new Float64Array(table.chunkFirsts.length);
  let kept = 0;
  let run = 0;
  let runSum = 0;
  for (let chunk = 0; chunk < table.chunkFirsts.length; chunk++) {
    const first = table.chunkFirsts[chunk] ?? 0;
    while (runEnd(table.sizes, run) <= first) {
      runSum += (table.sizes.values[run] ?? 0) * (runEnd(table.sizes, run) - runStart(table.sizes, run));
      run++;
    }
    const sum = runSum + (table.sizes.values[run] ?? 0) * (first - runStart(table.sizes, run));
    const shift = (table.chunkPositions[chunk] ?? 0) - sum;
    if (kept > 0 && shifts[kept - 1] === shift) continue;
    firsts[kept] = first;
    shifts[kept] = shift;
    kept++;
  }
  return { firsts: firsts.subarray(0, kept), shifts: shifts.subarray(0, kept) };
};

export const totalBytesOf = (table: SampleTable): number => totalOf(table.sizes);

/** Where the first byte of a sample lies, infinite without samples. */
export const firstByteOf = (table: SampleTable): number =>
  table.count === 0 ? Number.POSITIVE_INFINITY : extremesOf(table.chunkPositions).least;
