import { getField, parseHttpDate } from "@basalt/http";
import { internText } from "./internText.ts";

/**
 * What is kept of an origin's response beside its body. Written in front of the body, so that a location is all that
 * is needed to serve an object.
 */
export interface StoredHead {
  readonly url: string;
  /** Cache key variant; empty for the plain object. */
  readonly variant: string;
  readonly status: number;
  /** Flat, the fields kept for clients and for validation. */
  readonly fields: readonly string[];
  /** -1 while a chunked body is still arriving. */
  readonly bodyBytes: number;
  /** When this body was stored, epoch ms: constant over revalidations. */
  readonly storedAtMs: number;
  /** Age on arrival in seconds (RFC 9111 4.2.3). */
  readonly initialAgeSeconds: number;
  /** Version under which this body was stored; derived objects name their source's. */
  readonly bodyVersion: number;
  /** For a derived object: the `bodyVersion` of what it was made of; 0 for all others. */
  readonly sourceVersion: number;
}

export const encodeHead = (head: StoredHead): Buffer => Buffer.from(JSON.stringify(head), "utf8");

/** Undefined when the bytes are not a head of ours: the object is then absent, never an error. */
export const decodeHead = (encoded: Buffer): StoredHead | undefined => {
  try {
    const value: unknown = JSON.parse(encoded.toString("utf8"));
    return isStoredHead(value) ? { ...value, fields: value.fields.map(internText) } : undefined;
  } catch {
    return undefined;
  }
};

const isStoredHead = (value: unknown): value is StoredHead => {
  if (typeof value !== "object" || value === null) return false;
  if (!("url" in value && "variant" in value && "status" in value && "fields" in value && "bodyBytes" in value)) {
    return false;
  }
  return (
    typeof value.url === "string" &&
    typeof value.variant === "string" &&
    typeof value.status === "number" &&
    typeof value.bodyBytes === "number" &&
    Array.isArray(value.fields) &&
    value.fields.every((text: unknown) => typeof text === "string")
  );
};

/** Last-Modified of a stored response, epoch ms. */
export const lastModifiedOf = (head: StoredHead): number | undefined => {
  const value = getField(head.fields, "last-modified");
  return value === undefined ? undefined : parseHttpDate(value);
};
