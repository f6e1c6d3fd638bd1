import type { MediaFacts } from "./mediaScanner.ts";
import { MAX_HEADER_BYTES, NOTHING_KNOWN, rateOf, type Step, type Steps } from "./steps.ts";

/** A box of ISO/IEC 14496-12; `end` is infinite for one that ends with a file of unknown length. */
interface Box {
  readonly type: number;
  readonly contentStart: number;
  readonly end: number;
}

const typeCode = (name: string): number => [...name].reduce((code, letter) => code * 256 + letter.charCodeAt(0), 0);

const MOOV = typeCode("moov");
const MDAT = typeCode("mdat");
const MVHD = typeCode("mvhd");
const MVEX = typeCode("mvex");
const MEHD = typeCode("mehd");

const HEADER_BYTES = 8;
const LARGE_HEADER_BYTES = 16;

/** Boxes of a file, or within one box, at most: what is looked for stands among the first. */
const MOST_BOXES = 256;

/** Undefined when there is none that fits. */
function* readBox(start: number, limit: number, facts?: MediaFacts): Generator<Step, Box | undefined, DataView> {
  if (start + HEADER_BYTES > limit) return undefined;
  const short = yield { start, length: HEADER_BYTES, ...(facts === undefined ? {} : { facts }) };
  const type = short.getUint32(4);
  let size = short.getUint32(0);
  let headerBytes = HEADER_BYTES;
  if (size === 1) {
    if (start + LARGE_HEADER_BYTES > limit) return undefined;
    headerBytes = LARGE_HEADER_BYTES;
    const long = yield { start, length: LARGE_HEADER_BYTES };
    size = Number(long.getBigUint64(8));
  } else if (size === 0) {
    return { type, contentStart: start + headerBytes, end: limit };
  }
  if (size < headerBytes || start + size > limit || !Number.isSafeInteger(start + size)) return undefined;
  return { type, contentStart: start + headerBytes, end: start + size };
}

/** What `mvhd` says, or where that says nothing `mehd` of a file in fragments; seconds. */
function* readDuration(movie: Box, facts: MediaFacts): Generator<Step, number | undefined, DataView> {
  let timescale = 0;
  let start = movie.contentStart;
  for (let count = 0; count < MOST_BOXES; count++) {
    const box: Box | undefined = yield* readBox(start, movie.end, facts);
    if (box === undefined) return undefined;
    if (box.type === MVHD) {
      const length = yield* fullBoxIsLong(box);
      const content = yield { start: box.contentStart, length: length ? 32 : 20 };
      timescale = content.getUint32(length ? 20 : 12);
      if (timescale === 0) return undefined;
      const units = length ? Number(content.getBigUint64(24)) : content.getUint32(16);
      if (units > 0 && !isUnknown(units, length)) return units / timescale;
    }
    if (box.type === MVEX && timescale > 0) return yield* readFragmentDuration(box, timescale);
    start = box.end;
  }
  return undefined;
}

function* readFragmentDuration(extension: Box, timescale: number): Generator<Step, number | undefined, DataView> {
  let start = extension.contentStart;
  for (let count = 0; count < MOST_BOXES; count++) {
    const box: Box | undefined = yield* readBox(start, extension.end);
    if (box === undefined) return undefined;
    if (box.type === MEHD) {
      const isLong = yield* fullBoxIsLong(box);
      const content = yield { start: box.contentStart, length: isLong ? 12 : 8 };
      const units = isLong ? Number(content.getBigUint64(4)) : content.getUint32(4);
      return units > 0 && !isUnknown(units, isLong) ? units / timescale : undefined;
    }
    start = box.end;
  }
  return undefined;
}

/** Whether the fields of a full box that may have 64 bits do. */
function* fullBoxIsLong(box: Box): Generator<Step, boolean, DataView> {
  const content = yield { start: box.contentStart, length: 1 };
  return content.getUint8(0) === 1;
}

/** All bits set. */
const isUnknown = (units: number, isLong: boolean): boolean => units === (isLong ? 2 ** 64 : 2 ** 32 - 1);

/** MP4 and M4A. The header in front counts only if nothing of sound or picture stands before its end. */
export function* readMovie(totalBytes: number): Steps {
  const limit = totalBytes < 0 ? Number.POSITIVE_INFINITY : totalBytes;
  let start = 0;
  let isInFront = true;
  let mediaBytes = 0;
  for (let count = 0; count < MOST_BOXES; count++) {
    const box: Box | undefined = yield* readBox(start, limit, isInFront ? undefined : NOTHING_KNOWN);
    if (box === undefined) return undefined;
    if (box.type === MOOV && box.end !== Number.POSITIVE_INFINITY) {
      const headerBytes = isInFront && box.end <= MAX_HEADER_BYTES ? box.end : 0;
      const seconds = yield* readDuration(box, { headerBytes, bytesPerSecond: undefined });
      const isMeasured = seconds !== undefined && totalBytes >= 0;
      const bytesPerSecond = isMeasured ? rateOf(isInFront ? totalBytes - box.end : mediaBytes, seconds) : undefined;
      return { headerBytes, bytesPerSecond };
    }
    if (box.type === MDAT) mediaBytes += box.end - box.contentStart;
    if (box.type === MDAT || box.end > MAX_HEADER_BYTES) isInFront = false;
    if (box.end === Number.POSITIVE_INFINITY) return undefined;
    start = box.end;
  }
  return undefined;
}
