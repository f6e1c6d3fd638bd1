import type { SourceRange } from "../contract.ts";
import { boxAt, childOf, safeUint64, typeCode, viewOf } from "./box.ts";
import { MOST_FRAGMENT_BYTES, MOST_HEADER_BYTES, MOST_TRACKS } from "./limits.ts";

/** Where in a file the boxes are that `indexMovie` reads. Plain data. */
export interface MovieLayout {
  readonly fileBytes: number;
  /** `ftyp`, where the file begins with it. */
  readonly fileType: SourceRange | undefined;
  /** `moov`. */
  readonly header: SourceRange;
  readonly isFragmented: boolean;
  /** A box says to be longer than the file is. */
  readonly endsEarly: boolean;
  /** Each `moof`, in the order of the file. */
  readonly fragments: readonly SourceRange[];
  /** Bytes that `indexMovie` wants: all of the above, sorted, with small gaps between them closed. */
  readonly ranges: readonly SourceRange[];
}

export interface LocateStep extends SourceRange {
  /** What is asked for next as far as it can be foreseen: to be fetched with this one, where that saves round trips. */
  readonly ahead?: readonly SourceRange[];
}

/** Boxes in front of `moov` at most: a hostile file must come to an end. */
const MOST_BOXES_BEFORE_HEADER = 4_096;
const MOST_BOXES = 2_000_000;

/** Looked at in one step: mostly a whole `moof` with the header of its `mdat`. */
const STEP_BYTES = 4_096;
const LARGEST_STEP_BYTES = 64 * 1024;

/** Fragments that are sought one by one. Of a file with more, the rest is asked for as a whole. */
const MOST_SINGLE_FRAGMENTS = 64;
const LARGEST_WALK_BYTES = 32 * 1024 * 1024;
const WALKS = 16;

/** Where an index names fragments so far apart, it pays to ask for their beginnings alone. */
const WORTH_SEEKING_BYTES = 2 * 1024 * 1024;
/** Of files with fewer no index is looked for. */
const FRAGMENTS_BEFORE_HINTS = 8;
/** Fragments of which the beginnings are foretold in one step. */
const AHEAD = 64;

/** Ranges with smaller gaps become one. */
const GAP_BYTES = 4_096;

const FTYP = typeCode("ftyp");
const MOOV = typeCode("moov");
const MOOF = typeCode("moof");
const MVEX = typeCode("mvex");
const SIDX = typeCode("sidx");
const MFRA = typeCode("mfra");
const TFRA = typeCode("tfra");
const MFRO = typeCode("mfro");

/** What a file may begin with. QuickTime files have no `ftyp`. */
const FIRST_TYPES: ReadonlySet<number> = new Set(
  ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "uuid", "styp", "sidx", "pdin"].map(typeCode),
);

type Steps<T> = Generator<LocateStep, T, Uint8Array>;

/**
 * Finds the header of an MP4 file of that length, and its fragments. Yields the ranges that it has to see, each at most
 * 64 KB, but for files of many fragments; ends with undefined for what is no such file, and on any input.
 */
export function* locateMovie(fileBytes: number): Steps<MovieLayout | undefined> {
  const window = new Window(fileBytes);
  const boxes = new Map<number, SourceRange>();
  let position = 0;
  for (let count = 0; !boxes.has(MOOV); count++) {
    const box: TopBox | undefined = yield* readTopBox(window, position);
    if (box === undefined || count === MOST_BOXES_BEFORE_HEADER) return undefined;
    if (count === 0 && !FIRST_TYPES.has(box.type)) return undefined;
    if (!boxes.has(box.type)) boxes.set(box.type, { start: box.start, end: box.end });
    position = box.end;
  }
  const header = boxes.get(MOOV);
  if (header === undefined || header.end - header.start > MOST_HEADER_BYTES) return undefined;
  const isFragmented = yield* namesFragments(window, header);
  const fragments = isFragmented ? yield* findFragments(window, header.end, boxes.get(SIDX)) : [];
  if (fragments === undefined) return undefined;
  const { endsEarly } = window;
  const fileType = fileTypeOf(boxes.get(FTYP));
  const ranges = mergeRanges([...(fileType === undefined ? [] : [fileType]), header, ...fragments]);
  return { fileBytes, fileType, header, isFragmented, endsEarly, fragments, ranges };
}

const fileTypeOf = (range: SourceRange | undefined): SourceRange | undefined =>
  range !== undefined && range.start === 0 && range.end <= LARGEST_STEP_BYTES ? range : undefined;

const nothing = (): readonly SourceRange[] => [];

