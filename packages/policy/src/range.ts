import type { VhostOptions } from "@basalt/config";
import { type ByteRange, parseEntityTag, parseHttpDate, parseRange, resolveRanges, strongMatch } from "@basalt/http";
import type { SelectedRepresentation } from "./conditional.ts";

export type RangeDecision =
  | { readonly kind: "full" }
  /** One range, or several in the order asked for (multipart/byteranges, HTTP-31). */
  | { readonly kind: "partial"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "unsatisfiable" };

/** Default of `<MultiRangeCount>`: with more ranges the whole representation is the answer (RFC 9110 14.2). */
export const MAX_RANGES = 16;
/** Overlaps that a well-meaning client may produce. */
const MAX_OVERLAPS = 2;

const FULL: RangeDecision = { kind: "full" };
const UNSATISFIABLE: RangeDecision = { kind: "unsatisfiable" };

/**
 * What part of a complete 200 of `sizeBytes` a GET gets (HTTP-29 to HTTP-31). A malformed Range is ignored (OPEN 10).
 * Ranges that overlap more than twice, or together exceed the representation, get all of it instead.
 */
export const decideRange = (
  rangeField: string | undefined,
  ifRangeField: string | undefined,
  stored: SelectedRepresentation,
  sizeBytes: number,
  options: Pick<VhostOptions, "ifRange">,
  mostRanges = MAX_RANGES,
): RangeDecision => {
  if (rangeField === undefined || stored.status !== 200) return FULL;
  if (options.ifRange && ifRangeField !== undefined && !isCurrent(ifRangeField, stored)) return FULL;
  const asked = parseRange(rangeField);
  if (asked === undefined || asked.length > mostRanges) return FULL;
  const ranges = resolveRanges(asked, sizeBytes);
  if (ranges.length === 0) return UNSATISFIABLE;
  if (ranges.length > 1 && isExcessive(ranges, sizeBytes)) return FULL;
  return { kind: "partial", ranges };
};

/** If-Range compares strongly: weak tags never match, dates only when equal (RFC 9110 13.1.5). */
const isCurrent = (ifRange: string, stored: SelectedRepresentation): boolean => {
  const wanted = parseEntityTag(ifRange);
  if (wanted !== undefined) {
    const own = stored.etag === undefined ? undefined : parseEntityTag(stored.etag);
    return own !== undefined && strongMatch(wanted, own);
  }
  const dateMs = parseHttpDate(ifRange);
  return dateMs !== undefined && dateMs === stored.lastModifiedMs;
};

const isExcessive = (ranges: readonly ByteRange[], sizeBytes: number): boolean => {
  const inOrder = ranges.toSorted((left, right) => left.start - right.start);
  let totalBytes = 0;
  let overlaps = 0;
  let coveredTo = 0;
  for (const range of inOrder) {
    totalBytes += range.end - range.start;
    if (range.start < coveredTo) overlaps++;
    coveredTo = Math.max(coveredTo, range.end);
  }
  return totalBytes > sizeBytes || overlaps > MAX_OVERLAPS;
};
