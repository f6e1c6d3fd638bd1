import { openSummed, openValues, type SummedColumn, type ValueColumn } from "./columns.ts";
import type { Codec, MovieTrack } from "./contract.ts";
import type { IndexReader } from "./memory.ts";
import { PackedColumn } from "./packedColumn.ts";
import { readEntry } from "./readCodec.ts";
import { openSet, type SampleSet } from "./sampleSet.ts";
import { CHUNK_BLOCK_SHIFT, TRACK_KINDS } from "./writeTrack.ts";

/** The columns of a track that has samples. */
interface Columns {
  readonly sizes: SummedColumn;
  readonly times: SummedColumn;
  readonly offsets: ValueColumn;
  readonly entries: ValueColumn;
  readonly syncs: SampleSet;
  readonly chunks: SampleSet;
  readonly chunkBases: Float64Array;
  readonly chunkShifts: PackedColumn;
}

const openColumns = (reader: IndexReader): Columns => ({
  sizes: openSummed(reader),
  times: openSummed(reader),
  offsets: openValues(reader),
  entries: openValues(reader),
  syncs: openSet(reader),
  chunks: openSet(reader),
  chunkBases: reader.doubles(),
  chunkShifts: new PackedColumn(reader),
});

/** A track whose samples are found in shared memory, as `writeTrack` put them there. */
export class IndexedTrack implements MovieTrack {
  readonly position: number;
  readonly id: number;
  readonly kind: MovieTrack["kind"];
  readonly isEnabled: boolean;
  readonly codec: Codec;
  readonly codecs: string | undefined;
  readonly box: Uint8Array;
  readonly sampleEntries: readonly Uint8Array[];
  readonly timescale: number;
  readonly language: string;
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly rotationDegrees: MovieTrack["rotationDegrees"];
  readonly mediaStartUnits: number;
  readonly delayUnits: number;
  readonly sampleCount: number;
  readonly totalBytes: number;
  readonly lowestCompositionOffset: number;
  readonly #columns: Columns | undefined;

  /** Takes the fields in the order in which `writeTrack` gives them. */
  constructor(reader: IndexReader, position: number, header: Uint8Array) {
    this.position = position;
    this.id = reader.number();
    this.kind = TRACK_KINDS[reader.number()] ?? "other";
    this.isEnabled = reader.number() === 1;
    const boxStart = reader.number();
    this.box = header.subarray(boxStart, reader.number());
    this.timescale = reader.number();
    this.language = reader.text();
    this.widthPixels = reader.number();
    this.heightPixels = reader.number();
    this.rotationDegrees = quarterOf(reader.number());
    this.mediaStartUnits = reader.number();
    this.delayUnits = reader.number();
    this.sampleEntries = entriesWithin(header, reader.doubles());
    const entry = this.sampleEntries[0];
    const facts = entry === undefined ? undefined : readEntry(entry, this.kind);
    this.codec = facts?.codec ?? { kind: "other", fourCharacters: "...." };
    this.codecs = facts?.codecs;
    this.sampleCount = reader.number();
    this.totalBytes = reader.number();
    this.lowestCompositionOffset = reader.number();
    this.#columns = this.sampleCount > 0 ? openColumns(reader) : undefined;
  }

  get durationUnits(): number {
    return this.decodeTimeOf(this.sampleCount);
  }

  get syncCount(): number {
    return this.#columns?.syncs.size ?? 0;
  }

  decodeTimeOf(sample: number): number {
    return this.#columns?.times.sumBefore(sample) ?? 0;
  }

  compositionOffsetOf(sample: number): number {
    return this.#columns?.offsets.at(sample) ?? 0;
  }

  sizeOf(sample: number): number {
    return this.#columns?.sizes.at(sample) ?? 0;
  }

  offsetOf(sample: number): number {
    const columns = this.#columns;
    if (columns === undefined) return 0;
    const chunk = columns.chunks.rankOf(sample + 1) - 1;
    const shift = (columns.chunkBases[chunk >> CHUNK_BLOCK_SHIFT] ?? 0) + columns.chunkShifts.at(chunk);
    return shift + columns.sizes.sumBefore(sample);
  }

  offsetBehind(sample: number, end: number): number {
    return this.#columns?.chunks.has(sample) === false ? end : this.offsetOf(sample);
  }

  isSync(sample: number): boolean {
    return this.#columns?.syncs.has(sample) ?? false;
  }

  entryOf(sample: number): number {
    return this.#columns?.entries.at(sample) ?? 0;
  }

  sampleAt(decodeTime: number): number {
    return this.#columns?.times.lastAtOrBelow(decodeTime) ?? -1;
  }

  syncAtOrBefore(sample: number): number {
    const syncs = this.#columns?.syncs;
    if (syncs === undefined || sample < 0) return -1;
    const rank = syncs.rankOf(Math.min(sample, this.sampleCount - 1) + 1);
    return rank === 0 ? -1 : syncs.memberAt(rank - 1);
  }

  syncAtOrAfter(sample: number): number {
    const syncs = this.#columns?.syncs;
    if (syncs === undefined || sample >= this.sampleCount) return this.sampleCount;
    const rank = syncs.rankOf(Math.max(0, sample));
    return rank === syncs.size ? this.sampleCount : syncs.memberAt(rank);
  }
}

const quarterOf = (degrees: number): MovieTrack["rotationDegrees"] =>
  degrees === 90 || degrees === 180 || degrees === 270 ? degrees : 0;

const entriesWithin = (header: Uint8Array, bounds: Float64Array): readonly Uint8Array[] =>
  Array.from({ length: bounds.length / 2 }, (_, index) => header.subarray(bounds[index * 2], bounds[index * 2 + 1]));
