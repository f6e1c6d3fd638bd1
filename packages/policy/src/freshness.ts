import type { VhostOptions, VhostSettings } from "@basalt/config";
import type { CacheControl } from "@basalt/http";
import { type ErrorCode, unreachable } from "@basalt/types";
import { requestOfUrl } from "./conditions.ts";
import type { CustomTtl, ResponseFacts, TtlDecision, TtlSource } from "./contract.ts";
import { compileRuleSet } from "./ruleSet.ts";

export type TtlOptions = VhostOptions["ttl"];

/**
 * Answers of the class `NoCache` (TTL-06). `no-store` counts as no-cache (OPEN 3 of spec 02, reading B), and
 * `must-revalidate` and `private` do so even beside max-age (OPEN 4, reading A).
 */
export const isNoCacheAnswer = (cacheControl: CacheControl): boolean =>
  cacheControl.noCache || cacheControl.noStore || cacheControl.isPrivate || cacheControl.mustRevalidate;

/**
 * The TTL of a response that is stored, by the first source of the priority list that applies (TTL-22); the status
 * code is the fallback. `Expires` and `s-maxage` are no sources (OPEN 5, TTL-16).
 */
export const decideTtl = (facts: ResponseFacts, options: TtlOptions, custom?: CustomTtl): TtlDecision => {
  for (const source of options.priority) {
    switch (source) {
      case "cc_nocache":
        if (isNoCacheAnswer(facts.cacheControl))
          return { ttl: options.noCache.seconds, source: { kind: "cc_nocache" } };
        break;
      case "custom":
        if (custom !== undefined) return { ttl: custom.seconds, source: { kind: "custom", line: custom.line } };
        break;
      case "cc_maxage":
        if (facts.cacheControl.maxAge !== undefined) {
          return { ttl: facts.cacheControl.maxAge, source: { kind: "cc_maxage" } };
        }
        break;
      case "rescode":
        return decideTtlByStatus(facts.status, options);
      default:
        unreachable(source);
    }
  }
  return decideTtlByStatus(facts.status, options);
};

const decideTtlByStatus = (status: number, options: TtlOptions): TtlDecision => {
  if (status >= 500) return { ttl: options.res5xxSeconds, source: { kind: "rescode", row: "Res5xx" } };
  if (status >= 400) return { ttl: options.res4xxSeconds, source: { kind: "rescode", row: "Res4xx" } };
  if (status >= 300) return { ttl: options.res3xxSeconds, source: { kind: "rescode", row: "Res3xx" } };
  return { ttl: options.res2xx.seconds, source: { kind: "rescode", row: "Res2xx" } };
};

/** The row of `<TTL>` whose Ratio and Max govern growth; undefined when the TTL is given again unchanged. */
export const growthRowOf = (source: TtlSource): "Res2xx" | "NoCache" | undefined => {
  switch (source.kind) {
    case "cc_nocache":
      return "NoCache";
    case "rescode":
      return source.row === "Res2xx" ? "Res2xx" : undefined;
    case "custom":
    case "cc_maxage":
    case "s_maxage":
    case "targeted":
    case "expires":
    case "heuristic":
    case "none":
      return undefined;
    default:
      return unreachable(source);
  }
};

/**
 * The TTL, seconds, given when the origin has confirmed a stored response. `decision` is that of `decideTtl` for the
 * stored response now. Growth is previous × (1 + Ratio/100), rounded up to whole seconds, not above Max and not below
 * the row's base value (OPEN 1, reading A); TTLs of `custom` and `cc_maxage` do not grow (OPEN 2, reading B). After a
 * forced expiry the base value is given and growth starts again (TTL-17).
 */
export const extendTtl = (
  previousTtl: number,
  decision: TtlDecision,
  options: TtlOptions,
  expiredByForce = false,
): number => {
  const row = growthRowOf(decision.source);
  if (row === undefined || expiredByForce) return decision.ttl;
  const { ratio, max } = row === "NoCache" ? options.noCache : options.res2xx;
  const grown = Math.ceil((previousTtl * (100 + ratio)) / 100);
  return Math.max(decision.ttl, Math.min(grown, max));
};

/**
 * What an answer to a renewal does to the stored response: 304 confirms it, and so may an error of the origin when the
 * stored response is a 2xx (TTL-23, TTL-24); anything else replaces it.
 */
export const decideRevalidation = (
  status: number,
  storedStatus: number,
  options: Pick<VhostOptions, "ttlExtensionBy4xx" | "ttlExtensionBy5xx">,
): "extend" | "replace" => {
  if (status === 304) return "extend";
  if (storedStatus < 200 || storedStatus > 299) return "replace";
  if (status >= 500) return options.ttlExtensionBy5xx ? "extend" : "replace";
  if (status >= 400) return options.ttlExtensionBy4xx ? "extend" : "replace";
  return "replace";
};

/**
 * Whether clients wait for the renewal of an expired object (TTL-28 to TTL-30; ON waits, OPEN 10). A stored 5xx is
 * never answered before the origin was asked (TTL-26).
 */
export const decideRenewal = (
  storedStatus: number,
  options: Pick<VhostOptions, "refreshExpired">,
): "wait" | "background" => (options.refreshExpired || storedStatus >= 500 ? "wait" : "background");

/**
 * How long, in seconds, a failed exchange stands: the stored object is extended by it, or, with nothing stored, the
 * failure is answered without asking the origin (TTL-12, TTL-13, TTL-14). Undefined: not a failure of the origin,
 * nothing is remembered.
 */
export const failureTtl = (code: ErrorCode | "ORIGIN_BUSY", options: TtlOptions): number | undefined => {
  switch (code) {
    case "ORIGIN_UNAVAILABLE":
    case "ORIGIN_CONNECT_FAILED":
    case "ORIGIN_CONNECT_TIMEOUT":
      return options.connectTimeoutSeconds;
    case "ORIGIN_RECEIVE_TIMEOUT":
    case "ORIGIN_CLOSED":
    case "ORIGIN_REFUSED":
    case "ORIGIN_MALFORMED":
      return options.receiveTimeoutSeconds;
    case "ORIGIN_BUSY":
      return options.originBusySeconds;
    default:
      return undefined;
  }
};

/** What an expired object answers while every origin server is excluded (TTL-25). */
export const decideUnvalidatable = (
  options: Pick<VhostOptions, "unvalidatableObjectResCode" | "ttl">,
): { readonly kind: "serve"; readonly ttlSeconds: number } | { readonly kind: "answer"; readonly status: number } =>
  options.unvalidatableObjectResCode === 0
    ? { kind: "serve", ttlSeconds: options.ttl.connectTimeoutSeconds }
    : { kind: "answer", status: options.unvalidatableObjectResCode };

/** Looks a canonical URL up in ttl.txt; the first matching line counts (TTL-19). */
export const compileCustomTtl = (vhost: VhostSettings): ((url: string) => CustomTtl | undefined) => {
  const rules = compileRuleSet(vhost.conditions.ttl, vhost.options.caseSensitive);
  if (rules.size === 0) return () => undefined;
  return (url) => rules.first(requestOfUrl(url));
};
