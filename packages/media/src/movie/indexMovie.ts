import type { SourcePiece } from "../contract.ts";
import { type Box, boxAt, boxesIn, childOf, requireContent, typeCode, viewOf } from "./box.ts";
import { totalOf } from "./columns.ts";
import { MOST_SAMPLES, MOST_TRACKS } from "./limits.ts";
import type { MovieLayout } from "./locateMovie.ts";
import { MalformedMovie, malformed } from "./malformed.ts";
import { IndexWriter } from "./memory.ts";
import { bytesAt } from "./pieces.ts";
import { type Placement, placementOf } from "./placement.ts";
import { FragmentReader } from "./readFragments.ts";
import { readTrack, type TrackHeader } from "./readTrack.ts";
import { constantRuns } from "./runs.ts";
import { EMPTY_TABLE, firstByteOf, fitTable, type SampleTable, totalBytesOf } from "./sampleTable.ts";
import { TRACK_KINDS, writeTrack } from "./writeTrack.ts";

const MVHD = typeCode("mvhd");
const TRAK = typeCode("trak");
const MVEX = typeCode("mvex");
const CMOV = typeCode("cmov");

export type MovieIndexing =
  | { readonly kind: "indexed"; readonly memory: SharedArrayBuffer }
  | { readonly kind: "unreadable"; readonly detail: string };

/** Samples may lie on one another, but not all of them: what is made of a file must not grow far beyond it. */
const MOST_TIMES_OF_FILE = 4;

/**
 * Reads header and fragments of a file into memory that all threads share; `openMovie` opens it. The pieces hold all
 * `ranges` of the layout. Never throws.
 */
export const indexMovie = (layout: MovieLayout, pieces: readonly SourcePiece[]): MovieIndexing => {
  try {
    const sorted = [...pieces].sort((left, right) => left.start - right.start);
    return { kind: "indexed", memory: readMovie(layout, sorted) };
  } catch (error) {
    if (error instanceof MalformedMovie) return { kind: "unreadable", detail: error.message };
    if (error instanceof RangeError) return { kind: "unreadable", detail: "a box is shorter than its content" };
    throw error;
  }
};

interface ReadTrack {
  readonly header: TrackHeader;
  readonly table: SampleTable;
  readonly placement: Placement;
}

const readMovie = (layout: MovieLayout, pieces: readonly SourcePiece[]): SharedArrayBuffer => {
  const bytes = bytesAt(pieces, layout.header) ?? malformed("the header is not at hand");
  const view = viewOf(bytes);
  const moov = boxAt(view, 0, bytes.length);
  const timescale = readTimescale(view, moov);
  const headers = readTracks(view, moov);
  const fragments = readFragments(view, moov, headers, layout, pieces);
  const whole = headers.map((header) =>
    withKnownEntries(header, fragments?.samplesOf(header.id)?.finish() ?? header.table),
  );
  const tables = whole.map((table) => fitTable(table, layout.fileBytes));
  const isTruncated = whole.some((table, index) => table.count !== tables[index]?.count);
  checkBytes(whole, tables, isTruncated, layout.fileBytes);
  const firstTimes = headers.map((header) => fragments?.samplesOf(header.id)?.firstTime ?? 0);
  const placements = placementOf(headers, tables, firstTimes, timescale, layout.isFragmented);
  const tracks = headers.map((header, index): ReadTrack => {
    const table = tables[index] ?? EMPTY_TABLE;
    return { header, table: withSoundSyncs(header, table), placement: placements[index] ?? malformed("no placement") };
  });
  const writer = new IndexWriter();
  writer.number(layout.fileBytes);
  writer.number(layout.isFragmented ? 1 : 0);
  writer.number(layout.endsEarly || isTruncated ? 1 : 0);
  writer.number(layout.header.start);
  writer.number(layout.header.end);
  writer.number(timescale);
  writer.number(durationOf(tracks));
  writer.number(Math.min(layout.fileBytes, ...tables.map(firstByteOf)));
  writer.column(layout.fileType === undefined ? NO_BYTES : (bytesAt(pieces, layout.fileType) ?? NO_BYTES));
  writer.column(bytes);
  writer.number(tracks.length);
  for (const track of tracks) writeReadTrack(writer, track);
  return writer.finish();
};

const NO_BYTES = new Uint8Array(0);

