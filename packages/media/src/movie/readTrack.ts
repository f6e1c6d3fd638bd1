import {
  type Box,
  boxesIn,
  bytesOf,
  childOf,
  requireContent,
  rowCount,
  safeUint64,
  typeCode,
  typeName,
} from "./box.ts";
import { MOST_SAMPLE_ENTRIES } from "./limits.ts";
import { MalformedMovie, malformed } from "./malformed.ts";
import { type EntryFacts, entriesOf, type MediaHandler, readEntry } from "./readCodec.ts";
import { readSampleTable } from "./readSampleTable.ts";
import { EMPTY_TABLE, type SampleTable } from "./sampleTable.ts";

const TKHD = typeCode("tkhd");
const EDTS = typeCode("edts");
const ELST = typeCode("elst");
const MDIA = typeCode("mdia");
const MDHD = typeCode("mdhd");
const HDLR = typeCode("hdlr");
const MINF = typeCode("minf");
const DINF = typeCode("dinf");
const DREF = typeCode("dref");
const STBL = typeCode("stbl");
const STSD = typeCode("stsd");

/** What the edit list says, in the units that it is written in. */
export interface Edits {
  /** Empty time in front, units of the movie. */
  readonly emptyUnits: number;
  /** Media time of the first edit that is not empty, units of the track. */
  readonly mediaStartUnits: number;
  /** Length of all edits, units of the movie; 0: not said. */
  readonly totalUnits: number;
}

export interface TrackHeader {
  readonly box: Box;
  readonly id: number;
  readonly kind: MediaHandler;
  readonly isEnabled: boolean;
  readonly timescale: number;
  readonly language: string;
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly rotationDegrees: 0 | 90 | 180 | 270;
  readonly edits: Edits | undefined;
  /** Sample entries, positions in the view. */
  readonly entries: readonly Box[];
  readonly table: SampleTable;
  /** Four characters of the first sample entry. */
  readonly firstEntry: string;
  /** The samples are not in this file. */
  readonly isElsewhere: boolean;
}

/**
 * `trak`. Throws MalformedMovie for sound or picture that cannot be read; a track of another kind then has no samples.
 * Undefined without an id.
 */
export const readTrack = (view: DataView, trak: Box, mostSamples: number): TrackHeader | undefined => {
  const tkhd = childOf(view, trak, TKHD);
  if (tkhd === undefined) return undefined;
  const shown = readTrackHeader(view, tkhd);
  if (shown.id === 0) return undefined;
  const other: TrackHeader = { ...EMPTY_TRACK, ...shown, box: trak };
  const mdia = childOf(view, trak, MDIA);
  const hdlr = mdia === undefined ? undefined : childOf(view, mdia, HDLR);
  if (mdia === undefined || hdlr === undefined) return other;
  const kind = readKind(view, hdlr);
  try {
    return readMedia(view, mdia, kind, other, readEdits(view, trak), mostSamples);
  } catch (error) {
    const isUnread = error instanceof MalformedMovie || error instanceof RangeError;
    if (isUnread && (kind === "text" || kind === "other")) return other;
    throw error;
  }
};

const readMedia = (
  view: DataView,
  mdia: Box,
  kind: MediaHandler,
  other: TrackHeader,
  edits: Edits | undefined,
  mostSamples: number,
): TrackHeader => {
  const mdhd = childOf(view, mdia, MDHD) ?? malformed("no media header");
  const minf = childOf(view, mdia, MINF) ?? malformed("no media information");
  const stbl = childOf(view, minf, STBL) ?? malformed("no sample table");
  const stsd = childOf(view, stbl, STSD) ?? malformed("no sample entries");
  const entries = entriesOf(view, stsd, MOST_SAMPLE_ENTRIES);
  const media = { ...other, ...readMediaHeader(view, mdhd), edits, entries };
  const first = entries[0] ?? malformed("no sample entry");
  const facts = entries.map((entry) => readEntry(bytesOf(view, entry.start, entry.end), kind));
  const isElsewhere = lieElsewhere(view, minf, entries);
  const isForeign = isElsewhere || facts.some((entry) => entry.isEncrypted);
  const table = isElsewhere ? EMPTY_TABLE : readSampleTable(view, stbl, mostSamples);
  return {
    ...media,
    ...shownSize(other, facts[0]),
    kind: isForeign ? "other" : kind,
    table,
    firstEntry: typeName(first.type),
    isElsewhere,
  };
};

const EMPTY_TRACK: Omit<TrackHeader, "box"> = {
  id: 0,
  kind: "other",
  isEnabled: false,
  timescale: 1,
  language: "und",
  widthPixels: 0,
  heightPixels: 0,
  rotationDegrees: 0,
  edits: undefined,
  entries: [],
  table: EMPTY_TABLE,
  firstEntry: "",
  isElsewhere: false,
};

type ShownTrack = Pick<TrackHeader, "id" | "isEnabled" | "widthPixels" | "heightPixels" | "rotationDegrees">;

