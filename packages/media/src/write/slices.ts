/** Work on samples in slices: who must not stop for all of it goes on with other things wherever it yields. */
export type Sliced<Result> = Generator<undefined, Result, undefined>;

/** Samples that are worked on at a time: less than a millisecond. */
const SLICE_SAMPLES = 4096;

/** Counts through all steps of one work, so that little work is one slice. */
export class Slices {
  static readonly samples = SLICE_SAMPLES;
  #samples = 0;

  /** Whether the slice ends here, so many samples behind the last call. */
  isOver(sampleCount: number): boolean {
    this.#samples += sampleCount;
    if (this.#samples < SLICE_SAMPLES) {
      return false;
    }
    this.#samples = 0;
    return true;
  }
}

/** All of it now. */
export const finishNow = <Result>(work: Sliced<Result>): Result => {
  for (;;) {
    const step = work.next();
    if (step.done === true) {
      return step.value;
    }
  }
};
