import { type Box, childOf, requireContent, rowCount, safeUint64, typeCode } from "./box.ts";
import { malformed } from "./malformed.ts";
import { constantRuns, RunBuilder, type Runs, shortenRuns } from "./runs.ts";
import { EMPTY_TABLE, type SampleTable } from "./sampleTable.ts";

const STTS = typeCode("stts");
const CTTS = typeCode("ctts");
const STSS = typeCode("stss");
const STSC = typeCode("stsc");
const STSZ = typeCode("stsz");
const STZ2 = typeCode("stz2");
const STCO = typeCode("stco");
const CO64 = typeCode("co64");

/** `stbl`; the samples that have a size and a place. Throws MalformedMovie, and for more than `mostSamples`. */
export const readSampleTable = (view: DataView, stbl: Box, mostSamples: number): SampleTable => {
  const sizes = readSizes(view, stbl, mostSamples);
  if (sizes === undefined || sizes.count === 0) return EMPTY_TABLE;
  const chunks = readChunks(view, stbl, sizes.count);
  const { count } = chunks;
  if (count === 0) return EMPTY_TABLE;
  return {
    count,
    sizes: shortenRuns(sizes, count),
    durations: readDurations(view, stbl, count),
    offsets: readOffsets(view, stbl, count),
    syncs: readSyncs(view, stbl, count),
    entries: chunks.entries,
    chunkFirsts: chunks.firsts,
    chunkPositions: chunks.positions,
  };
};

const readSizes = (view: DataView, stbl: Box, mostSamples: number): Runs | undefined => {
  const stsz = childOf(view, stbl, STSZ);
  if (stsz !== undefined) return readWideSizes(view, stsz, mostSamples);
  const stz2 = childOf(view, stbl, STZ2);
  return stz2 === undefined ? undefined : readNarrowSizes(view, stz2, mostSamples);
};

const readWideSizes = (view: DataView, box: Box, mostSamples: number): Runs => {
  requireContent(box, 12);
  const size = view.getUint32(box.contentStart + 4);
  const count = view.getUint32(box.contentStart + 8);
  if (count > mostSamples) malformed("too many samples");
  if (size !== 0) return constantRuns(count, size);
  rowCount(view, box, box.contentStart + 8, 4);
  const values = new Uint32Array(count);
  const start = box.contentStart + 12;
  for (let index = 0; index < count; index++) values[index] = view.getUint32(start + index * 4);
  return { count, firsts: undefined, values };
};

/** Sizes of 4, 8 or 16 bits. */
const readNarrowSizes = (view: DataView, box: Box, mostSamples: number): Runs => {
  requireContent(box, 12);
  const bits = view.getUint8(box.contentStart + 7);
  const count = view.getUint32(box.contentStart + 8);
  if (bits !== 4 && bits !== 8 && bits !== 16) malformed("sizes of an unknown width");
  if (count > mostSamples) malformed("too many samples");
  rowCount(view, box, box.contentStart + 8, bits / 8);
  const values = new Uint32Array(count);
  const start = box.contentStart + 12;
  for (let index = 0; index < count; index++) {
    if (bits === 16) values[index] = view.getUint16(start + index * 2);
    else if (bits === 8) values[index] = view.getUint8(start + index);
    else values[index] = (view.getUint8(start + (index >> 1)) >> ((index & 1) === 0 ? 4 : 0)) & 0xf;
  }
  return { count, firsts: undefined, values };
};

/** What the table does not reach lasts as long as its last sample. */
const readDurations = (view: DataView, stbl: Box, count: number): Runs => {
  const box = childOf(view, stbl, STTS);
  const runs = new RunBuilder();
  if (box !== undefined) {
    const rows = rowCount(view, box, box.contentStart + 4, 8);
    let position = box.contentStart + 8;
    for (let row = 0; row < rows && runs.count < count; row++, position += 8) {
      const duration = view.getUint32(position + 4);
      // Some writers mend a drift by a negative duration, where time then stands still.
      runs.push(duration < 2 ** 31 ? duration : 0, Math.min(view.getUint32(position), count - runs.count));
    }
  }
  runs.push(runs.last, count - runs.count);
  return runs.finish();
};

