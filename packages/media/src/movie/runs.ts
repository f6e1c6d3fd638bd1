import { lastNotAbove } from "./search.ts";

/** Values of consecutive samples: value `i` is that of the samples from `firsts[i]` up to the next first. */
export interface Runs {
  readonly count: number;
  /** Undefined: one value for each sample. */
  readonly firsts: Uint32Array | undefined;
  readonly values: Uint32Array | Float64Array;
}

export const constantRuns = (count: number, value: number): Runs => ({
  count,
  firsts: Uint32Array.of(0),
  values: Float64Array.of(value),
});

export const runStart = (runs: Runs, run: number): number => runs.firsts?.[run] ?? run;

export const runEnd = (runs: Runs, run: number): number =>
  run + 1 < runs.values.length ? runStart(runs, run + 1) : runs.count;

/** The run of a sample. */
export const runOf = (runs: Runs, sample: number): number =>
  runs.firsts === undefined ? sample : lastNotAbove(runs.firsts, sample);

/** The same without what lies behind `count`. */
export const shortenRuns = (runs: Runs, count: number): Runs => {
  if (count >= runs.count) return runs;
  let kept = runs.values.length;
  while (kept > 0 && runStart(runs, kept - 1) >= count) kept--;
  return { count, firsts: runs.firsts?.subarray(0, kept), values: runs.values.subarray(0, kept) };
};

/** Collects runs in order; equal neighbours become one. */
export class RunBuilder {
  #firsts = new Uint32Array(16);
  #values = new Float64Array(16);
  #runs = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get last(): number {
    return this.#values[this.#runs - 1] ?? 0;
  }

  push(value: number, sampleCount: number): void {
    if (sampleCount === 0) return;
    if (this.#runs === 0 || this.#values[this.#runs - 1] !== value) {
      if (this.#runs === this.#firsts.length) this.#grow();
      this.#firsts[this.#runs] = this.#count;
      this.#values[this.#runs] = value;
      this.#runs++;
    }
    this.#count += sampleCount;
  }

  /** Takes the last sample back. */
  pop(): void {
    if (this.#count === 0) return;
    this.#count--;
    if (this.#firsts[this.#runs - 1] === this.#count) this.#runs--;
  }

  finish(): Runs {
    return {
      count: this.#count,
      firsts: this.#firsts.subarray(0, this.#runs),
      values: this.#values.subarray(0, this.#runs),
    };
  }

  #grow(): void {
    const firsts = new Uint32Array(this.#firsts.length * 2);
    firsts.set(this.#firsts);
    this.#firsts = firsts;
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}
