import type { MovieTrack, TimelineTrack } from "../movie/contract.ts";
import type { BoxWriter } from "./boxWriter.ts";
import type { ChunkTable } from "./chunkTable.ts";
import { sampleCountOf } from "./sampleCursor.ts";
import { type Sliced, Slices } from "./slices.ts";

/** Counts of equal values behind each other, two columns. */
class Runs {
  #counts = new Uint32Array(256);
  #values = new Uint32Array(256);
  length = 0;

  push(value: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.#values[last] === value) {
      this.#counts[last] = (this.#counts[last] ?? 0) + 1;
      return;
    }
    if (this.length === this.#counts.length) {
      this.#counts = doubled(this.#counts);
      this.#values = doubled(this.#values);
    }
    this.#counts[this.length] = 1;
    this.#values[this.length] = value;
    this.length += 1;
  }

  countOf(run: number): number {
    return this.#counts[run] ?? 0;
  }

  valueOf(run: number): number {
    return this.#values[run] ?? 0;
  }
}

const doubled = (column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
  const longer = new Uint32Array(column.length * 2);
  longer.set(column);
  return longer;
};

/** Columns of one track of the new file, samples counted anew. */
export interface SampleTables {
  readonly sampleCount: number;
  /** Sum of the durations of all samples. */
  readonly durationUnits: number;
  /** Where the sample that is shown last ends: composition time of the new file. */
  readonly compositionEndUnits: number;
  /** What was added to each composition offset, so that none is negative; `mediaStartUnits` grows by it. */
  readonly addedOffsetUnits: number;
  readonly durations: Runs;
  readonly compositionOffsets: Runs;
  /** Undefined: all samples are key frames. */
  readonly keyFrames: Uint32Array | undefined;
  readonly sizes: Uint32Array;
  readonly hasOneSize: boolean;
}

/** Numbers of the key frames in the new file, from 1. */
const keyFramesOf = ({ track, runs }: TimelineTrack): Uint32Array | undefined => {
  if (track.syncCount === track.sampleCount) {
    return undefined;
  }
  const numbers: number[] = [];
  let passed = 0;
  for (const { first, end } of runs) {
    for (let key = track.syncAtOrAfter(first); key < end; ) {
      numbers.push(passed + key - first + 1);
      key = key + 1 < track.sampleCount ? track.syncAtOrAfter(key + 1) : end;
    }
    passed += end - first;
  }
  return Uint32Array.from(numbers);
};

/** Gathers the columns of a track run by run. */
class Tabulation {
  readonly durations = new Runs();
  readonly compositionOffsets = new Runs();
  readonly sizes: Uint32Array;
  readonly addedOffsetUnits: number;
  hasOneSize = true;
  decodeTime = 0;
  compositionEndUnits = 0;
  readonly #track: MovieTrack;
  readonly #isShortened: boolean;
  readonly #timelineEndUnits: number;
  #position = 0;

  constructor({ track, runs }: TimelineTrack, timelineEndUnits: number) {
    this.#track = track;
    this.#isShortened = track.kind === "text" || track.kind === "other";
    this.#timelineEndUnits = Math.round(timelineEndUnits);
    this.addedOffsetUnits = Math.max(0, -track.lowestCompositionOffset);
    this.sizes = new Uint32Array(sampleCountOf(runs));
  }

  /** Samples `[first, end)` whose decode times are moved by `shift`; the last of them ends where `following` says. */
  add(first: number, end: number, shift: number, following: number | undefined): void {
    const { durations, compositionOffsets, sizes, addedOffsetUnits } = this;
    const track = this.#track;
    let position = this.#position;
    let { decodeTime, compositionEndUnits } = this;
    for (let sample = first; sample < end; sample += 1) {
      const own = track.decodeTimeOf(sample + 1) + shift;
      const shortened = this.#isShortened ? Math.max(decodeTime, Math.min(own, this.#timelineEndUnits)) : own;
      const next = sample + 1 === end ? (following ?? shortened) : own;
      const offset = track.compositionOffsetOf(sample) + addedOffsetUnits;
      durations.push(next - decodeTime);
      compositionOffsets.push(offset);
      const size = track.sizeOf(sample);
      sizes[position] = size;
      this.hasOneSize &&= size === sizes[0];
      position += 1;
      compositionEndUnits = Math.max(compositionEndUnits, next + offset);
      decodeTime = next;
    }
    this.#position = position;
    this.decodeTime = decodeTime;
    this.compositionEndUnits = compositionEndUnits;
  }
}

