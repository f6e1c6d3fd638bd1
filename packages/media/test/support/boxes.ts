/** Builds boxes and small movies for tests, byte by byte, so that none needs ffmpeg. */

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
};

const wide = (byteCount: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(byteCount);
  write(new DataView(bytes.buffer));
  return bytes;
};

export const u8 = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
export const u16 = (value: number): Uint8Array => wide(2, (view) => view.setUint16(0, value));
export const u32 = (...values: readonly number[]): Uint8Array =>
  wide(values.length * 4, (view) => {
    for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  });
export const i32 = (value: number): Uint8Array => wide(4, (view) => view.setInt32(0, value));
export const u64 = (value: number): Uint8Array => wide(8, (view) => view.setBigUint64(0, BigInt(value)));
export const i64 = (value: number): Uint8Array => wide(8, (view) => view.setBigInt64(0, BigInt(value)));
export const zeros = (byteCount: number): Uint8Array => new Uint8Array(byteCount);
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

export const box = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts);
  return concat(u32(8 + content.length), ascii(type), content);
};

/** With a size of 64 bits. */
export const longBox = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts);
  return concat(u32(1), ascii(type), u64(16 + content.length), content);
};

export const fullBox = (type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  box(type, u32(version * 2 ** 24 + flags), ...parts);

export interface SamplePlan {
  /** A number: so many bytes, each of them counting up; or the bytes themselves. */
  readonly data: number | Uint8Array;
  readonly duration: number;
  /** Composition less decode time; 0 unless given. */
  readonly offset?: number;
  /** True unless given. */
  readonly isSync?: boolean;
  /** Index into `entries`; 0 unless given. */
  readonly entry?: number;
}

export interface EditPlan {
  /** Units of the movie. */
  readonly duration: number;
  /** Units of the track; -1: empty. */
  readonly mediaTime: number;
}

export interface TrackPlan {
  readonly handler: "vide" | "soun" | "text" | "sbtl" | "subt" | "meta" | "hint";
  /** Units per second. */
  readonly timescale: number;
  /** Sample entries, whole boxes. */
  readonly entries: readonly Uint8Array[];
  readonly samples: readonly SamplePlan[];
  readonly id?: number;
  readonly isEnabled?: boolean;
  readonly language?: string;
  readonly edits?: readonly EditPlan[];
  readonly hasLongEdits?: boolean;
  readonly widthPixels?: number;
  readonly heightPixels?: number;
  readonly rotationDegrees?: 0 | 90 | 180 | 270;
  /** Without a table of key frames all samples are: `auto` leaves it out where they are. */
  readonly syncTable?: "auto" | "always";
  readonly compositionVersion?: 0 | 1;
  /** `stz2` with fields of so many bits in place of `stsz`. */
  readonly narrowSizeBits?: 4 | 8 | 16;
  /** Data reference of its own, in place of one to this file. */
  readonly dataReference?: Uint8Array;
  /** More boxes of `trak` and of `stbl`. */
  readonly trackBoxes?: readonly Uint8Array[];
  readonly tableBoxes?: readonly Uint8Array[];
}

export interface MoviePlan {
  readonly tracks: readonly TrackPlan[];
  /** 1000 unless given. */
  readonly timescale?: number;
  /** Where the header stands; `first` unless given. */
  readonly header?: "first" | "last";
  /** Chunk positions of 64 bits. */
  readonly hasLongOffsets?: boolean;
  /** `mdat` with a size of 64 bits, or (as the last box) with size 0. */
  readonly media?: "short" | "long" | "toTheEnd";
  /** Samples of a chunk, tracks taking turns; 4 unless given. */
  readonly samplesPerChunk?: number;
  /** Boxes behind `ftyp`, in front of `mdat` and at the end of the file. */
  readonly boxesInFront?: readonly Uint8Array[];
  readonly boxesBeforeMedia?: readonly Uint8Array[];
  readonly boxesBehind?: readonly Uint8Array[];
  /** More boxes of `moov`. */
  readonly headerBoxes?: readonly Uint8Array[];
  /** False: the file has no `ftyp`. */
  readonly hasFileType?: boolean;
}

export interface BuiltMovie {
  readonly file: Uint8Array;
  /** For each track the position of each sample. */
  readonly positions: readonly (readonly number[])[];
}

export const FILE_TYPE = box("ftyp", ascii("isom"), u32(0x200), ascii("isomiso2avc1mp41"));

/** Content of a sample: different from sample to sample, and never the start of a box. */
export const sampleBytes = (plan: SamplePlan, track: number, index: number): Uint8Array =>
  typeof plan.data === "number"
    ? Uint8Array.from({ length: plan.data }, (_, at) => 0x80 | ((track * 31 + index * 7 + at) & 0x7f))
    : plan.data;

interface Chunk {
  readonly track: number;
  readonly first: number;
  readonly end: number;
  /** From the start of the media data. */
  readonly start: number;
}

const planChunks = (plan: MoviePlan): { chunks: readonly Chunk[]; data: Uint8Array } => {
  const perChunk = plan.samplesPerChunk ?? 4;
  const chunks: Chunk[] = [];
  const parts: Uint8Array[] = [];
  let position = 0;
  for (let round = 0; plan.tracks.some((track) => round * perChunk < track.samples.length); round++) {
    plan.tracks.forEach((track, index) => {
      // One chunk holds samples of one entry only.
      let first = round * perChunk;
      const stop = Math.min(track.samples.length, first + perChunk);
      while (first < stop) {
        let end = first;
        const start = position;
        while (end < stop && (track.samples[end]?.entry ?? 0) === (track.samples[first]?.entry ?? 0)) {
          const sample = track.samples[end];
          const bytes = sample === undefined ? zeros(0) : sampleBytes(sample, index, end);
          parts.push(bytes);
          position += bytes.length;
          end++;
        }
        chunks.push({ track: index, first, end, start });
        first = end;
      }
    });
  }
  return { chunks, data: concat(...parts) };
};

export const buildMovie = (plan: MoviePlan): BuiltMovie => {
  const { chunks, data } = planChunks(plan);
  const front = concat(plan.hasFileType === false ? zeros(0) : FILE_TYPE, ...(plan.boxesInFront ?? []));
  const before = concat(...(plan.boxesBeforeMedia ?? []));
  const behind = concat(...(plan.boxesBehind ?? []));
  const headerAt = (mediaStart: number): Uint8Array => movieBox(plan, chunks, mediaStart, []);
  const mediaHeader = mediaHeaderOf(plan.media ?? "short", data.length);
  const headerBytes = plan.header === "last" ? 0 : headerAt(0).length;
  const mediaStart = front.length + headerBytes + before.length + mediaHeader.length;
  const header = headerAt(mediaStart);
  const file =
    plan.header === "last"
      ? concat(front, before, mediaHeader, data, header, behind)
      : concat(front, header, before, mediaHeader, data, behind);
  return { file, positions: positionsOf(plan, chunks, mediaStart) };
};

const positionsOf = (plan: MoviePlan, chunks: readonly Chunk[], mediaStart: number): readonly (readonly number[])[] =>
  plan.tracks.map((track, index) =>
    chunks
      .filter((chunk) => chunk.track === index)
      .flatMap((chunk) => {
        let position = mediaStart + chunk.start;
        return track.samples.slice(chunk.first, chunk.end).map((sample) => {
          const at = position;
          position += sizeOf(sample);
          return at;
        });
      }),
  );

const mediaHeaderOf = (form: "short" | "long" | "toTheEnd", byteCount: number): Uint8Array => {
  if (form === "long") return concat(u32(1), ascii("mdat"), u64(16 + byteCount));
  return concat(u32(form === "short" ? 8 + byteCount : 0), ascii("mdat"));
};

const sizeOf = (sample: SamplePlan): number => (typeof sample.data === "number" ? sample.data : sample.data.length);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const trackSeconds = (track: TrackPlan): number =>
  sum(track.samples.map((sample) => sample.duration)) / track.timescale;

const IDENTITY = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const MATRICES: Readonly<Record<number, readonly number[]>> = {
  0: IDENTITY,
  90: [0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000],
  180: [0xffff0000, 0, 0, 0, 0xffff0000, 0, 0, 0, 0x40000000],
  270: [0, 0xffff0000, 0, 0x10000, 0, 0, 0, 0, 0x40000000],
};

const movieBox = (
  plan: MoviePlan,
  chunks: readonly Chunk[],
  mediaStart: number,
  more: readonly Uint8Array[],
): Uint8Array => {
  const timescale = plan.timescale ?? 1000;
  const duration = Math.round(Math.max(0, ...plan.tracks.map(trackSeconds)) * timescale);
  const mvhd = fullBox(
    "mvhd",
    0,
    0,
    u32(0, 0, timescale, duration, 0x10000),
    u16(0x100),
    zeros(10),
    u32(...IDENTITY),
    zeros(24),
    u32(plan.tracks.length + 1),
  );
  const traks = plan.tracks.map((track, index) =>
    trackBox(
      track,
      index,
      timescale,
      chunks.filter((chunk) => chunk.track === index),
      mediaStart,
      plan.hasLongOffsets === true,
    ),
  );
  return box("moov", mvhd, ...traks, ...more, ...(plan.headerBoxes ?? []));
};

const idOf = (track: TrackPlan, index: number): number => track.id ?? index + 1;

const trackBox = (
  track: TrackPlan,
  index: number,
  movieTimescale: number,
  chunks: readonly Chunk[],
  mediaStart: number,
  hasLongOffsets: boolean,
): Uint8Array => {
  const tkhd = fullBox(
    "tkhd",
    0,
    track.isEnabled === false ? 0 : 3,
    u32(0, 0, idOf(track, index), 0, Math.round(trackSeconds(track) * movieTimescale)),
    zeros(8),
    u32(0),
    u16(track.handler === "soun" ? 0x100 : 0),
    zeros(2),
    u32(...(MATRICES[track.rotationDegrees ?? 0] ?? IDENTITY)),
    u32((track.widthPixels ?? 0) * 65_536, (track.heightPixels ?? 0) * 65_536),
  );
  const edits = track.edits === undefined ? [] : [box("edts", editBox(track.edits, track.hasLongEdits === true))];
  return box("trak", tkhd, ...edits, mediaBox(track, chunks, mediaStart, hasLongOffsets), ...(track.trackBoxes ?? []));
};

const editBox = (edits: readonly EditPlan[], isLong: boolean): Uint8Array =>
  fullBox(
    "elst",
    isLong ? 1 : 0,
    0,
    u32(edits.length),
    ...edits.flatMap((edit) => [
      isLong ? u64(edit.duration) : u32(edit.duration),
      isLong ? i64(edit.mediaTime) : i32(edit.mediaTime),
      u32(0x10000),
    ]),
  );

const packedLanguage = (language: string): number =>
  [...language].reduce((code, letter) => code * 32 + (letter.charCodeAt(0) - 0x60), 0);

const mediaBox = (
  track: TrackPlan,
  chunks: readonly Chunk[],
  mediaStart: number,
  hasLongOffsets: boolean,
): Uint8Array => {
  const duration = sum(track.samples.map((sample) => sample.duration));
  const mdhd = fullBox(
    "mdhd",
    0,
    0,
    u32(0, 0, track.timescale, duration),
    u16(packedLanguage(track.language ?? "und")),
    zeros(2),
  );
  const hdlr = fullBox("hdlr", 0, 0, u32(0), ascii(track.handler), zeros(12), ascii("test\0"));
  const kindHeader =
    track.handler === "vide"
      ? fullBox("vmhd", 0, 1, zeros(8))
      : track.handler === "soun"
        ? fullBox("smhd", 0, 0, u32(0))
        : fullBox("nmhd", 0, 0);
  const dref = fullBox("dref", 0, 0, u32(1), track.dataReference ?? fullBox("url ", 0, 1));
  const stbl = sampleTableBox(track, chunks, mediaStart, hasLongOffsets);
  return box("mdia", mdhd, hdlr, box("minf", kindHeader, box("dinf", dref), stbl));
};

/** Runs of equal values. */
const runsOf = (values: readonly number[]): readonly { count: number; value: number }[] => {
  const runs: { count: number; value: number }[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.value === value) last.count++;
    else runs.push({ count: 1, value });
  }
  return runs;
};

