import type { IndexReader, IndexWriter } from "./memory.ts";
import { PackedColumn, packingOf, writePacked } from "./packedColumn.ts";
import { type Runs, runEnd, runStart } from "./runs.ts";
import { lastNotAbove } from "./search.ts";

/** One value for each sample. */
export interface ValueColumn {
  at(sample: number): number;
}

/** One value for each sample, and the sum of those in front of it. */
export interface SummedColumn extends ValueColumn {
  /** Sum of the values in front of the sample; of the count: of all. */
  sumBefore(sample: number): number;
  /** The last sample in front of which the sum is at most this; -1 when there is none. Values must not be negative. */
  lastAtOrBelow(sum: number): number;
}

/** Values of a run of samples need these bytes: its first sample, its value and the sum in front. */
const RUN_BYTES = 20;

/** Of packed values the sum is kept at each such block. */
const BLOCK_SHIFT = 5;
const BLOCK = 1 << BLOCK_SHIFT;

const RUNS = 0;
const PACKED = 1;

export const writeValues = (writer: IndexWriter, runs: Runs): void => {
  const packing = packingOf(runs.values);
  if (packing.width === 0 || runs.values.length * (RUN_BYTES - 8) > runs.count * packing.width) {
    writer.number(PACKED);
    writePacked(writer, runs, packing);
    return;
  }
  writer.number(RUNS);
  writer.column(firstsOf(runs));
  writer.column(Float64Array.from(runs.values));
};

export const openValues = (reader: IndexReader): ValueColumn =>
  reader.number() === PACKED ? new PackedColumn(reader) : new RunValues(reader.words(), reader.doubles());

export const writeSummed = (writer: IndexWriter, runs: Runs): void => {
  writer.number(runs.count);
  const packing = packingOf(runs.values);
  if (packing.width === 0 || runs.values.length * RUN_BYTES > runs.count * (packing.width + 8 / BLOCK)) {
    writer.number(PACKED);
    writePacked(writer, runs, packing);
    writer.column(packing.width === 0 ? new Float64Array(0) : blockSums(runs));
    return;
  }
  writer.number(RUNS);
  writer.column(firstsOf(runs));
  writer.column(Float64Array.from(runs.values));
  writer.column(runSums(runs));
};

export const openSummed = (reader: IndexReader): SummedColumn => {
  const count = reader.number();
  return reader.number() === PACKED
    ? new PackedSums(count, new PackedColumn(reader), reader.doubles())
    : new RunSums(count, reader.words(), reader.doubles(), reader.doubles());
};

/** Sum of all values. */
export const totalOf = (runs: Runs): number => {
  const { values } = runs;
  let total = 0;
  for (let run = 0; run < values.length; run++) total += (values[run] ?? 0) * (runEnd(runs, run) - runStart(runs, run));
  return total;
};

const firstsOf = (runs: Runs): Uint32Array =>
  runs.firsts ?? Uint32Array.from({ length: runs.count }, (_, index) => index);

const runSums = (runs: Runs): Float64Array => {
  const sums = new Float64Array(runs.values.length);
  let sum = 0;
  for (let run = 0; run < sums.length; run++) {
    sums[run] = sum;
    sum += (runs.values[run] ?? 0) * (runEnd(runs, run) - runStart(runs, run));
  }
  return sums;
};

/** One more than there are blocks: the last is the sum of all. */
const blockSums = (runs: Runs): Float64Array => {
  const blocks = Math.ceil(runs.count / BLOCK);
  const sums = new Float64Array(blocks + 1);
  let sum = 0;
  for (let run = 0; run < runs.values.length; run++) {
    const value = runs.values[run] ?? 0;
    const end = runEnd(runs, run);
    for (let sample = runStart(runs, run); sample < end; sample++) {
      if ((sample & (BLOCK - 1)) === 0) sums[sample >> BLOCK_SHIFT] = sum;
      sum += value;
    }
  }
  sums[blocks] = sum;
  return sums;
};

