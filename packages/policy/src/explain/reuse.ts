import type { VhostSettings } from "@basalt/config";
import { FIELD } from "@basalt/http";
import { unreachable } from "@basalt/types";
import { isNoCacheRequest } from "../bypass.ts";
import { compileCachingRules } from "../cachingRules.ts";
import { currentAge } from "../clientFields.ts";
import { requestFacts, responseFacts } from "../facts.ts";
import type { ExplainFact, ExplainState, ExplainStep, StoredView } from "./contract.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";
import { onOffWord } from "./words.ts";

/** What the request does with what is stored. */
export type Reuse =
  | "serve"
  | "serveAndRenew"
  /** Stale in emergency mode: served, and nothing is asked. */
  | "serveInEmergency"
  | "renew"
  /** Fetched without a condition: it was purged. */
  | "replace"
  | "fetch"
  | "gatewayTimeout"
  | "memoryShort";

const reuseOf = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  object: StoredView | undefined,
  state: ExplainState,
): Reuse => {
  const rules = compileCachingRules(vhost);
  const says = (request.fields.flags & FIELD.CACHE_CONTROL) !== 0 && !state.isEmergency;
  const isHeeded = says && rules.profile === "rfc9111";
  const asked = requestFacts(request.methodCode, request.fields);
  const forbidden = isHeeded && asked.cacheControl.onlyIfCached;
  if (state.isEmergency) {
    const isInMemory = state.lookup?.workers.some(({ memory }) => memory !== "none") ?? false;
    if (object === undefined || object.isPurged || !isInMemory) return "memoryShort";
    return state.nowMs < object.freshUntilMs ? "serve" : "serveInEmergency";
  }
  if (object === undefined) return forbidden ? "gatewayTimeout" : "fetch";
  if (object.isPurged) return forbidden ? "gatewayTimeout" : "replace";
  if (says && vhost.options.noCacheRequestExpire && isNoCacheRequest(request)) return "renew";
  if (state.nowMs < object.freshUntilMs && !isHeeded) return "serve";
  return rules.decideReuse(
    rules.profile === "guide" ? undefined : asked,
    responseFacts(object.status, object.fields),
    currentAge(object.initialAgeSeconds, object.validatedAtMs, state.nowMs),
    (state.nowMs - object.freshUntilMs) / 1000,
  );
};

const verdictOf = (reuse: Reuse): string => {
  switch (reuse) {
    case "serve":
      return "It is served as it is.";
    case "serveAndRenew":
      return "It is served although it is stale, and renewed behind the answer.";
    case "serveInEmergency":
      return "It is served although it is stale: nothing is fetched in emergency mode.";
    case "renew":
      return "The origin is asked first whether it has changed.";
    case "replace":
      return "It is fetched anew, without a condition; it answers only if the origin fails.";
    case "fetch":
      return "It is fetched from the origin.";
    case "gatewayTimeout":
      return "Would be refused with 504: the client wants only what is stored and may be used.";
    case "memoryShort":
      return "Would be refused with 503: nothing is fetched in emergency mode.";
    default:
      return unreachable(reuse);
  }
};

const guideFacts = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  object: StoredView | undefined,
  state: ExplainState,
  sources: Sources,
): ExplainFact[] => {
  const { options } = vhost;
  const facts: ExplainFact[] = [];
  if (isNoCacheRequest(request)) {
    facts.push({
      name: "noCacheRequestExpire",
      value: onOffWord(options.noCacheRequestExpire),
      because: options.noCacheRequestExpire
        ? "the client's no-cache expires the object"
        : "the client's no-cache is not heeded",
      source: sources.option("Options/NoCacheRequestExpire"),
    });
  }
  if (object !== undefined && !object.isPurged && state.nowMs >= object.freshUntilMs) {
    facts.push({
      name: "refreshExpired",
      value: onOffWord(options.refreshExpired),
      because: refreshReason(object.status, options.refreshExpired),
      source: sources.option("Options/RefreshExpired"),
    });
  }
  return facts;
};

const refreshReason = (status: number, isAskedFirst: boolean): string => {
  if (isAskedFirst) return "clients wait for the renewal";
  return status >= 500 ? "clients wait all the same: a stored 5xx is never served stale" : "the renewal runs behind";
};

const sharedFacts = (request: UnderstoodRequest, object: StoredView | undefined): ExplainFact[] => {
  const facts: ExplainFact[] = [];
  const asked = request.header("cache-control") ?? request.header("pragma");
  if (asked !== undefined) facts.push({ name: "requestDirectives", value: asked, because: "RFC 9111 5.2.1" });
  if (object !== undefined) {
    const { targeted, cacheControl } = responseFacts(object.status, object.fields);
    const said = targeted ?? cacheControl;
    const names = [
      said.noCache ? "no-cache" : undefined,
      said.mustRevalidate ? "must-revalidate" : undefined,
      said.proxyRevalidate ? "proxy-revalidate" : undefined,
      said.sMaxAge === undefined ? undefined : "s-maxage",
      said.immutable ? "immutable" : undefined,
      said.staleWhileRevalidate === undefined ? undefined : `stale-while-revalidate=${said.staleWhileRevalidate}`,
      said.staleIfError === undefined ? undefined : `stale-if-error=${said.staleIfError}`,
    ].filter((name) => name !== undefined);
    if (names.length > 0) {
      facts.push({ name: "responseDirectives", value: names.join(", "), because: "RFC 9111 5.2.2, RFC 5861" });
    }
  }
  return facts;
};

export const reuseStep = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  state: ExplainState,
  sources: Sources,
): { readonly reuse: Reuse; readonly step: ExplainStep } => {
  const object = state.lookup?.object;
  const reuse = reuseOf(request, vhost, object, state);
  const facts =
    vhost.options.cachingProfile === "guide"
      ? guideFacts(request, vhost, object, state, sources)
      : sharedFacts(request, object);
  if (state.isEmergency) {
    facts.push({
      name: "emergencyMode",
      value: "ON",
      because: "memory is short at the moment",
      source: sources.server("Cache/EmergencyMode"),
    });
  }
  if (object !== undefined && reuse !== "memoryShort" && reuse !== "gatewayTimeout") {
    const may = mayStandInFor(request, vhost, object, state.nowMs);
    facts.push({ name: "ifOriginFails", value: may, text: may ? "it is served" : "an error page is served" });
  }
  return { reuse, step: { step: "reuse", verdict: verdictOf(reuse), facts } };
};

/** Whether the object answers if the origin fails. */
export const mayStandInFor = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  object: StoredView,
  nowMs: number,
): boolean =>
  compileCachingRules(vhost).mayServeStaleOnError(
    requestFacts(request.methodCode, request.fields),
    responseFacts(object.status, object.fields),
    currentAge(object.initialAgeSeconds, object.validatedAtMs, nowMs),
    (nowMs - object.freshUntilMs) / 1000,
  );
