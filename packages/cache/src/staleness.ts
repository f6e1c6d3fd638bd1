import { currentAge, decideUnvalidatable, responseFacts } from "@basalt/policy";
import type { EdgeError } from "@basalt/types";
import type { CachedObject } from "./cachedObject.ts";
import type { CacheVhost } from "./cacheVhost.ts";
import type { Obtained, ObtainRequest } from "./objectCache.ts";

/** Whether what is stored may answer although the origin could not be asked (RFC 9111 4.2.4, RFC 5861 4). */
export const mayServeStale = (
  request: Pick<ObtainRequest, "facts" | "vhost">,
  object: CachedObject,
  nowMs: number,
): boolean => {
  const facts = responseFacts(object.status, object.fields);
  const ageSeconds = currentAge(object.initialAgeSeconds, object.validatedAtMs, nowMs);
  const staleSeconds = (nowMs - object.freshUntilMs) / 1000;
  return request.vhost.rules.mayServeStaleOnError(request.facts, facts, ageSeconds, staleSeconds);
};

/** What is answered instead of an expired object while every origin server is excluded; undefined: the object (TTL-25). */
export const unvalidatableAnswer = (
  vhost: CacheVhost,
  error: EdgeError,
): (Obtained & { readonly kind: "failed" }) | undefined => {
  if (error.code !== "ORIGIN_UNAVAILABLE") return undefined;
  const decision = decideUnvalidatable(vhost.settings.options);
  return decision.kind === "serve"
    ? undefined
    : { kind: "failed", error, result: "TCP_ERROR", status: decision.status };
};

/** What is stored must not answer without the word of an origin that does not answer (RFC 9111 5.2.2.2). */
export const unconfirmed = (error: EdgeError): Obtained => ({
  kind: "failed",
  error,
  result: "TCP_ERROR",
  status: 504,
});