/** Finds the run of a sample; whoever goes through samples in order finds it where the last one was. */
class RunFinder {
  readonly #firsts: Uint32Array;
  #recent = 0;

  constructor(firsts: Uint32Array) {
    this.#firsts = firsts;
  }

  runOf(sample: number): number {
    const recent = this.#recent;
    if (sample >= (this.#firsts[recent] ?? 0) && sample < (this.#firsts[recent + 1] ?? Number.POSITIVE_INFINITY))
      return recent;
    const run = lastNotAbove(this.#firsts, sample);
    this.#recent = run;
    return run;
  }
}

class RunValues implements ValueColumn {
  readonly #finder: RunFinder;
  readonly #values: Float64Array;

  constructor(firsts: Uint32Array, values: Float64Array) {
    this.#finder = new RunFinder(firsts);
    this.#values = values;
  }

  at(sample: number): number {
    return this.#values[this.#finder.runOf(sample)] ?? 0;
  }
}

class RunSums implements SummedColumn {
  readonly #count: number;
  readonly #firsts: Uint32Array;
  readonly #values: Float64Array;
  readonly #sums: Float64Array;
  readonly #finder: RunFinder;

  constructor(count: number, firsts: Uint32Array, values: Float64Array, sums: Float64Array) {
    this.#count = count;
    this.#firsts = firsts;
    this.#values = values;
    this.#sums = sums;
    this.#finder = new RunFinder(firsts);
  }

  at(sample: number): number {
    return this.#values[this.#finder.runOf(sample)] ?? 0;
  }

  sumBefore(sample: number): number {
    const run = this.#finder.runOf(sample);
    return (this.#sums[run] ?? 0) + (sample - (this.#firsts[run] ?? 0)) * (this.#values[run] ?? 0);
  }

  lastAtOrBelow(sum: number): number {
    if (sum < 0 || this.#count === 0) return -1;
    const run = lastNotAbove(this.#sums, sum);
    const first = this.#firsts[run] ?? 0;
    const last = (this.#firsts[run + 1] ?? this.#count) - 1;
    const value = this.#values[run] ?? 0;
    if (value === 0) return last;
    return Math.min(last, first + Math.floor((sum - (this.#sums[run] ?? 0)) / value));
  }
}

class PackedSums implements SummedColumn {
  readonly #count: number;
  readonly #values: PackedColumn;
  readonly #constant: number | undefined;
  readonly #blocks: Float64Array;
  #recentSample = 0;
  #recentSum = 0;

  constructor(count: number, values: PackedColumn, blocks: Float64Array) {
    this.#count = count;
    this.#values = values;
    this.#constant = values.constant;
    this.#blocks = blocks;
  }

  at(sample: number): number {
    return this.#values.at(sample);
  }

  sumBefore(sample: number): number {
    if (this.#constant !== undefined) return this.#constant * sample;
    let from = sample & -BLOCK;
    let sum = this.#blocks[sample >> BLOCK_SHIFT] ?? 0;
    if (this.#recentSample > from && this.#recentSample <= sample) {
      from = this.#recentSample;
      sum = this.#recentSum;
    }
    for (let index = from; index < sample; index++) sum += this.#values.at(index);
    this.#recentSample = sample;
    this.#recentSum = sum;
    return sum;
  }

  lastAtOrBelow(sum: number): number {
    if (sum < 0 || this.#count === 0) return -1;
    if (this.#constant !== undefined)
      return this.#constant === 0 ? this.#count - 1 : Math.min(this.#count - 1, Math.floor(sum / this.#constant));
    const block = lastNotAbove(this.#blocks, sum, this.#blocks.length - 1);
    const end = Math.min(this.#count, (block + 1) * BLOCK);
    let sample = block * BLOCK;
    let reached = this.#blocks[block] ?? 0;
    while (sample + 1 < end) {
      reached += this.#values.at(sample);
      if (reached > sum) break;
      sample++;
    }
    return sample;
  }
}