/** The bytes that were seen last. */
class Window {
  readonly fileBytes: number;
  start = 0;
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Asked for at once; grows where a file has many fragments. */
  stepBytes = STEP_BYTES;
  /** What is asked for after a step that begins there. */
  ahead: (start: number) => readonly SourceRange[] = nothing;
  endsEarly = false;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  holds(start: number, end: number): boolean {
    return start >= this.start && end <= this.start + this.view.byteLength;
  }
}

/** Sees to it that the window holds the bytes; false at the end of the file. */
function* see(window: Window, start: number, byteCount: number): Steps<boolean> {
  if (start < 0 || start + byteCount > window.fileBytes) return false;
  if (window.holds(start, start + byteCount)) return true;
  const end = Math.min(window.fileBytes, start + Math.max(byteCount, window.stepBytes));
  const ahead = window.ahead(start);
  const bytes = yield ahead.length === 0 ? { start, end } : { start, end, ahead };
  window.start = start;
  window.view = viewOf(bytes);
  return window.holds(start, start + byteCount);
}

interface TopBox extends SourceRange {
  readonly type: number;
  readonly contentStart: number;
}

/** Undefined at the end of the file, and for a box of a wrong size; one that is cut off ends with the file. */
function* readTopBox(window: Window, start: number, limit = window.fileBytes): Steps<TopBox | undefined> {
  if (start + 8 > limit || !(yield* see(window, start, 8))) return undefined;
  const type = window.view.getUint32(start - window.start + 4);
  let size = window.view.getUint32(start - window.start);
  let headerBytes = 8;
  if (size === 0) return { type, start, contentStart: start + 8, end: limit };
  if (size === 1) {
    if (!(yield* see(window, start, 16))) return undefined;
    size = safeUint64(window.view, start - window.start + 8) ?? 0;
    headerBytes = 16;
  }
  if (size < headerBytes) return undefined;
  if (start + size > limit) {
    // A download that broke off: of media data a part will do.
    window.endsEarly = true;
    if (type === MOOV || type === MOOF) return undefined;
  }
  return { type, start, contentStart: start + headerBytes, end: Math.min(limit, start + size) };
}

/** Whether `moov` has an `mvex`. */
function* namesFragments(window: Window, header: SourceRange): Steps<boolean> {
  window.ahead = () => [header];
  let position = header.start + 8;
  let found = false;
  if ((yield* see(window, header.start, 8)) && window.view.getUint32(header.start - window.start) === 1) position += 8;
  for (let count = 0; !found && count < MOST_TRACKS + 64; count++) {
    const box: TopBox | undefined = yield* readTopBox(window, position, header.end);
    if (box === undefined) break;
    found = box.type === MVEX;
    position = box.end;
  }
  window.ahead = nothing;
  return found;
}

/** Each `moof` behind the header; undefined for too many. */
function* findFragments(
  window: Window,
  start: number,
  indexInFront: SourceRange | undefined,
): Steps<readonly SourceRange[] | undefined> {
  const fragments: SourceRange[] = [];
  let fragmentBytes = 0;
  let position = start;
  let sidx = indexInFront;
  let hints: readonly number[] = [];
  for (let count = 0; count < MOST_BOXES; count++) {
    const box: TopBox | undefined = yield* readTopBox(window, position);
    if (box === undefined) break;
    if (box.type === SIDX) sidx ??= box;
    if (box.type === MOOF) {
      fragments.push({ start: box.start, end: box.end });
      fragmentBytes += box.end - box.start;
      if (fragmentBytes > MOST_FRAGMENT_BYTES) return undefined;
      if (fragments.length === FRAGMENTS_BEFORE_HINTS) {
        hints = yield* readHints(window, sidx);
        window.ahead = foretelling(hints, window.fileBytes);
      }
      if (fragments.length === MOST_SINGLE_FRAGMENTS && !pays(hints, window.fileBytes)) {
        window.ahead = nothing;
        widen(window, position);
      }
    }
    position = box.end;
  }
  window.ahead = nothing;
  return fragments;
}

const widen = (window: Window, position: number): void => {
  const share = Math.ceil((window.fileBytes - position) / WALKS);
  window.stepBytes = Math.max(LARGEST_STEP_BYTES, Math.min(LARGEST_WALK_BYTES, share));
};

const pays = (hints: readonly number[], fileBytes: number): boolean =>
  hints.length > 0 && fileBytes / hints.length > WORTH_SEEKING_BYTES;

/** To be asked with ascending positions. */
const foretelling = (hints: readonly number[], fileBytes: number): ((position: number) => readonly SourceRange[]) => {
  let next = 0;
  return (position) => {
    while (next < hints.length && (hints[next] ?? 0) <= position) next++;
    return hints.slice(next, next + AHEAD).map((start) => ({ start, end: Math.min(fileBytes, start + STEP_BYTES) }));
  };
};

