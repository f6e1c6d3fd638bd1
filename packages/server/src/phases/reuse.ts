import type { CachedObject } from "@basalt/cache";
import { FIELD } from "@basalt/http";
import { currentAge, requestFacts, responseFacts } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

export type Reuse = "serve" | "serveAndRenew" | "renew" | "gatewayTimeout";

/** Whether the request's own directives count (RFC 9111 5.2.1); by the guide they have elements of their own. */
export const heedsRequest = (exchange: Exchange, vhost: ServedVhost): boolean =>
  vhost.cache.rules.profile === "rfc9111" &&
  (exchange.fields.flags & FIELD.CACHE_CONTROL) !== 0 &&
  !exchange.connection.server.isEmergency;

/** What the request may do with what is stored; not for the hot path. */
export const decideReuse = (
  exchange: Pick<Exchange, "methodCode" | "fields">,
  vhost: ServedVhost,
  object: CachedObject,
  nowMs: number,
): Reuse => {
  const { rules } = vhost.cache;
  const request = rules.profile === "guide" ? undefined : requestFacts(exchange.methodCode, exchange.fields);
  const ageSeconds = currentAge(object.initialAgeSeconds, object.validatedAtMs, nowMs);
  const staleSeconds = (nowMs - object.freshUntilMs) / 1000;
  return rules.decideReuse(request, responseFacts(object.status, object.fields), ageSeconds, staleSeconds);
};
