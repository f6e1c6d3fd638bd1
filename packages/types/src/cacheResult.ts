/**
 * How a request was answered (spec OPT-30 to OPT-41, STAT-44). The position of a word is its counter index,
 * shared by statistics, logs and `#CACHEHIT`; append only.
 */
export const CACHE_RESULTS = [
  "TCP_NONE",
  "TCP_HIT",
  "TCP_IMS_HIT",
  "TCP_REFRESH_HIT",
  "TCP_REF_FAIL_HIT",
  "TCP_NEGATIVE_HIT",
  "TCP_REDIRECT_HIT",
  "TCP_MISS",
  "TCP_REFRESH_MISS",
  "TCP_CLIENT_REFRESH_MISS",
  "TCP_DENIED",
  "TCP_ERROR",
] as const;

export type CacheResult = (typeof CACHE_RESULTS)[number];

/** Results that count as a hit in the request hit ratio (OPT-42). */
export const HIT_RESULTS: ReadonlySet<CacheResult> = new Set([
  "TCP_HIT",
  "TCP_IMS_HIT",
  "TCP_REFRESH_HIT",
  "TCP_REF_FAIL_HIT",
  "TCP_NEGATIVE_HIT",
  "TCP_REDIRECT_HIT",
]);
