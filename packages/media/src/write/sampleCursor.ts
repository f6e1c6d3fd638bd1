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
  /** How many samples lie behind. */
  passed = 0;

  constructor({ track, runs }: TimelineTrack) {
    this.track = track;
    this.#runs = runs;
    this.sample = runs[0]?.first ?? 0;
    this.#runEnd = runs[0]?.end ?? 0;
    this.offset = track.offsetOf(this.sample);
  }

  advance(): void {
    this.passed += 1;
    this.sample += 1;
    if (this.sample >= this.#runEnd) {
      this.#run += 1;
      const next = this.#runs[this.#run];
      this.sample = next?.first ?? this.sample;
      this.#runEnd = next?.end ?? Number.POSITIVE_INFINITY;
      if (next === undefined) {
        return;
      }
    }
    this.offset = this.track.offsetOf(this.sample);
  }
}

export const sampleCountOf = (runs: readonly SampleRun[]): number => {
  let count = 0;
  for (const run of runs) {
    count += run.end - run.first;
  }
  return count;
};
