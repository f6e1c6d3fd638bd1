import { totalOf } from "./columns.ts";
import { malformed } from "./malformed.ts";
import { RunBuilder, type Runs, runEnd, runStart } from "./runs.ts";
import type { SampleTable } from "./sampleTable.ts";

/** Grows by doubling. */
class GrowingList {
  #values = new Float64Array(16);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const values = new Float64Array(this.#values.length * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = value;
  }

  finish(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

export interface FragmentSample {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
  readonly offset: number;
}

const IS_NOT_SYNC = 0x10000;

const copyRuns = (runs: Runs, into: RunBuilder): void =>
  runs.values.forEach((value, run) => {
    into.push(value, runEnd(runs, run) - runStart(runs, run));
  });

/** Collects the samples of a track from all its fragments. */
export class FragmentSamples {
  readonly #sizes = new RunBuilder();
  readonly #durations = new RunBuilder();
  readonly #offsets = new RunBuilder();
  readonly #syncs = new RunBuilder();
  readonly #entries = new RunBuilder();
  readonly #chunkFirsts = new GrowingList();
  readonly #chunkPositions = new GrowingList();
  #decodeEnd = 0;
  #firstTime: number | undefined;

  /** `before`: samples that the header names by itself. */
  constructor(before: SampleTable) {
    if (before.count === 0) return;
    this.#firstTime = 0;
    copyRuns(before.sizes, this.#sizes);
    copyRuns(before.durations, this.#durations);
    copyRuns(before.offsets, this.#offsets);
    copyRuns(before.syncs, this.#syncs);
    copyRuns(before.entries, this.#entries);
    before.chunkFirsts.forEach((first, chunk) => {
      this.#chunkFirsts.push(first);
      this.#chunkPositions.push(before.chunkPositions[chunk] ?? 0);
    });
    this.#decodeEnd = totalOf(before.durations);
  }

  /** Decode time of the first sample in the file, units of the track. */
  get firstTime(): number {
    return this.#firstTime ?? 0;
  }

  get count(): number {
    return this.#sizes.count;
  }

  /**
   * The next fragment begins at that decode time: a gap lengthens the sample in front of it, an overlap shortens it, as
   * far as it goes.
   */
  beginAt(decodeTime: number): void {
    if (this.#firstTime === undefined) {
      this.#firstTime = decodeTime;
      this.#decodeEnd = decodeTime;
      return;
    }
    if (decodeTime === this.#decodeEnd) return;
    const last = this.#durations.last;
    const mended = Math.max(0, last + decodeTime - this.#decodeEnd);
    this.#durations.pop();
    this.#durations.push(mended, 1);
    this.#decodeEnd += mended - last;
  }

  beginChunk(position: number): void {
    this.#chunkFirsts.push(this.count);
    this.#chunkPositions.push(position);
  }

  push(sample: FragmentSample, entry: number, sampleCount: number): void {
    this.#firstTime ??= 0;
    this.#sizes.push(sample.size, sampleCount);
    this.#durations.push(sample.duration, sampleCount);
    this.#offsets.push(sample.offset, sampleCount);
    this.#syncs.push((sample.flags & IS_NOT_SYNC) === 0 ? 1 : 0, sampleCount);
    this.#entries.push(entry, sampleCount);
    this.#decodeEnd += sample.duration * sampleCount;
    if (!Number.isSafeInteger(this.#decodeEnd)) malformed("a track never ends");
  }

  finish(): SampleTable {
    return {
      count: this.count,
      sizes: this.#sizes.finish(),
      durations: this.#durations.finish(),
      offsets: this.#offsets.finish(),
      syncs: this.#syncs.finish(),
      entries: this.#entries.finish(),
      chunkFirsts: Uint32Array.from(this.#chunkFirsts.finish()),
      chunkPositions: this.#chunkPositions.finish(),
    };
  }
}
