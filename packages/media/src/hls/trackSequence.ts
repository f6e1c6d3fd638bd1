import type { MovieTrack, SampleRun, TimelineTrack } from "../movie/contract.ts";

/**
 * The samples of a track of a timeline one after the other, whatever runs they come from; a position counts them from 0.
 * Times are in units of the track.
 */
export class TrackSequence {
  readonly track: MovieTrack;
  readonly length: number;
  /** What presentation times are behind composition times. */
  readonly presentationShift: number;
  readonly #runs: readonly SampleRun[];
  /** Position of the first sample of each run. */
  readonly #starts: Float64Array;
  /** What the decode times of each run are behind those of the track. */
  readonly #shifts: Float64Array;
  #latest = 0;

  constructor({ track, runs, mediaStartUnits, delayUnits }: TimelineTrack) {
    this.track = track;
    this.#runs = runs.filter(({ first, end }) => end > first);
    this.#starts = new Float64Array(this.#runs.length);
    this.#shifts = new Float64Array(this.#runs.length);
    let length = 0;
    for (const [index, { first, end, decodeTime }] of this.#runs.entries()) {
      this.#starts[index] = length;
      this.#shifts[index] = decodeTime - track.decodeTimeOf(first);
      length += end - first;
    }
    this.length = length;
    this.presentationShift = delayUnits - mediaStartUnits;
  }

  /** Position within the sequence. */
  sampleAt(position: number): number {
    const index = this.#runAt(position);
    return (this.#runs[index]?.first ?? 0) + position - (this.#starts[index] ?? 0);
  }

  /** Of positions `[from, to)`. */
  samplesAt(from: number, to: number): Float64Array {
    const samples = new Float64Array(Math.max(0, to - from));
    for (let position = from, index = this.#runAt(from); position < to; index++) {
      const start = this.#starts[index] ?? 0;
      const run = this.#runs[index];
      if (run === undefined) break;
      const end = Math.min(to, start + run.end - run.first);
      for (; position < end; position++) samples[position - from] = run.first + position - start;
    }
    return samples;
  }

  /** Of `length`: where the last sample ends. */
  decodeTimeAt(position: number): number {
    const index = this.#runAt(Math.min(position, this.length - 1));
    const run = this.#runs[index];
    if (run === undefined) return 0;
    return this.track.decodeTimeOf(run.first + position - (this.#starts[index] ?? 0)) + (this.#shifts[index] ?? 0);
  }

  /** Of `length`: as if the last sample were followed by one with the composition offset of the first. */
  presentationTimeAt(position: number): number {
    return this.decodeTimeAt(position) + this.offsetAt(position) + this.presentationShift;
  }

  /** Composition offset. */
  offsetAt(position: number): number {
    return this.track.compositionOffsetOf(this.sampleAt(position < this.length ? position : 0));
  }

  sizeAt(position: number): number {
    return this.track.sizeOf(this.sampleAt(position));
  }

  isSyncAt(position: number): boolean {
    return this.track.isSync(this.sampleAt(position));
  }

  /** The last position whose decode time is at or before the time; -1 when there is none. */
  positionByDecodeTime(time: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.decodeTime ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    const index = low - 1;
    const run = this.#runs[index];
    if (run === undefined) return -1;
    const sample = this.track.sampleAt(time - (this.#shifts[index] ?? 0));
    return (this.#starts[index] ?? 0) + Math.min(Math.max(sample, run.first), run.end - 1) - run.first;
  }

  /** The last key frame at or before the position; -1 when there is none. */
  syncAtOrBefore(position: number): number {
    for (let index = this.#runAt(position), from = position; index >= 0; index--) {
      const run = this.#runs[index];
      const start = this.#starts[index] ?? 0;
      if (run === undefined) return -1;
      const found = this.track.syncAtOrBefore(run.first + from - start);
      if (found >= run.first) return start + found - run.first;
      from = start - 1;
    }
    return -1;
  }

  /** The first key frame at or behind the position; `length` when there is none. */
  syncAtOrAfter(position: number): number {
    if (position >= this.length) return this.length;
    for (let index = this.#runAt(position), from = position; index < this.#runs.length; index++) {
      const run = this.#runs[index];
      const start = this.#starts[index] ?? 0;
      if (run === undefined) break;
      const found = this.track.syncAtOrAfter(run.first + from - start);
      if (found < run.end) return start + found - run.first;
      from = start + run.end - run.first;
    }
    return this.length;
  }

  /** Neighbours mostly follow each other, so the run found last is looked at first. */
  #runAt(position: number): number {
    const starts = this.#starts;
    const isIn = (index: number): boolean =>
      (starts[index] ?? Number.POSITIVE_INFINITY) <= position &&
      position < (starts[index + 1] ?? Number.POSITIVE_INFINITY);
    if (isIn(this.#latest)) return this.#latest;
    if (isIn(this.#latest + 1)) return ++this.#latest;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    this.#latest = Math.max(0, low - 1);
    return this.#latest;
  }
}
