import {
  CHUNK_DONE,
  CHUNK_REJECTED,
  createChunkedDecoder,
  createRequestHeadParser,
  FIELD,
  type HeadLimits,
  PARSE_NEED_MORE,
  PARSE_REJECTED,
  type Rejection,
  type RequestHeadParser,
} from "../../src/index.ts";
import type { Reading } from "./reading.ts";

export const FUZZ_LIMITS: HeadLimits = { targetBytes: 2048, headBytes: 8192, fieldCount: 64 };

const rejected = (rejection: Rejection | undefined): Reading => {
  if (rejection === undefined) throw new Error("rejected without saying why");
  return { kind: "rejected", rejection };
};

const readBody = (
  parser: RequestHeadParser,
  bytes: Buffer,
  headLength: number,
  pieceEnds: readonly number[],
): Reading => {
  const head = {
    kind: "accepted",
    method: parser.methodName,
    target: parser.target,
    minorVersion: parser.minorVersion,
    fields: parser.fields.toFlatArray(),
  } as const;
  if ((parser.fields.flags & FIELD.CHUNKED) === 0) {
    const length = headLength + Math.max(0, parser.fields.contentLength);
    if (length > bytes.length) return { kind: "incomplete" };
    return { ...head, body: bytes.toString("latin1", headLength, length), trailers: [], length };
  }
  const decoder = createChunkedDecoder(FUZZ_LIMITS);
  let body = "";
  let position = headLength;
  for (const end of pieceEnds) {
    if (end <= position) continue;
    const state = decoder.decode(bytes, position, end, (buffer, from, to) => {
      body += buffer.toString("latin1", from, to);
    });
    position = decoder.position;
    if (state === CHUNK_REJECTED) return rejected(decoder.rejection);
    if (state === CHUNK_DONE) return { ...head, body, trailers: decoder.trailers, length: position };
  }
  return { kind: "incomplete" };
};

/**
 * Reads bytes that arrive in pieces, the last of which ends at the end. Every call gets a fresh copy that is wiped
 * afterwards: a parser that kept a reference to it would give wrong text.
 */
export const readInPieces = (
  bytes: Buffer,
  pieceEnds: readonly number[],
  parser: RequestHeadParser = createRequestHeadParser(FUZZ_LIMITS),
): Reading => {
  for (const [index, end] of pieceEnds.entries()) {
    const arrived = Buffer.from(bytes.subarray(0, end));
    const behind = parser.parse(arrived, 0, end);
    arrived.fill(0);
    if (behind === PARSE_REJECTED) return rejected(parser.rejection);
    if (behind !== PARSE_NEED_MORE) return readBody(parser, bytes, behind, pieceEnds.slice(index));
  }
  return { kind: "incomplete" };
};

export const readWithBasalt = (bytes: Buffer): Reading => readInPieces(bytes, [bytes.length]);

export const readByteByByte = (bytes: Buffer): Reading =>
  readInPieces(
    bytes,
    Array.from(bytes, (_, index) => index + 1),
  );