const sampleTableBox = (
  track: TrackPlan,
  chunks: readonly Chunk[],
  mediaStart: number,
  hasLongOffsets: boolean,
): Uint8Array => {
  const { samples } = track;
  const durations = runsOf(samples.map((sample) => sample.duration));
  const offsets = runsOf(samples.map((sample) => sample.offset ?? 0));
  const syncs = samples.flatMap((sample, index) => (sample.isSync === false ? [] : [index + 1]));
  const hasSyncTable = track.syncTable === "always" || syncs.length < samples.length;
  const hasOffsets = offsets.some((run) => run.value !== 0);
  const signed = track.compositionVersion ?? (offsets.some((run) => run.value < 0) ? 1 : 0);
  return box(
    "stbl",
    fullBox("stsd", 0, 0, u32(track.entries.length), ...track.entries),
    fullBox("stts", 0, 0, u32(durations.length), ...durations.flatMap((run) => [u32(run.count, run.value)])),
    ...(hasOffsets
      ? [fullBox("ctts", signed, 0, u32(offsets.length), ...offsets.flatMap((run) => [u32(run.count), i32(run.value)]))]
      : []),
    ...(hasSyncTable ? [fullBox("stss", 0, 0, u32(syncs.length, ...syncs))] : []),
    chunkBox(track, chunks),
    sizeBox(track),
    hasLongOffsets
      ? fullBox("co64", 0, 0, u32(chunks.length), ...chunks.map((chunk) => u64(mediaStart + chunk.start)))
      : fullBox("stco", 0, 0, u32(chunks.length, ...chunks.map((chunk) => mediaStart + chunk.start))),
    ...(track.tableBoxes ?? []),
  );
};