/** `timelineEndUnits`: what is no sound and no picture ends there. */
export function* tabulate(
  timelineTrack: TimelineTrack,
  timelineEndUnits: number,
  slices: Slices,
): Sliced<SampleTables> {
  const { track, runs } = timelineTrack;
  const tabulation = new Tabulation(timelineTrack, timelineEndUnits);
  for (const [index, run] of runs.entries()) {
    const shift = run.decodeTime - track.decodeTimeOf(run.first);
    const following = runs[index + 1]?.decodeTime;
    for (let first = run.first; first < run.end; first += Slices.samples) {
      const end = Math.min(run.end, first + Slices.samples);
      tabulation.add(first, end, shift, end === run.end ? following : undefined);
      if (slices.isOver(end - first)) {
        yield;
      }
    }
  }
  const { sizes, durations, compositionOffsets, compositionEndUnits, addedOffsetUnits, hasOneSize } = tabulation;
  return {
    sampleCount: sizes.length,
    durationUnits: tabulation.decodeTime,
    compositionEndUnits,
    addedOffsetUnits,
    durations,
    compositionOffsets,
    keyFrames: keyFramesOf(timelineTrack),
    sizes,
    hasOneSize: hasOneSize && (sizes[0] ?? 0) > 0,
  };
}

const writeRuns = (writer: BoxWriter, type: string, runs: Runs): void => {
  writer.fullBox(type, 0, () => {
    writer.unsigned32(runs.length);
    writer.reserve(runs.length * 8);
    for (let run = 0; run < runs.length; run += 1) {
      writer.unsigned32(runs.countOf(run));
      writer.unsigned32(runs.valueOf(run));
    }
  });
};

const writeNumbers = (writer: BoxWriter, numbers: Uint32Array): void => {
  writer.numbers(numbers);
};

/** stts, ctts, stss and stsz. */
export const writeSampleTables = (writer: BoxWriter, tables: SampleTables): void => {
  writeRuns(writer, "stts", tables.durations);
  const { compositionOffsets, keyFrames, sizes } = tables;
  if (compositionOffsets.length > 1 || compositionOffsets.valueOf(0) !== 0) {
    writeRuns(writer, "ctts", compositionOffsets);
  }
  if (keyFrames !== undefined) {
    writer.fullBox("stss", 0, () => {
      writer.unsigned32(keyFrames.length);
      writeNumbers(writer, keyFrames);
    });
  }
  writer.fullBox("stsz", 0, () => {
    writer.unsigned32(tables.hasOneSize ? (sizes[0] ?? 0) : 0);
    writer.unsigned32(sizes.length);
    if (!tables.hasOneSize) {
      writeNumbers(writer, sizes);
    }
  });
};

/** `entryNumbers`: by number of the sample entry in the source, its number in the new file from 1. */
export const writeSamplesToChunks = (
  writer: BoxWriter,
  chunks: ChunkTable,
  entryNumbers: ReadonlyMap<number, number>,
): void => {
  writer.fullBox("stsc", 0, () => {
    const countAt = writer.length;
    writer.unsigned32(0);
    let written = 0;
    for (let chunk = 0; chunk < chunks.length; chunk += 1) {
      const sampleCount = chunks.sampleCountOf(chunk);
      const entry = chunks.entryOf(chunk);
      if (chunk > 0 && chunks.sampleCountOf(chunk - 1) === sampleCount && chunks.entryOf(chunk - 1) === entry) {
        continue;
      }
      writer.unsigned32(chunk + 1);
      writer.unsigned32(sampleCount);
      writer.unsigned32(entryNumbers.get(entry) ?? 1);
      written += 1;
    }
    writer.setUnsigned32(countAt, written);
  });
};
