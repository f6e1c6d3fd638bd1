import type { VhostOptions } from "@basalt/config";
import {
  type EntityTag,
  FIELD,
  type FieldBlock,
  METHOD,
  type Method,
  parseEntityTag,
  parseEntityTagList,
  parseHttpDate,
  strongMatch,
  weakMatch,
} from "@basalt/http";

/** What a client's validators are compared with: the stored response as this server shows it. */
export interface SelectedRepresentation {
  readonly status: number;
  /** The ETag sent to clients (HTTP-18, HTTP-19); undefined when none is sent. */
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  /** Stands for a Last-Modified that is missing, under `rfc9111` (RFC 9111 4.3.2). */
  readonly dateMs?: number | undefined;
}

/** Fields of a request as far as conditions need them. */
export type ConditionalFields = Pick<FieldBlock, "flags" | "get">;

export type ConditionalOutcome = "full" | "notModified" | "preconditionFailed";

const ANY_CONDITION = FIELD.IF_MATCH | FIELD.IF_UNMODIFIED_SINCE | FIELD.IF_NONE_MATCH | FIELD.IF_MODIFIED_SINCE;

/**
 * Precedence of RFC 9110 13.2.2. The guide departs from it twice: with both If-None-Match and If-Modified-Since sent,
 * one of the two matching suffices for 304 (HTTP-28), and under `orlater` a date gives no 304 for the response that fills
 * the cache (`firstCaching`; HTTP-27).
 */
export const decideConditional = (
  method: Method,
  fields: ConditionalFields,
  stored: SelectedRepresentation,
  options: Pick<VhostOptions, "lastModifiedCheck" | "cachingProfile">,
  firstCaching = false,
): ConditionalOutcome => {
  const byGuide = options.cachingProfile === "guide";
  if ((fields.flags & ANY_CONDITION) === 0 || stored.status < 200 || stored.status > 299) return "full";

  const ifMatch = fields.get("if-match");
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, stored.etag, strongMatch)) return "preconditionFailed";
  } else if (isModifiedSince(fields.get("if-unmodified-since"), stored.lastModifiedMs)) {
    return "preconditionFailed";
  }

  if (method !== METHOD.GET && method !== METHOD.HEAD) return "full";
  const ifNoneMatch = fields.get("if-none-match");
  if (ifNoneMatch !== undefined) {
    if (listMatches(ifNoneMatch, stored.etag, weakMatch)) return "notModified";
    if (!byGuide) return "full";
  }
  const ifModifiedSince = fields.get("if-modified-since");
  if (ifModifiedSince === undefined) return "full";
  if (!byGuide && stored.lastModifiedMs === undefined) {
    return isUnchanged(ifModifiedSince, stored.dateMs, true) ? "notModified" : "full";
  }
  const orLater = options.lastModifiedCheck === "orlater";
  if (byGuide && orLater && firstCaching) return "full";
  return isUnchanged(ifModifiedSince, stored.lastModifiedMs, orLater) ? "notModified" : "full";
};

const listMatches = (
  list: string,
  etag: string | undefined,
  matches: (left: EntityTag, right: EntityTag) => boolean,
): boolean => {
  if (list === etag && matches === weakMatch) return true;
  const wanted = parseEntityTagList(list);
  if (wanted === "*") return true;
  const own = etag === undefined ? undefined : parseEntityTag(etag);
  return own !== undefined && wanted.some((tag) => matches(tag, own));
};

/** False when either moment is unknown: such a condition is ignored (RFC 9110 13.1.4). */
const isModifiedSince = (field: string | undefined, lastModifiedMs: number | undefined): boolean => {
  const limitMs = field === undefined ? undefined : parseHttpDate(field);
  return limitMs !== undefined && lastModifiedMs !== undefined && lastModifiedMs > limitMs;
};

const isUnchanged = (field: string, lastModifiedMs: number | undefined, orLater: boolean): boolean => {
  const knownMs = parseHttpDate(field);
  if (knownMs === undefined || lastModifiedMs === undefined) return false;
  return orLater ? knownMs >= lastModifiedMs : knownMs === lastModifiedMs;
};