const chunkBox = (track: TrackPlan, chunks: readonly Chunk[]): Uint8Array => {
  const rows: { chunk: number; count: number; entry: number }[] = [];
  chunks.forEach((chunk, index) => {
    const count = chunk.end - chunk.first;
    const entry = (track.samples[chunk.first]?.entry ?? 0) + 1;
    const last = rows.at(-1);
    if (last?.count !== count || last.entry !== entry) rows.push({ chunk: index + 1, count, entry });
  });
  return fullBox("stsc", 0, 0, u32(rows.length), ...rows.map((row) => u32(row.chunk, row.count, row.entry)));
};

const sizeBox = (track: TrackPlan): Uint8Array => {
  const sizes = track.samples.map(sizeOf);
  if (track.narrowSizeBits === undefined) {
    const isConstant = sizes.length > 0 && sizes.every((size) => size === sizes[0] && size > 0);
    return isConstant
      ? fullBox("stsz", 0, 0, u32(sizes[0] ?? 0, sizes.length))
      : fullBox("stsz", 0, 0, u32(0, sizes.length, ...sizes));
  }
  const bits = track.narrowSizeBits;
  const packed =
    bits === 16
      ? sizes.map(u16)
      : bits === 8
        ? sizes.map((size) => u8(size))
        : Array.from({ length: Math.ceil(sizes.length / 2) }, (_, pair) =>
            u8((sizes[pair * 2] ?? 0) * 16 + (sizes[pair * 2 + 1] ?? 0)),
          );
  return fullBox("stz2", 0, 0, zeros(3), u8(bits), u32(sizes.length), ...packed);
};