/** Version 0 knows no negative offsets, but writers put them there all the same. */
const readOffsets = (view: DataView, stbl: Box, count: number): Runs => {
  const box = childOf(view, stbl, CTTS);
  const runs = new RunBuilder();
  if (box !== undefined) {
    const rows = rowCount(view, box, box.contentStart + 4, 8);
    let position = box.contentStart + 8;
    for (let row = 0; row < rows && runs.count < count; row++, position += 8)
      runs.push(view.getInt32(position + 4), Math.min(view.getUint32(position), count - runs.count));
  }
  runs.push(0, count - runs.count);
  return runs.finish();
};

/** Without the table all samples are key frames, with an empty one none is. */
const readSyncs = (view: DataView, stbl: Box, count: number): Runs => {
  const box = childOf(view, stbl, STSS);
  if (box === undefined) return constantRuns(count, 1);
  const runs = new RunBuilder();
  const rows = rowCount(view, box, box.contentStart + 4, 4);
  for (let row = 0; row < rows; row++) {
    const sample = view.getUint32(box.contentStart + 8 + row * 4) - 1;
    if (sample >= count) break;
    if (sample < runs.count) continue;
    runs.push(0, sample - runs.count);
    runs.push(1, 1);
  }
  runs.push(0, count - runs.count);
  return runs.finish();
};

interface Chunks {
  /** Samples that have a place, at most as many as there are sizes. */
  readonly count: number;
  readonly firsts: Uint32Array;
  readonly positions: Float64Array;
  readonly entries: Runs;
}

const readChunks = (view: DataView, stbl: Box, sampleCount: number): Chunks => {
  const stsc = childOf(view, stbl, STSC) ?? malformed("no table of chunks");
  const places = readChunkPositions(view, stbl);
  const rows = rowCount(view, stsc, stsc.contentStart + 4, 12);
  const firsts = new Uint32Array(places.length);
  const positions = new Float64Array(places.length);
  const entries = new RunBuilder();
  let kept = 0;
  let count = 0;
  for (let row = 0; row < rows && count < sampleCount; row++) {
    const position = stsc.contentStart + 8 + row * 12;
    const firstChunk = view.getUint32(position);
    const perChunk = view.getUint32(position + 4);
    const entry = view.getUint32(position + 8);
    const endChunk = row + 1 < rows ? view.getUint32(position + 12) : places.length + 1;
    if (firstChunk < 1 || endChunk <= firstChunk || entry < 1) malformed("chunks are out of order");
    if (perChunk === 0) continue;
    for (let chunk = firstChunk - 1; chunk < endChunk - 1 && chunk < places.length && count < sampleCount; chunk++) {
      firsts[kept] = count;
      positions[kept] = places[chunk] ?? 0;
      kept++;
      const samples = Math.min(perChunk, sampleCount - count);
      entries.push(entry - 1, samples);
      count += samples;
    }
  }
  return { count, firsts: firsts.subarray(0, kept), positions: positions.subarray(0, kept), entries: entries.finish() };
};

const readChunkPositions = (view: DataView, stbl: Box): Float64Array => {
  const short = childOf(view, stbl, STCO);
  if (short !== undefined) {
    const positions = new Float64Array(rowCount(view, short, short.contentStart + 4, 4));
    const start = short.contentStart + 8;
    for (let index = 0; index < positions.length; index++) positions[index] = view.getUint32(start + index * 4);
    return positions;
  }
  const long = childOf(view, stbl, CO64) ?? malformed("no positions of chunks");
  const positions = new Float64Array(rowCount(view, long, long.contentStart + 4, 8));
  const start = long.contentStart + 8;
  for (let index = 0; index < positions.length; index++)
    positions[index] = safeUint64(view, start + index * 8) ?? malformed("a chunk lies beyond any file");
  return positions;
};
