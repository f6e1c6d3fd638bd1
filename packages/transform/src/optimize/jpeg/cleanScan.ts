import { MARKER } from "./segments.ts";
import { unsound } from "./unsound.ts";

/** Zeros behind the data: a block read beyond the end stays within them, so that the end is checked per block only. */
const PADDING_BYTES = 512;

/** Entropy-coded data without stuffed zeros and without markers. */
export interface CleanScan {
  readonly data: Uint8Array;
  readonly view: DataView<ArrayBuffer>;
  /** Positions in bytes where the restart intervals end. */
  readonly intervalEnds: readonly number[];
}

/** `restarts`: whether RST markers may occur; they have to count up from RST0. */
export const cleanScan = (source: Uint8Array, start: number, end: number, restarts: boolean): CleanScan => {
  const data = new Uint8Array(end - start + PADDING_BYTES);
  const intervalEnds: number[] = [];
  let length = 0;
  let from = start;
  let at = indexOfMark(source, start, end);
  while (at < end) {
    const next = source[at + 1] ?? 0;
    if (at + 1 >= end || next === 0xff) {
      // Fill bytes in front of a marker, or an 0xff cut off at the end of the file.
      data.set(source.subarray(from, at), length);
      length += at - from;
      from = at + 1;
    } else if (next === 0) {
      data.set(source.subarray(from, at + 1), length);
      length += at + 1 - from;
      from = at + 2;
    } else {
      if (!restarts || next !== MARKER.RST0 + (intervalEnds.length & 7)) unsound("restart marker out of order");
      data.set(source.subarray(from, at), length);
      length += at - from;
      intervalEnds.push(length);
      from = at + 2;
    }
    at = indexOfMark(source, next === 0xff ? at + 1 : at + 2, end);
  }
  if (from < end) {
    data.set(source.subarray(from, end), length);
    length += end - from;
  }
  intervalEnds.push(length);
  return { data, view: new DataView(data.buffer), intervalEnds };
};

const indexOfMark = (source: Uint8Array, from: number, end: number): number => {
  const found = source.indexOf(0xff, from);
  return found === -1 || found > end ? end : found;
};