const readTrackHeader = (view: DataView, box: Box): ShownTrack => {
  requireContent(box, 4);
  const isLong = view.getUint8(box.contentStart) === 1;
  requireContent(box, isLong ? 96 : 84);
  const matrix = box.contentStart + (isLong ? 52 : 40);
  return {
    id: view.getUint32(box.contentStart + (isLong ? 20 : 12)),
    isEnabled: (view.getUint8(box.contentStart + 3) & 1) === 1,
    widthPixels: Math.round(view.getUint32(matrix + 36) / 65_536),
    heightPixels: Math.round(view.getUint32(matrix + 40) / 65_536),
    rotationDegrees: rotationOf(view.getInt32(matrix), view.getInt32(matrix + 4)),
  };
};

/** By where the matrix turns the horizontal to, to the nearest quarter. */
const rotationOf = (a: number, b: number): 0 | 90 | 180 | 270 => {
  if (Math.abs(a) >= Math.abs(b)) return a < 0 ? 180 : 0;
  return b > 0 ? 90 : 270;
};

/** The size of the pictures counts where the entry says how their pixels are shaped, else that of the track. */
const shownSize = (
  track: ShownTrack,
  entry: EntryFacts | undefined,
): { readonly widthPixels: number; readonly heightPixels: number } => {
  const { widthPixels, heightPixels } = track;
  if (entry === undefined || entry.widthPixels === 0 || entry.heightPixels === 0) return { widthPixels, heightPixels };
  if (entry.pixelAspect === undefined && widthPixels > 0 && heightPixels > 0) return { widthPixels, heightPixels };
  return {
    widthPixels: Math.round(entry.widthPixels * (entry.pixelAspect ?? 1)),
    heightPixels: entry.heightPixels,
  };
};

const HANDLERS: Readonly<Record<string, MediaHandler>> = {
  vide: "video",
  soun: "audio",
  text: "text",
  sbtl: "text",
  subt: "text",
};

const readKind = (view: DataView, box: Box): MediaHandler => {
  requireContent(box, 12);
  return HANDLERS[typeName(view.getUint32(box.contentStart + 8))] ?? "other";
};

const readMediaHeader = (view: DataView, box: Box): Pick<TrackHeader, "timescale" | "language"> => {
  requireContent(box, 4);
  const isLong = view.getUint8(box.contentStart) === 1;
  requireContent(box, isLong ? 34 : 22);
  const timescale = view.getUint32(box.contentStart + (isLong ? 20 : 12));
  if (timescale === 0) malformed("a track has no timescale");
  return { timescale, language: languageOf(view.getUint16(box.contentStart + (isLong ? 32 : 20))) };
};

/** Three letters of five bits; QuickTime's numbers of languages are not known. */
const languageOf = (code: number): string => {
  const letters = [10, 5, 0].map((shift) => ((code >> shift) & 31) + 0x60);
  return letters.every((letter) => letter >= 0x61 && letter <= 0x7a) ? String.fromCharCode(...letters) : "und";
};

const readEdits = (view: DataView, trak: Box): Edits | undefined => {
  const edts = childOf(view, trak, EDTS);
  const elst = edts === undefined ? undefined : childOf(view, edts, ELST);
  if (elst === undefined) return undefined;
  requireContent(elst, 8);
  const isLong = view.getUint8(elst.contentStart) === 1;
  const rowBytes = isLong ? 20 : 12;
  const rows = rowCount(view, elst, elst.contentStart + 4, rowBytes);
  let emptyUnits = 0;
  let totalUnits = 0;
  let mediaStartUnits: number | undefined;
  for (let row = 0; row < rows; row++) {
    const position = elst.contentStart + 8 + row * rowBytes;
    const units = isLong ? (safeUint64(view, position) ?? 0) : view.getUint32(position);
    const start = isLong ? Number(view.getBigInt64(position + 8)) : view.getInt32(position + 4);
    totalUnits += units;
    if (mediaStartUnits !== undefined) continue;
    if (start < 0) emptyUnits += units;
    else mediaStartUnits = Number.isSafeInteger(start) ? start : 0;
  }
  return mediaStartUnits === undefined ? undefined : { emptyUnits, mediaStartUnits, totalUnits };
};

/**
 * Whether the data reference of an entry names another file: those that name this one have flag 1 set. The references are
 * gone through once, since both they and the entries may be many.
 */
const lieElsewhere = (view: DataView, minf: Box, entries: readonly Box[]): boolean => {
  const dinf = childOf(view, minf, DINF);
  const dref = dinf === undefined ? undefined : childOf(view, dinf, DREF);
  const whole = entries.filter((entry) => entry.end - entry.start >= 16);
  const wanted = new Set(whole.map((entry) => Math.max(1, view.getUint16(entry.start + 14))));
  if (dref === undefined || wanted.size === 0) return false;
  requireContent(dref, 8);
  const last = Math.max(...wanted);
  let index = 0;
  for (const reference of boxesIn(view, dref.contentStart + 8, dref.end)) {
    if (++index > last) return false;
    const isLong = reference.end - reference.contentStart >= 4;
    if (wanted.has(index) && isLong && (view.getUint8(reference.contentStart + 3) & 1) === 0) return true;
  }
  return false;
};
