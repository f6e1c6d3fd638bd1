import { encodeFields } from "./hpack/encoder.ts";

/** Where the body of an answer ends; `close`: with the last of its bytes, before which none says so. */
export type AnswerFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** A head of the engine as an HTTP/2 field section. */
export interface AnswerSection {
  readonly status: number;
  /** Flat, `:status` first, names in lower case; nothing that speaks of a connection (RFC 9113 8.2.2). */
  readonly fields: readonly string[];
  /** Of the answer to any request but a HEAD. */
  readonly framing: AnswerFraming;
}

/** Such a section as it is sent; the block means the same on every connection. */
export interface AnswerHead {
  readonly status: number;
  readonly block: Buffer;
  readonly framing: AnswerFraming;
}

const OF_A_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Where the three digits stand in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;

const END_OF_HEAD = Buffer.from("\r\n\r\n", "latin1");

/** Length of the head in front of `data`; -1 when its end is not there. */
export const findHeadEnd = (data: Buffer): number => {
  const at = data.indexOf(END_OF_HEAD);
  return at < 0 ? -1 : at + END_OF_HEAD.length;
};

/** `text` is a whole head as the engine writes them. */
export const translateAnswerHead = (text: string): AnswerSection => {
  const status = Number(text.slice(STATUS_AT, STATUS_AT + 3));
  const fields = [":status", String(status)];
  let framing: AnswerFraming = { kind: "close" };
  let start = text.indexOf("\r\n") + 2;
  for (let end = text.indexOf("\r\n", start); end > start; end = text.indexOf("\r\n", start)) {
    const colon = text.indexOf(":", start);
    if (colon > start && colon < end) {
      const name = text.slice(start, colon).toLowerCase();
      const value = withoutBlanks(text, colon + 1, end);
      if (name === "transfer-encoding") framing = { kind: "chunked" };
      if (name === "content-length" && framing.kind === "close") framing = { kind: "length", bytes: Number(value) };
      if (!OF_A_CONNECTION.has(name)) fields.push(name, value);
    }
    start = end + 2;
  }
  return { status, fields, framing: hasNoBody(status) ? { kind: "none" } : framing };
};

/** Those that HTTP knows: among all that a text may have, the last byte of a character may be one. */
const withoutBlanks = (text: string, from: number, to: number): string => {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
};

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 205 || status === 304;

interface Translated {
  readonly bytes: Buffer;
  readonly head: AnswerHead;
}

/** Translations that are kept; a power of two. */
const KEPT_HEADS = 1024;

/** Bytes in which the heads of different responses differ: behind the status line, at some distance from each other. */
const SAMPLE_START = 20;
const SAMPLE_END = 230;
const SAMPLE_STEP = 7;

/** Heads that were sent before. Those of a prepared response are the same bytes again, but for the second of its Date. */
export class AnswerHeads {
  /** By a few of its bytes: another head with the same ones takes the place. */
  readonly #known: (Translated | undefined)[] = [];

  /** Of `data`, which begins with a head; undefined where its end is not there. */
  of(data: Buffer): { readonly head: AnswerHead; readonly headBytes: number } | undefined {
    const place = placeOf(data);
    const known = this.#known[place];
    if (known !== undefined && startsWith(data, known.bytes)) {
      return { head: known.head, headBytes: known.bytes.length };
    }
    const headBytes = findHeadEnd(data);
    if (headBytes < 0) return undefined;
    const { status, fields, framing } = translateAnswerHead(data.toString("latin1", 0, headBytes));
    const head: AnswerHead = { status, block: encodeFields(fields), framing };
    this.#known[place] = { bytes: Buffer.from(data.subarray(0, headBytes)), head };
    return { head, headBytes };
  }
}

const placeOf = (data: Buffer): number => {
  let hash = data.length;
  const end = Math.min(SAMPLE_END, data.length);
  for (let at = SAMPLE_START; at < end; at += SAMPLE_STEP) hash = (Math.imul(hash, 31) + (data[at] ?? 0)) | 0;
  return hash & (KEPT_HEADS - 1);
};

const startsWith = (data: Buffer, bytes: Buffer): boolean =>
  data.length >= bytes.length && data.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