export interface FragmentPlan {
  /** Samples of each track in one fragment; 4 unless given. */
  readonly samplesPerFragment?: number;
  /** How a run names its place; `moof` (default-base-is-moof) unless given. */
  readonly base?: "moof" | "absolute" | "implied";
  /** A `sidx` behind the header that names all fragments. */
  readonly hasIndex?: boolean;
  /** An `mfra` at the end. */
  readonly hasRandomAccess?: boolean;
  /** Decode time of the first fragment of each track; 0 unless given. */
  readonly firstTimes?: readonly number[];
  /** Whether fragments say when they begin; true unless given. */
  readonly hasTimes?: boolean;
}

/** The same movie in fragments: the header names no samples. */
export const buildFragmentedMovie = (plan: MoviePlan, fragmentation: FragmentPlan = {}): BuiltMovie => {
  const empty = plan.tracks.map((track): TrackPlan => ({ ...track, samples: [], syncTable: "auto" }));
  const mvex = box(
    "mvex",
    ...plan.tracks.map((track, index) => fullBox("trex", 0, 0, u32(idOf(track, index), 1, 0, 0, 0))),
  );
  const front = concat(
    plan.hasFileType === false ? zeros(0) : FILE_TYPE,
    ...(plan.boxesInFront ?? []),
    movieBox({ ...plan, tracks: empty }, [], 0, [mvex]),
  );
  const indexBytes = fragmentation.hasIndex === true ? segmentIndex(plan, fragmentation, []).length : 0;
  const positions: number[][] = plan.tracks.map(() => []);
  const fragments = fragmentsOf(plan, fragmentation, front.length + indexBytes, positions);
  const index =
    fragmentation.hasIndex === true
      ? segmentIndex(
          plan,
          fragmentation,
          fragments.map((fragment) => fragment.length),
        )
      : zeros(0);
  const starts = fragments.map(
    (_, at) => front.length + index.length + sum(fragments.slice(0, at).map((f) => f.length)),
  );
  const randomAccess = fragmentation.hasRandomAccess === true ? randomAccessBox(plan, starts) : zeros(0);
  const file = concat(front, index, ...fragments, ...(plan.boxesBehind ?? []), randomAccess);
  return { file, positions };
};

