import type { CacheControl } from "@basalt/http";
import type { ResponseFacts, TtlDecision, TtlSource } from "./contract.ts";

/** What counts for this cache: a targeted field in place of Cache-Control (RFC 9213 2.2). */
export const effectiveCacheControl = (response: ResponseFacts): CacheControl =>
  response.targeted ?? response.cacheControl;

/** `no-cache` for the whole answer; the qualified form concerns the fields it names alone (RFC 9111 5.2.2.4). */
export const isBareNoCache = (cacheControl: CacheControl): boolean =>
  cacheControl.noCache && cacheControl.noCacheFields.length === 0;

interface Lifetime {
  readonly seconds: number;
  readonly source: TtlSource;
}

/**
 * The freshness lifetime that the origin names (RFC 9111 4.2.1): s-maxage, max-age, Expires less Date, in this order.
 * A targeted field leaves nothing to Expires (RFC 9213 2.2). Undefined: none is named.
 */
export const explicitLifetime = (response: ResponseFacts): Lifetime | undefined => {
  const { sMaxAge, maxAge } = effectiveCacheControl(response);
  const seconds = sMaxAge ?? maxAge;
  if (response.targeted !== undefined) {
    return seconds === undefined ? undefined : { seconds, source: { kind: "targeted" } };
  }
  if (seconds !== undefined) return { seconds, source: { kind: sMaxAge === undefined ? "cc_maxage" : "s_maxage" } };
  const { expires, dateMs } = response;
  if (expires === undefined) return undefined;
  const isKnown = expires !== "invalid" && dateMs !== undefined;
  return { seconds: isKnown ? wholeSeconds(expires - dateMs) : 0, source: { kind: "expires" } };
};

/** A tenth of the time since the last modification, at most a day (RFC 9111 4.2.2). */
const HEURISTIC_SHARE = 10;
const LONGEST_HEURISTIC_SECONDS = 86_400;

/** Undefined: there is nothing to guess by. */
export const heuristicLifetime = (response: ResponseFacts): Lifetime | undefined => {
  const { lastModifiedMs, dateMs } = response;
  if (lastModifiedMs === undefined || dateMs === undefined || response.hasSetCookie) return undefined;
  const seconds = Math.floor(wholeSeconds(dateMs - lastModifiedMs) / HEURISTIC_SHARE);
  return { seconds: Math.min(seconds, LONGEST_HEURISTIC_SECONDS), source: { kind: "heuristic" } };
};

const wholeSeconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));

/** What is left of a lifetime on arrival (RFC 9111 4.2). */
export const remaining = (lifetime: Lifetime, ageOnArrivalSeconds: number): TtlDecision => ({
  ttl: Math.max(0, lifetime.seconds - ageOnArrivalSeconds),
  source: lifetime.source,
});
