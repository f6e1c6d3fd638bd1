import { randomBytes } from "node:crypto";
import type { ByteRange } from "@basalt/http";

const BOUNDARY_BYTES = 15;
const CONTENT_TYPE_LINE = /\r\nContent-Type:[ \t]*([^\r]*)/i;

/** A multipart/byteranges body (RFC 9110 14.6) without the bytes of its ranges. */
export interface MultipartFrame {
  /** Whole lines for the head: Content-Type and Content-Length. */
  readonly fields: string;
  /** What goes in front of each range, in the order of the ranges. */
  readonly openings: readonly Buffer[];
  /** What goes behind the last range. */
  readonly closing: Buffer;
  /** Of the whole body, ranges included. */
  readonly totalBytes: number;
}

/** 120 random bits: the boundary occurs in no body, unless its author could foresee them. */
export const randomBoundary = (): string => randomBytes(BOUNDARY_BYTES).toString("base64url");

/** `contentType` is that of the whole representation, which each part repeats; undefined where it has none. */
export const frameMultipart = (
  ranges: readonly ByteRange[],
  totalBytes: number,
  contentType: string | undefined,
  boundary: string,
): MultipartFrame => {
  const typeLine = contentType === undefined ? "" : `Content-Type: ${contentType}\r\n`;
  const openings = ranges.map(({ start, end }, index) => {
    const delimiter = `${index === 0 ? "" : "\r\n"}--${boundary}\r\n`;
    return Buffer.from(
      `${delimiter}${typeLine}Content-Range: bytes ${start}-${end - 1}/${totalBytes}\r\n\r\n`,
      "latin1",
    );
  });
  const closing = Buffer.from(`\r\n--${boundary}--\r\n`, "latin1");
  let length = closing.length;
  for (const opening of openings) length += opening.length;
  for (const { start, end } of ranges) length += end - start;
  const fields = `Content-Type: multipart/byteranges; boundary=${boundary}\r\nContent-Length: ${length}\r\n`;
  return { fields, openings, closing, totalBytes: length };
};

/** The body of a frame as one buffer, for bodies that lie in memory; `read` gives the bytes of a range. */
export const assembleMultipart = (
  frame: MultipartFrame,
  ranges: readonly ByteRange[],
  read: (range: ByteRange) => Buffer,
): Buffer => {
  const pieces: Buffer[] = [];
  for (const [index, range] of ranges.entries()) {
    const opening = frame.openings[index];
    if (opening !== undefined) pieces.push(opening);
    pieces.push(read(range));
  }
  return Buffer.concat([...pieces, frame.closing]);
};

/**
 * Makes of a 206 head that has no framing lines yet the head of a multipart answer: the Content-Type moves into the
 * parts, that of the message and the Content-Length come in.
 */
export const multipartHead = (
  head: Buffer,
  ranges: readonly ByteRange[],
  totalBytes: number,
  boundary = randomBoundary(),
): { readonly head: Buffer; readonly frame: MultipartFrame } => {
  const text = head.toString("latin1");
  const contentType = CONTENT_TYPE_LINE.exec(text)?.[1];
  const frame = frameMultipart(ranges, totalBytes, contentType, boundary);
  const rest = text.replace(CONTENT_TYPE_LINE, "");
  const fieldsFrom = rest.indexOf("\r\n") + 2;
  return {
    head: Buffer.from(rest.slice(0, fieldsFrom) + frame.fields + rest.slice(fieldsFrom), "latin1"),
    frame,
  };
};
