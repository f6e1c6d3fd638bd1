import { type Box, boxesIn, childOf, requireContent, safeUint64, typeCode } from "./box.ts";
import { FragmentSamples } from "./fragmentSamples.ts";
import { MOST_SAMPLES } from "./limits.ts";
import { malformed } from "./malformed.ts";
import type { SampleTable } from "./sampleTable.ts";

const TREX = typeCode("trex");
const TRAF = typeCode("traf");
const TFHD = typeCode("tfhd");
const TFDT = typeCode("tfdt");
const TRUN = typeCode("trun");

/** What samples of a track have where fragments do not say (`trex`, `tfhd`). */
interface Defaults {
  readonly entry: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** Reads the fragments of a file in order, and collects their samples by track. */
export class FragmentReader {
  readonly #defaults: ReadonlyMap<number, Defaults>;
  readonly #tracks = new Map<number, FragmentSamples>();
  #sampleCount = 0;

  /** `before`: samples that the header names by itself, by track; fragments of other tracks are left out. */
  constructor(view: DataView, mvex: Box | undefined, before: ReadonlyMap<number, SampleTable>) {
    this.#defaults = mvex === undefined ? new Map() : readDefaults(view, mvex);
    for (const [id, table] of before) {
      this.#tracks.set(id, new FragmentSamples(table));
      this.#sampleCount += table.count;
    }
  }

  samplesOf(trackId: number): FragmentSamples | undefined {
    return this.#tracks.get(trackId);
  }

  /** A whole `moof` that stands at `position` of the file. */
  read(view: DataView, moof: Box, position: number): void {
    let dataEnd = position;
    for (const traf of boxesIn(view, moof.contentStart, moof.end))
      if (traf.type === TRAF) dataEnd = this.#readTrack(view, traf, position, dataEnd);
  }

  /** Answers where the data of the track's fragment ends. */
  #readTrack(view: DataView, traf: Box, moofPosition: number, previousEnd: number): number {
    const tfhd = childOf(view, traf, TFHD) ?? malformed("a fragment has no header");
    const header = readHeader(view, tfhd, this.#defaults, moofPosition, previousEnd);
    const samples = this.#tracks.get(header.trackId);
    if (samples === undefined) return previousEnd;
    const tfdt = childOf(view, traf, TFDT);
    if (tfdt !== undefined) samples.beginAt(readDecodeTime(view, tfdt));
    let end = header.base;
    for (const trun of boxesIn(view, traf.contentStart, traf.end))
      if (trun.type === TRUN) end = this.#readRun(view, trun, header, end, samples);
    return end;
  }

  #readRun(view: DataView, trun: Box, header: FragmentHeader, previousEnd: number, samples: FragmentSamples): number {
    requireContent(trun, 8);
    const flags = view.getUint32(trun.contentStart);
    const count = view.getUint32(trun.contentStart + 4);
    this.#sampleCount += count;
    if (this.#sampleCount > MOST_SAMPLES) malformed("too many samples");
    let position = trun.contentStart + 8;
    requireContent(trun, 8 + ((flags & 0x1) === 0 ? 0 : 4) + ((flags & 0x4) === 0 ? 0 : 4));
    let start = previousEnd;
    if ((flags & 0x1) !== 0) {
      start = header.base + view.getInt32(position);
      position += 4;
    }
    if (start < 0) malformed("a fragment lies in front of the file");
    let firstFlags: number | undefined;
    if ((flags & 0x4) !== 0) {
      firstFlags = view.getUint32(position);
      position += 4;
    }
    if (count === 0) return start;
    samples.beginChunk(start);
    const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => (flags & flag) !== 0).length;
    const { duration, size } = header.defaults;
    if (fields === 0) {
      const common = { duration, size, flags: header.defaults.flags, offset: 0 };
      samples.push({ ...common, flags: firstFlags ?? common.flags }, header.defaults.entry, 1);
      samples.push(common, header.defaults.entry, count - 1);
      return start + size * count;
    }
    if (count * fields * 4 > trun.end - position) malformed("a fragment has less than it says");
    let end = start;
    for (let index = 0; index < count; index++) {
      const sample = {
        duration: (flags & 0x100) === 0 ? duration : view.getUint32(position),
        size,
        flags: header.defaults.flags,
        offset: 0,
      };
      if ((flags & 0x100) !== 0) position += 4;
      if ((flags & 0x200) !== 0) {
        sample.size = view.getUint32(position);
        position += 4;
      }
      if ((flags & 0x400) !== 0) {
        sample.flags = view.getUint32(position);
        position += 4;
      }
      if ((flags & 0x800) !== 0) {
        sample.offset = view.getInt32(position);
        position += 4;
      }
      if (index === 0 && firstFlags !== undefined) sample.flags = firstFlags;
      samples.push(sample, header.defaults.entry, 1);
      end += sample.size;
    }
    return end;
  }
}

interface FragmentHeader {
  readonly trackId: number;
  /** What offsets of runs are counted from. */
  readonly base: number;
  readonly defaults: Defaults;
}

/** Without a base of its own the fragment of the first track counts from its `moof`, others from the end of the one before. */
const readHeader = (
  view: DataView,
  tfhd: Box,
  defaults: ReadonlyMap<number, Defaults>,
  moofPosition: number,
  previousEnd: number,
): FragmentHeader => {
  requireContent(tfhd, 8);
  const flags = view.getUint32(tfhd.contentStart);
  const trackId = view.getUint32(tfhd.contentStart + 4);
  let position = tfhd.contentStart + 8;
  const take = (flag: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    requireContent(tfhd, position + 4 - tfhd.contentStart);
    position += 4;
    return view.getUint32(position - 4);
  };
  let base = (flags & 0x20000) === 0 ? previousEnd : moofPosition;
  if ((flags & 0x1) !== 0) {
    requireContent(tfhd, 16);
    base = safeUint64(view, position) ?? malformed("a fragment lies beyond any file");
    position += 8;
  }
  const general = defaults.get(trackId);
  const entry = take(0x2) ?? (general?.entry ?? 0) + 1;
  if (entry < 1) malformed("a sample entry is missing");
  const duration = take(0x8) ?? general?.duration ?? 0;
  const size = take(0x10) ?? general?.size ?? 0;
  const sampleFlags = take(0x20) ?? general?.flags ?? 0;
  return { trackId, base, defaults: { entry: entry - 1, duration, size, flags: sampleFlags } };
};

const readDecodeTime = (view: DataView, tfdt: Box): number => {
  requireContent(tfdt, 8);
  if (view.getUint8(tfdt.contentStart) === 0) return view.getUint32(tfdt.contentStart + 4);
  requireContent(tfdt, 12);
  return safeUint64(view, tfdt.contentStart + 4) ?? malformed("a fragment begins beyond any time");
};

const readDefaults = (view: DataView, mvex: Box): ReadonlyMap<number, Defaults> => {
  const defaults = new Map<number, Defaults>();
  for (const trex of boxesIn(view, mvex.contentStart, mvex.end)) {
    if (trex.type !== TREX) continue;
    requireContent(trex, 24);
    const field = (index: number): number => view.getUint32(trex.contentStart + 4 + index * 4);
    defaults.set(field(0), { entry: Math.max(0, field(1) - 1), duration: field(2), size: field(3), flags: field(4) });
  }
  return defaults;
};