/**
 * Where fragments begin according to `sidx` in front or `mfra` at the end, ascending; none where neither is there. It is
 * only foretold by them: what counts is what stands there.
 */
function* readHints(window: Window, sidx: SourceRange | undefined): Steps<readonly number[]> {
  const kept = { start: window.start, view: window.view };
  window.ahead = nothing;
  const byIndex: number[] = [];
  if (sidx !== undefined) yield* readSegmentIndex(window, sidx, 0, { indexes: MOST_INDEXES, starts: byIndex });
  const hints = byIndex.length > 1 ? byIndex : yield* readRandomAccess(window);
  window.start = kept.start;
  window.view = kept.view;
  return [...new Set(hints)].sort((left, right) => left - right);
}

/** Levels of indexes that name indexes. */
const MOST_INDEX_LEVELS = 3;
/** Of all levels together: indexes may name one another as often as they like. */
const MOST_INDEXES = 256;
const MOST_HINTS = 65_536;

interface Hinted {
  indexes: number;
  readonly starts: number[];
}

function* readSegmentIndex(window: Window, range: SourceRange, level: number, hinted: Hinted): Steps<void> {
  if (range.end - range.start > LARGEST_STEP_BYTES || level === MOST_INDEX_LEVELS) return;
  if (range.end - range.start < 32 || !(yield* see(window, range.start, range.end - range.start))) return;
  const { view } = window;
  let position = range.start - window.start;
  const end = range.end - window.start;
  const isLong = view.getUint8(position + 8) === 1;
  position += isLong ? 28 : 20;
  if (position + (isLong ? 20 : 12) > end) return;
  const offset = isLong ? (safeUint64(view, position + 8) ?? 0) : view.getUint32(position + 4);
  position += isLong ? 16 : 8;
  const count = Math.min(view.getUint16(position + 2), Math.floor((end - position - 4) / 12));
  position += 4;
  let start = range.end + offset;
  const { starts } = hinted;
  const indexes: number[] = [];
  for (
    let index = 0;
    index < count && starts.length < MOST_HINTS && start < window.fileBytes;
    index++, position += 12
  ) {
    const word = view.getUint32(position);
    const size = word % 2 ** 31;
    if (word < 2 ** 31) starts.push(start);
    else indexes.push(start);
    start += size;
  }
  for (const at of indexes) {
    if (hinted.indexes-- <= 0) return;
    const box: TopBox | undefined = yield* readTopBox(window, at);
    if (box?.type === SIDX) yield* readSegmentIndex(window, box, level + 1, hinted);
  }
}

function* readRandomAccess(window: Window): Steps<readonly number[]> {
  const tail = window.fileBytes - 16;
  if (!(yield* see(window, Math.max(0, tail + 16 - STEP_BYTES), Math.min(window.fileBytes, STEP_BYTES)))) return [];
  if (tail < window.start || window.view.getUint32(tail - window.start + 4) !== MFRO) return [];
  const byteCount = window.view.getUint32(tail - window.start + 12);
  if (byteCount < 24 || byteCount > LARGEST_STEP_BYTES) return [];
  const start = window.fileBytes - byteCount;
  if (!(yield* see(window, start, byteCount))) return [];
  return readRandomAccessTables(window.view, start - window.start, start - window.start + byteCount);
}

const readRandomAccessTables = (view: DataView, start: number, end: number): readonly number[] => {
  try {
    const mfra = boxAt(view, start, end);
    const tfra = mfra.type === MFRA ? childOf(view, mfra, TFRA) : undefined;
    if (tfra === undefined || tfra.end - tfra.contentStart < 16) return [];
    const isLong = view.getUint8(tfra.contentStart) === 1;
    const widths = view.getUint32(tfra.contentStart + 8);
    const numberBytes = 3 + ((widths >> 4) & 3) + ((widths >> 2) & 3) + (widths & 3);
    const rowBytes = (isLong ? 16 : 8) + numberBytes;
    const rows = Math.min(
      view.getUint32(tfra.contentStart + 12),
      Math.floor((tfra.end - tfra.contentStart - 16) / rowBytes),
    );
    const starts: number[] = [];
    for (let row = 0; row < rows; row++) {
      const position = tfra.contentStart + 16 + row * rowBytes;
      starts.push(isLong ? (safeUint64(view, position + 8) ?? 0) : view.getUint32(position + 4));
    }
    return starts;
  } catch {
    return [];
  }
};

/** Sorted, and one range where the gap between two is small. */
const mergeRanges = (ranges: readonly SourceRange[]): readonly SourceRange[] => {
  const merged: SourceRange[] = [];
  for (const range of [...ranges].sort((left, right) => left.start - right.start)) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end + GAP_BYTES)
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else merged.push({ start: range.start, end: range.end });
  }
  return merged;
};
