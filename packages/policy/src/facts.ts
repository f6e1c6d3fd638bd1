import {
  type CacheControl,
  FIELD,
  type FieldBlock,
  getField,
  type Method,
  parseCacheControl,
  parseEntityTag,
  parseHttpDate,
  parseSurrogateControl,
  parseTargetedCacheControl,
  parseVary,
} from "@basalt/http";
import type { RequestFacts, ResponseFacts } from "./contract.ts";

/**
 * `fields`: flat, as received or as stored. `receivedAtMs` stands for a Date that is missing or invalid (RFC 9110
 * 6.6.1), without which Expires and heuristics give no lifetime.
 */
export const responseFacts = (status: number, fields: readonly string[], receivedAtMs?: number): ResponseFacts => {
  const etag = getField(fields, "etag");
  const expires = getField(fields, "expires");
  return {
    status,
    cacheControl: parseCacheControl(getField(fields, "cache-control")),
    targeted:
      parseTargetedCacheControl(getField(fields, "cdn-cache-control")) ??
      parseSurrogateControl(getField(fields, "surrogate-control")),
    lastModifiedMs: dateOf(getField(fields, "last-modified")),
    dateMs: dateOf(getField(fields, "date")) ?? receivedAtMs,
    expires: expires === undefined ? undefined : (parseHttpDate(expires) ?? "invalid"),
    ageSeconds: ageOf(getField(fields, "age")),
    etag: etag !== undefined && parseEntityTag(etag) !== undefined ? etag : undefined,
    vary: parseVary(getField(fields, "vary")),
    contentLocation: getField(fields, "content-location"),
    hasSetCookie: getField(fields, "set-cookie") !== undefined,
  };
};

const dateOf = (value: string | undefined): number | undefined =>
  value === undefined ? undefined : parseHttpDate(value);

const LARGEST_AGE_SECONDS = 2 ** 31;

/** Of several values the first counts; one that is no number of seconds is ignored (RFC 9111 5.1, 1.2.2). */
const ageOf = (value: string | undefined): number => {
  const first = value?.split(",", 1)[0]?.trim() ?? "";
  return /^\d+$/.test(first) ? Math.min(Number(first), LARGEST_AGE_SECONDS) : 0;
};

const NOTHING_SAID: CacheControl = parseCacheControl(undefined);
const PRAGMA_NO_CACHE: CacheControl = parseCacheControl("no-cache");

/** Facts of a client's request (RFC 9111 5.2.1, 5.4). */
export const requestFacts = (method: Method, fields: Pick<FieldBlock, "flags" | "get">): RequestFacts => ({
  method,
  cacheControl: (fields.flags & FIELD.CACHE_CONTROL) === 0 ? NOTHING_SAID : cacheControlOf(fields),
  hasAuthorization: (fields.flags & FIELD.AUTHORIZATION) !== 0,
});

const cacheControlOf = (fields: Pick<FieldBlock, "get">): CacheControl => {
  const cacheControl = fields.get("cache-control");
  if (cacheControl !== undefined) return parseCacheControl(cacheControl);
  return isPragmaNoCache(fields.get("pragma")) ? PRAGMA_NO_CACHE : NOTHING_SAID;
};

export const isPragmaNoCache = (pragma: string | undefined): boolean =>
  pragma?.split(",").some((directive) => directive.trim().toLowerCase() === "no-cache") ?? false;