const fragmentCount = (plan: MoviePlan, perFragment: number): number =>
  Math.max(...plan.tracks.map((track) => Math.ceil(track.samples.length / perFragment)));

const segmentIndex = (plan: MoviePlan, fragmentation: FragmentPlan, sizes: readonly number[]): Uint8Array => {
  const count = fragmentCount(plan, fragmentation.samplesPerFragment ?? 4);
  const first = plan.tracks[0];
  const rows = Array.from({ length: count }, (_, index) => u32(sizes[index] ?? 0, 1, 0x90000000));
  return fullBox(
    "sidx",
    0,
    0,
    u32(first === undefined ? 1 : idOf(first, 0), first?.timescale ?? 1, 0, 0),
    u16(0),
    u16(count),
    ...rows,
  );
};

const randomAccessBox = (plan: MoviePlan, starts: readonly number[]): Uint8Array => {
  const first = plan.tracks[0];
  const tfra = fullBox(
    "tfra",
    0,
    0,
    u32(first === undefined ? 1 : idOf(first, 0), 0, starts.length),
    ...starts.map((start, index) => concat(u32(index, start), u8(1, 1, 1))),
  );
  const mfraBytes = 8 + tfra.length + 16;
  return box("mfra", tfra, fullBox("mfro", 0, 0, u32(mfraBytes)));
};

const fragmentsOf = (
  plan: MoviePlan,
  fragmentation: FragmentPlan,
  firstPosition: number,
  positions: readonly number[][],
): readonly Uint8Array[] => {
  const perFragment = fragmentation.samplesPerFragment ?? 4;
  const fragments: Uint8Array[] = [];
  let position = firstPosition;
  for (let number = 0; number < fragmentCount(plan, perFragment); number++) {
    const build = (dataStart: number): Uint8Array =>
      movieFragment(plan, fragmentation, number, perFragment, position, dataStart);
    const moofBytes = build(0).length;
    const dataStart = position + moofBytes + 8;
    const data = plan.tracks.flatMap((track, index) =>
      track.samples
        .slice(number * perFragment, (number + 1) * perFragment)
        .map((sample, at) => sampleBytes(sample, index, number * perFragment + at)),
    );
    let at = dataStart;
    plan.tracks.forEach((track, index) => {
      for (const sample of track.samples.slice(number * perFragment, (number + 1) * perFragment)) {
        positions[index]?.push(at);
        at += sizeOf(sample);
      }
    });
    const fragment = concat(build(dataStart), box("mdat", ...data));
    fragments.push(fragment);
    position += fragment.length;
  }
  return fragments;
};

const movieFragment = (
  plan: MoviePlan,
  fragmentation: FragmentPlan,
  number: number,
  perFragment: number,
  moofStart: number,
  dataStart: number,
): Uint8Array => {
  let start = dataStart;
  const base = fragmentation.base ?? "moof";
  const trafs = plan.tracks.flatMap((track, index) => {
    const first = number * perFragment;
    const samples = track.samples.slice(first, first + perFragment);
    if (samples.length === 0) return [];
    const at = start;
    start += sum(samples.map(sizeOf));
    const time =
      (fragmentation.firstTimes?.[index] ?? 0) + sum(track.samples.slice(0, first).map((sample) => sample.duration));
    const isFirst = at === dataStart;
    const flags = base === "absolute" ? 0x1 : base === "moof" ? 0x20000 : 0;
    const tfhd = fullBox("tfhd", 0, flags, u32(idOf(track, index)), base === "absolute" ? u64(at) : zeros(0));
    const tfdt = fragmentation.hasTimes === false ? [] : [fullBox("tfdt", 1, 0, u64(time))];
    // Where the base is implied, that of a later track is the end of the data in front of it.
    const offset = base === "absolute" ? 0 : base === "implied" && !isFirst ? 0 : at - moofStart;
    return [box("traf", tfhd, ...tfdt, runBox(samples, offset))];
  });
  return box("moof", fullBox("mfhd", 0, 0, u32(number + 1)), ...trafs);
};

const runBox = (samples: readonly SamplePlan[], dataOffset: number): Uint8Array =>
  fullBox(
    "trun",
    1,
    0xf01,
    u32(samples.length),
    i32(dataOffset),
    ...samples.flatMap((sample) => [
      u32(sample.duration, sizeOf(sample), sample.isSync === false ? 0x1010000 : 0x2000000),
      i32(sample.offset ?? 0),
    ]),
  );
