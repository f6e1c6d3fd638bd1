import type { OriginOptions } from "@basalt/config";
import { type ByteRange, formatHttpDate, getField, parseContentRange, parseEntityTag } from "@basalt/http";
import type { ResponseFacts } from "./contract.ts";
import { responseFacts } from "./facts.ts";

/** What must be equal for bytes of two responses to be of one representation (RFC 9110 8.8, 15.3.7.3). */
export interface Representation {
  readonly bodyBytes: number;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
}

/** Least age of a Last-Modified that identifies a representation: below it two changes may share one (RFC 9110 8.8.2.2). */
const STRONG_DATE_MS = 1000;

/**
 * Whether a response can be stored in parts that are fetched later or by another request: its length is known, it can
 * be told from later versions, and the origin did not rule ranges out. `bodyBytes` -1: unknown.
 */
export const canStoreInParts = (fields: readonly string[], facts: ResponseFacts, bodyBytes: number): boolean => {
  if (facts.status !== 200 || bodyBytes < 0) return false;
  if (getField(fields, "accept-ranges")?.trim().toLowerCase() === "none") return false;
  const tag = facts.etag === undefined ? undefined : parseEntityTag(facts.etag);
  if (tag !== undefined) return !tag.weak;
  const { lastModifiedMs, dateMs } = facts;
  return lastModifiedMs !== undefined && (dateMs === undefined || dateMs - lastModifiedMs >= STRONG_DATE_MS);
};

/** The Range field that asks for `[start, end)`. */
export const rangeFieldOf = ({ start, end }: ByteRange): string => `bytes=${start}-${end - 1}`;

/**
 * Fields that ask for `[start, end)` of a stored representation, flat. With `<IfRange>` the origin is asked to send the
 * whole where it has another one by now (ORG-47), which `judgePart` finds out either way.
 */
export const partRequestFields = (
  range: ByteRange,
  stored: Representation,
  options: Pick<OriginOptions, "ifRange">,
): string[] => {
  const fields = ["Range", rangeFieldOf(range)];
  const validator = options.ifRange ? strongValidatorOf(stored) : undefined;
  if (validator !== undefined) fields.push("If-Range", validator);
  return fields;
};

/** What If-Range may name (RFC 9110 13.1.5): `canStoreInParts` has seen to it that a date is strong. */
const strongValidatorOf = ({ etag, lastModifiedMs }: Representation): string | undefined => {
  if (etag !== undefined && parseEntityTag(etag)?.weak === false) return etag;
  return lastModifiedMs === undefined ? undefined : formatHttpDate(lastModifiedMs);
};

export type PartVerdict =
  /** 206 with these bytes, which begin where they were wanted. */
  | { readonly kind: "part"; readonly end: number }
  /** 200: the origin ignores ranges and sends everything. */
  | { readonly kind: "whole" }
  /** Another version than the one that is stored. */
  | { readonly kind: "changed" }
  /** Nothing that helps, now. */
  | { readonly kind: "unusable" };

/** What the answer to a request for bytes from `start` on of a stored representation brings. */
export const judgePart = (
  status: number,
  fields: readonly string[],
  start: number,
  stored: Representation,
): PartVerdict => {
  if (status === 416) return { kind: "changed" };
  if (status !== 200 && status !== 206) return { kind: "unusable" };
  if (!isSameVersion(responseFacts(status, fields), stored)) return { kind: "changed" };
  if (status === 200) {
    return getField(fields, "content-length") === String(stored.bodyBytes) ? { kind: "whole" } : { kind: "changed" };
  }
  const value = getField(fields, "content-range");
  const range = value === undefined ? undefined : parseContentRange(value);
  if (range?.kind !== "satisfied") return { kind: "unusable" };
  if (range.size !== undefined && range.size !== stored.bodyBytes) return { kind: "changed" };
  return range.range.start === start ? { kind: "part", end: range.range.end } : { kind: "unusable" };
};

/** At least one validator is there on both sides, and all that are agree. */
const isSameVersion = (facts: ResponseFacts, stored: Representation): boolean => {
  let agreeing = 0;
  if (facts.etag !== undefined && stored.etag !== undefined) {
    if (facts.etag !== stored.etag) return false;
    agreeing++;
  }
  if (facts.lastModifiedMs !== undefined && stored.lastModifiedMs !== undefined) {
    if (facts.lastModifiedMs !== stored.lastModifiedMs) return false;
    agreeing++;
  }
  return agreeing > 0;
};
