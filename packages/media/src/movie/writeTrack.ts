import { writeSummed, writeValues } from "./columns.ts";
import type { IndexWriter } from "./memory.ts";
import { extremesOf, packingOf, writePacked } from "./packedColumn.ts";
import { type Runs, runEnd, runStart } from "./runs.ts";
import { writeSet } from "./sampleSet.ts";
import { chunkShifts, type SampleTable, totalBytesOf } from "./sampleTable.ts";

/** A track as `openMovie` finds it in shared memory, but for its samples. Positions are counted from the start of `moov`. */
export interface TrackRecord {
  readonly id: number;
  /** Index into TRACK_KINDS. */
  readonly kind: number;
  readonly isEnabled: boolean;
  readonly boxStart: number;
  readonly boxEnd: number;
  readonly timescale: number;
  readonly language: string;
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly rotationDegrees: number;
  readonly mediaStartUnits: number;
  readonly delayUnits: number;
  /** Starts and ends of the sample entries. */
  readonly entryBounds: readonly number[];
}

export const TRACK_KINDS = ["video", "audio", "text", "other"] as const;

/** Positions of chunks are kept in blocks, as differences from the least of each. */
export const CHUNK_BLOCK_SHIFT = 6;

export const writeTrack = (writer: IndexWriter, track: TrackRecord, table: SampleTable): void => {
  writer.number(track.id);
  writer.number(track.kind);
  writer.number(track.isEnabled ? 1 : 0);
  writer.number(track.boxStart);
  writer.number(track.boxEnd);
  writer.number(track.timescale);
  writer.text(track.language);
  writer.number(track.widthPixels);
  writer.number(track.heightPixels);
  writer.number(track.rotationDegrees);
  writer.number(track.mediaStartUnits);
  writer.number(track.delayUnits);
  writer.column(Float64Array.from(track.entryBounds));
  writer.number(table.count);
  writer.number(totalBytesOf(table));
  writer.number(extremesOf(table.offsets.values).least);
  if (table.count > 0) writeSamples(writer, table);
};

const writeSamples = (writer: IndexWriter, table: SampleTable): void => {
  writeSummed(writer, table.sizes);
  writeSummed(writer, table.durations);
  writeValues(writer, table.offsets);
  writeValues(writer, table.entries);
  writeSet(writer, table.count, countSyncs(table.syncs), (visit) => {
    table.syncs.values.forEach((isSync, run) => {
      if (isSync === 1) visit(runStart(table.syncs, run), runEnd(table.syncs, run));
    });
  });
  const { firsts, shifts } = chunkShifts(table);
  writeSet(writer, table.count, firsts.length, (visit) => {
    for (const first of firsts) visit(first, first + 1);
  });
  writeShifts(writer, shifts);
};

const countSyncs = (syncs: Runs): number => {
  let count = 0;
  syncs.values.forEach((isSync, run) => {
    if (isSync === 1) count += runEnd(syncs, run) - runStart(syncs, run);
  });
  return count;
};

const writeShifts = (writer: IndexWriter, shifts: Float64Array): void => {
  const blocks = Math.ceil(shifts.length / (1 << CHUNK_BLOCK_SHIFT));
  const bases = new Float64Array(blocks).fill(Number.POSITIVE_INFINITY);
  for (let index = 0; index < shifts.length; index++) {
    const block = index >> CHUNK_BLOCK_SHIFT;
    bases[block] = Math.min(bases[block] ?? 0, shifts[index] ?? 0);
  }
  const values = new Float64Array(shifts.length);
  for (let index = 0; index < shifts.length; index++)
    values[index] = (shifts[index] ?? 0) - (bases[index >> CHUNK_BLOCK_SHIFT] ?? 0);
  writer.column(bases);
  writePacked(writer, { count: values.length, firsts: undefined, values }, packingOf(values));
};
