import type { MovieTrack, SampleRun, TimelineTrack } from "../movie/contract.ts";

/** Goes through the samples of a timeline's track in decode order. */
export class SampleCursor {
  readonly track: MovieTrack;
  readonly #runs: readonly SampleRun[];
  #run = 0;
  #runEnd: number;
  /** Number of the current sample in the source; meaningless at the end. */
  sample: number;
  /** Its position in the source. */
  offset: number;
  size: number;
  /** How many samples lie behind. */
  passed = 0;

  constructor({ track, runs }: TimelineTrack) {
    this.track = track;
    this.#runs = runs;
    this.sample = runs[0]?.first ?? 0;
    this.#runEnd = runs[0]?.end ?? 0;
    this.offset = track.offsetOf(this.sample);
    this.size = track.sizeOf(this.sample);
  }

  advance(): void {
    const { track } = this;
    const next = this.sample + 1;
    this.passed += 1;
    if (next < this.#runEnd) {
      this.sample = next;
      this.offset = track.offsetBehind(next, this.offset + this.size);
    } else {
      this.#run += 1;
      const run = this.#runs[this.#run];
      this.sample = run?.first ?? next;
      this.#runEnd = run?.end ?? Number.POSITIVE_INFINITY;
      if (run === undefined) {
        return;
      }
      this.offset = track.offsetOf(this.sample);
    }
    this.size = track.sizeOf(this.sample);
  }
}

export const sampleCountOf = (runs: readonly SampleRun[]): number => {
  let count = 0;
  for (const run of runs) {
    count += run.end - run.first;
  }
  return count;
};
