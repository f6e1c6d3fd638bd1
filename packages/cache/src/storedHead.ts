import { getField, parseHttpDate } from "@basalt/http";
import { fieldText, parseFieldText } from "./fieldText.ts";

/**
 * What is kept of an origin's response beside its body. Written in front of the body, so that a location is all that
 * is needed to serve an object.
 */
export interface StoredHead {
  readonly url: string;
  /** Variant and selector (`variantText`); empty for the plain object. */
  readonly variant: string;
  /**
   * Which requests it may answer (RFC 9111 4.1): the names that its Vary makes count and a digest of their values, in
   * the form of `selectionOf`; empty: all.
   */
  readonly selection: string;
  readonly status: number;
  /** Flat, the fields kept for clients and for validation. */
  readonly fields: readonly string[];
  /** -1 while a chunked body is still arriving. */
  readonly bodyBytes: number;
  /** When this body was stored, epoch ms: constant over revalidations. */
  readonly storedAtMs: number;
  /** When the origin sent or last confirmed it, epoch ms, and its age then in seconds (RFC 9111 4.2.3). */
  readonly validatedAtMs: number;
  readonly initialAgeSeconds: number;
  /** Version under which this body was stored; derived objects name their source's. */
  readonly bodyVersion: number;
  /** For a derived object: the `bodyVersion` of what it was made of; 0 for all others. */
  readonly sourceVersion: number;
}

/** The numbers of a stored head, and where in the bytes its texts lie. */
export interface EncodedHead extends Omit<StoredHead, "url" | "fields"> {
  readonly encoded: Buffer;
  readonly urlStart: number;
  /** The field lines lie from here to the end, as clients get them. */
  readonly linesStart: number;
}

/**
 * Little-endian:
 *
 *     0  format version 2   1  length of the variant   2  status, 16 bit   4  length of the URL, 32 bit
 *     8  six doubles: length of the body, moment of storing, moment of the last confirmation, age then, version of the
 *        body, that of its source
 *    56  length of the selection, 32 bit
 *    60  variant, selection and URL in UTF-8, then each field as `Name: value` and CR LF, latin1
 */
const FORMAT_VERSION = 2;
const FIXED_BYTES = 60;
const LONGEST_VARIANT = 255;

export const encodeHead = (head: StoredHead): Buffer => {
  const variant = Buffer.from(head.variant, "utf8");
  if (variant.length > LONGEST_VARIANT) throw new RangeError("the name of the variant is too long");
  const urlBytes = Buffer.byteLength(head.url, "utf8");
  const selectionBytes = Buffer.byteLength(head.selection, "utf8");
  const lines = fieldText(head.fields);
  const linesStart = FIXED_BYTES + variant.length + selectionBytes + urlBytes;
  const encoded = Buffer.allocUnsafeSlow(linesStart + lines.length);
  encoded[0] = FORMAT_VERSION;
  encoded[1] = variant.length;
  encoded.writeUInt16LE(head.status, 2);
  encoded.writeUInt32LE(urlBytes, 4);
  encoded.writeDoubleLE(head.bodyBytes, 8);
  encoded.writeDoubleLE(head.storedAtMs, 16);
  encoded.writeDoubleLE(head.validatedAtMs, 24);
  encoded.writeDoubleLE(head.initialAgeSeconds, 32);
  encoded.writeDoubleLE(head.bodyVersion, 40);
  encoded.writeDoubleLE(head.sourceVersion, 48);
  encoded.writeUInt32LE(selectionBytes, 56);
  variant.copy(encoded, FIXED_BYTES);
  encoded.write(head.selection, FIXED_BYTES + variant.length, "utf8");
  encoded.write(head.url, FIXED_BYTES + variant.length + selectionBytes, "utf8");
  encoded.write(lines, linesStart, "latin1");
  return encoded;
};

/** Reads the numbers and leaves the texts as they are. Undefined when the bytes are not a head of ours. */
export const readHead = (encoded: Buffer): EncodedHead | undefined => {
  if (encoded.length < FIXED_BYTES || encoded[0] !== FORMAT_VERSION) return undefined;
  const variantEnd = FIXED_BYTES + (encoded[1] ?? 0);
  const urlStart = variantEnd + encoded.readUInt32LE(56);
  const linesStart = urlStart + encoded.readUInt32LE(4);
  if (linesStart > encoded.length) return undefined;
  const status = encoded.readUInt16LE(2);
  const bodyBytes = encoded.readDoubleLE(8);
  const storedAtMs = encoded.readDoubleLE(16);
  const validatedAtMs = encoded.readDoubleLE(24);
  const initialAgeSeconds = encoded.readDoubleLE(32);
  const bodyVersion = encoded.readDoubleLE(40);
  const sourceVersion = encoded.readDoubleLE(48);
  const isWhole = Number.isSafeInteger(bodyBytes) && Number.isSafeInteger(bodyVersion);
  if (!isWhole || !Number.isSafeInteger(sourceVersion) || bodyBytes < -1 || status < 100 || status > 999) {
    return undefined;
  }
  if (!Number.isFinite(storedAtMs) || !Number.isFinite(validatedAtMs) || !Number.isFinite(initialAgeSeconds)) {
    return undefined;
  }
  const variant = variantEnd === FIXED_BYTES ? "" : encoded.toString("utf8", FIXED_BYTES, variantEnd);
  const selection = urlStart === variantEnd ? "" : encoded.toString("utf8", variantEnd, urlStart);
  return {
    encoded,
    urlStart,
    linesStart,
    variant,
    selection,
    status,
    bodyBytes,
    storedAtMs,
    validatedAtMs,
    initialAgeSeconds,
    bodyVersion,
    sourceVersion,
  };
};

/** Undefined when the bytes are not a head of ours: the object is then absent, never an error. */
export const decodeHead = (encoded: Buffer): StoredHead | undefined => {
  const head = readHead(encoded);
  if (head === undefined) return undefined;
  const { urlStart, linesStart, encoded: _, ...numbers } = head;
  const fields = parseFieldText(encoded.toString("latin1", linesStart, encoded.length));
  return fields === undefined ? undefined : { ...numbers, url: encoded.toString("utf8", urlStart, linesStart), fields };
};

/** Last-Modified of a stored response, epoch ms. */
export const lastModifiedOf = (head: Pick<StoredHead, "fields">): number | undefined => {
  const value = getField(head.fields, "last-modified");
  return value === undefined ? undefined : parseHttpDate(value);
};