const readTimescale = (view: DataView, moov: Box): number => {
  if (childOf(view, moov, CMOV) !== undefined) malformed("the header is compressed");
  const mvhd = childOf(view, moov, MVHD) ?? malformed("no movie header");
  requireContent(mvhd, 4);
  const isLong = view.getUint8(mvhd.contentStart) === 1;
  requireContent(mvhd, isLong ? 32 : 20);
  const timescale = view.getUint32(mvhd.contentStart + (isLong ? 20 : 12));
  return timescale === 0 ? malformed("the movie has no timescale") : timescale;
};

const readTracks = (view: DataView, moov: Box): readonly TrackHeader[] => {
  const tracks: TrackHeader[] = [];
  let samplesLeft = MOST_SAMPLES;
  for (const trak of boxesIn(view, moov.contentStart, moov.end)) {
    if (trak.type !== TRAK) continue;
    if (tracks.length === MOST_TRACKS) malformed("too many tracks");
    const track = readTrack(view, trak, samplesLeft);
    if (track === undefined) continue;
    tracks.push(track);
    samplesLeft -= track.table.count;
  }
  return tracks;
};

const readFragments = (
  view: DataView,
  moov: Box,
  headers: readonly TrackHeader[],
  layout: MovieLayout,
  pieces: readonly SourcePiece[],
): FragmentReader | undefined => {
  if (!layout.isFragmented) return undefined;
  // Each of them would have all samples of the others.
  if (new Set(headers.map(({ id }) => id)).size < headers.length) malformed("two tracks have one number");
  const here = headers.filter((header) => !header.isElsewhere);
  const before = new Map(here.map((header) => [header.id, header.table]));
  const reader = new FragmentReader(view, childOf(view, moov, MVEX), before);
  for (const range of layout.fragments) {
    const bytes = bytesAt(pieces, range) ?? malformed("a fragment is not at hand");
    const moof = viewOf(bytes);
    reader.read(moof, boxAt(moof, 0, bytes.length), range.start);
  }
  return reader;
};

/** Sound and picture need an entry for each sample; another track has else no samples. */
const withKnownEntries = (header: TrackHeader, table: SampleTable): SampleTable => {
  if (table.entries.values.every((entry) => entry < header.entries.length)) return table;
  return header.kind === "video" || header.kind === "audio" ? malformed("a sample entry is missing") : EMPTY_TABLE;
};

/** Throws unless there are samples, and at least half of what the header names. */
const checkBytes = (
  whole: readonly SampleTable[],
  fitting: readonly SampleTable[],
  isTruncated: boolean,
  fileBytes: number,
): void => {
  const sum = (tables: readonly SampleTable[]): number =>
    tables.reduce((total, table) => total + totalBytesOf(table), 0);
  const present = sum(fitting);
  if (fitting.some((table) => !Number.isSafeInteger(totalOf(table.durations)))) malformed("a track never ends");
  if (fitting.every((table) => table.count === 0)) malformed("no samples");
  if (isTruncated && present * 2 < sum(whole)) malformed("more than half of the samples is missing");
  if (present > fileBytes * MOST_TIMES_OF_FILE) malformed("samples lie on one another");
};

const SELF_CONTAINED_SOUND: ReadonlySet<string> = new Set(["mp4a", ".mp3", "ac-3", "ec-3"]);

/** Each frame of these codecs can be decoded by itself, whatever flags a writer gave it. */
const withSoundSyncs = (header: TrackHeader, table: SampleTable): SampleTable =>
  header.kind === "audio" && SELF_CONTAINED_SOUND.has(header.firstEntry) && table.count > 0
    ? { ...table, syncs: constantRuns(table.count, 1) }
    : table;

const durationOf = (tracks: readonly ReadTrack[]): number =>
  tracks
    .filter(({ header }) => header.kind === "video" || header.kind === "audio")
    .reduce((longest, { placement }) => Math.max(longest, placement.shownSeconds), 0);

const writeReadTrack = (writer: IndexWriter, { header, table, placement }: ReadTrack): void =>
  writeTrack(
    writer,
    {
      ...header,
      kind: TRACK_KINDS.indexOf(header.kind),
      boxStart: header.box.start,
      boxEnd: header.box.end,
      mediaStartUnits: placement.mediaStartUnits,
      delayUnits: placement.delayUnits,
      entryBounds: header.entries.flatMap((entry) => [entry.start, entry.end]),
    },
    table,
  );
