import { ascii, box, fullBox, i32, i64, u8, u16, u32, u64, zeros } from "./boxBytes.ts";
import type { EditPlan, MoviePlan, SamplePlan, TrackPlan } from "./moviePlan.ts";

export const FILE_TYPE = box("ftyp", ascii("isom"), u32(0x200), ascii("isomiso2avc1mp41"));

export interface Chunk {
  readonly track: number;
  readonly first: number;
  readonly end: number;
  /** From the start of the media data. */
  readonly start: number;
}

export const sizeOf = (sample: SamplePlan): number =>
  typeof sample.data === "number" ? sample.data : sample.data.length;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const trackSeconds = (track: TrackPlan): number =>
  sum(track.samples.map((sample) => sample.duration)) / track.timescale;

const IDENTITY = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const MATRICES: Readonly<Record<number, readonly number[]>> = {
  0: IDENTITY,
  90: [0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000],
  180: [0xffff0000, 0, 0, 0, 0xffff0000, 0, 0, 0, 0x40000000],
  270: [0, 0xffff0000, 0, 0x10000, 0, 0, 0, 0, 0x40000000],
};

/** `moov`, with chunk positions counted from `mediaStart`. */
export const movieBox = (
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

export const idOf = (track: TrackPlan, index: number): number => track.id ?? index + 1;

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
