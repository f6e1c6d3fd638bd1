import type { CacheControl } from "@basalt/http";
import type { RequestFacts, ResponseFacts, ReuseDecision } from "./contract.ts";
import { effectiveCacheControl, explicitLifetime, isBareNoCache } from "./lifetime.ts";

/**
 * Directives by which a response must not be used stale (RFC 9111 4.2.4). s-maxage implies proxy-revalidate (5.2.2.10),
 * but not against a `permission` of RFC 5861 beside it: origins write `s-maxage=1, stale-while-revalidate=59` and mean it.
 */
const forbidsStale = (cacheControl: CacheControl, permission: number | undefined): boolean =>
  cacheControl.mustRevalidate ||
  cacheControl.proxyRevalidate ||
  (cacheControl.sMaxAge !== undefined && permission === undefined) ||
  isBareNoCache(cacheControl);

/**
 * RFC 9111 4, 4.2.4 and 5.2.1, RFC 5861 3, RFC 8246. `staleSeconds` is negative while the response is fresh. A request
 * with only-if-cached is never what makes the cache ask the origin: it gets 504 instead (5.2.1.7).
 */
export const decideSharedReuse = (
  request: RequestFacts | undefined,
  response: ResponseFacts,
  ageSeconds: number,
  staleSeconds: number,
): ReuseDecision => {
  const staleness = stalenessOf(response, ageSeconds, staleSeconds);
  const decision = decideByAge(request?.cacheControl, effectiveCacheControl(response), ageSeconds, staleness);
  return decision === "renew" && request?.cacheControl.onlyIfCached === true ? "gatewayTimeout" : decision;
};

/**
 * A response may have been stale for long when it arrived, where a TTL only says 0, and a failure of the origin moves the
 * end of the TTL on.
 */
const stalenessOf = (response: ResponseFacts, ageSeconds: number, staleSeconds: number): number => {
  const lifetime = staleSeconds < 0 ? undefined : explicitLifetime(response);
  return lifetime === undefined ? staleSeconds : Math.max(staleSeconds, ageSeconds - lifetime.seconds);
};

const decideByAge = (
  asked: CacheControl | undefined,
  said: CacheControl,
  ageSeconds: number,
  staleSeconds: number,
): "serve" | "serveAndRenew" | "renew" => {
  if (isBareNoCache(said) || asked?.noCache === true) return "renew";
  const isFresh = staleSeconds < 0;
  if (isTooOld(asked, ageSeconds) && !(isFresh && said.immutable)) return "renew";
  if (asked?.minFresh !== undefined && staleSeconds + asked.minFresh > 0) return "renew";
  if (isFresh) return "serve";
  const { staleWhileRevalidate } = said;
  if (forbidsStale(said, staleWhileRevalidate)) return "renew";
  const mayBeAskedFor = !forbidsStale(said, undefined);
  if (mayBeAskedFor && asked?.maxStale !== undefined && staleSeconds <= asked.maxStale) return "serve";
  return staleWhileRevalidate !== undefined && staleSeconds <= staleWhileRevalidate ? "serveAndRenew" : "renew";
};

/** max-age=0 asks for validation however young the response is: ages are whole seconds. */
const isTooOld = (asked: CacheControl | undefined, ageSeconds: number): boolean =>
  asked?.maxAge !== undefined && (asked.maxAge === 0 || ageSeconds > asked.maxAge);

/**
 * RFC 9111 4.2.4: a cache that cannot reach the origin may answer stale unless that is forbidden. Where stale-if-error
 * is said, in the response or the request, it also bounds for how long (RFC 5861 4).
 */
export const mayServeStaleOnError = (
  request: RequestFacts | undefined,
  response: ResponseFacts,
  ageSeconds: number,
  staleSeconds: number,
): boolean => {
  const said = effectiveCacheControl(response);
  if (forbidsStale(said, said.staleIfError)) return false;
  const limits = [said.staleIfError, request?.cacheControl.staleIfError].filter((limit) => limit !== undefined);
  return limits.length === 0 || stalenessOf(response, ageSeconds, staleSeconds) <= Math.max(...limits);
};
