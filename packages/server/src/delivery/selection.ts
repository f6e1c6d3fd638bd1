import type { ByteRange } from "@basalt/http";
import { assembleMultipart, type MultipartFrame, multipartHead } from "./multipart.ts";

interface Answer {
  readonly status: number;
  /** The whole head, framing included. */
  readonly head: Buffer;
}

/** What of a body a response carries: one run of it, or several as multipart/byteranges (HTTP-31). */
export type Selection =
  | (Answer & { readonly kind: "run"; readonly part: ByteRange })
  | (Answer & {
      readonly kind: "multipart";
      readonly frame: MultipartFrame;
      readonly ranges: readonly ByteRange[];
    });

/** All of a body under the head given. */
export const selectWhole = (status: number, head: Buffer, bodyBytes: number): Selection => ({
  kind: "run",
  status,
  head,
  part: { start: 0, end: bodyBytes },
});

/**
 * The 206 with the ranges that can be satisfied; a single one that is left of several is no multipart (RFC 9110
 * 15.3.7.2). `makeHead` makes its head with the whole lines of framing given.
 */
export const selectRanges = (
  ranges: readonly ByteRange[],
  totalBytes: number,
  makeHead: (framing: string) => Buffer,
): Selection => {
  const [part] = ranges;
  if (part !== undefined && ranges.length === 1) {
    return { kind: "run", status: 206, head: makeHead(rangeLines(part, totalBytes)), part };
  }
  return { kind: "multipart", status: 206, ranges, ...multipartHead(makeHead(""), ranges, totalBytes) };
};

/** The body of the response out of a body that lies in memory. */
export const selectedBytes = (selection: Selection, whole: Buffer): Buffer => {
  const read = ({ start, end }: ByteRange): Buffer => whole.subarray(start, end);
  return selection.kind === "run" ? read(selection.part) : assembleMultipart(selection.frame, selection.ranges, read);
};

/** The parts of the body that the response needs, in the order in which they are sent. */
export const rangesOf = (selection: Selection): readonly ByteRange[] =>
  selection.kind === "run" ? [selection.part] : selection.ranges;

/** Of the response that carries it. */
export const contentLengthOf = (selection: Selection): number =>
  selection.kind === "run" ? selection.part.end - selection.part.start : selection.frame.totalBytes;

const rangeLines = (part: ByteRange, totalBytes: number): string =>
  `Content-Range: bytes ${part.start}-${part.end - 1}/${totalBytes}\r\nContent-Length: ${part.end - part.start}\r\n`;
