import type { VhostSettings } from "@basalt/config";
import { METHOD, type Method, parseCacheControl } from "@basalt/http";
import { unreachable } from "@basalt/types";
import type { ConditionRequest } from "./conditions.ts";
import { isPragmaNoCache } from "./facts.ts";
import { compileRuleSet } from "./ruleSet.ts";

/** What is done with a request, before any caching policy (BYP-01); `close` is a POST that nothing takes (KEY-15). */
export type MethodDecision = "cache" | "bypass" | "notImplemented" | "close";

const BY_METHOD: MethodReason = { kind: "method" };
const BY_NO_CACHE_REQUEST: MethodReason = { kind: "noCacheRequest" };

/** Methods that only the last recipient may answer, or that this server does not speak (RFC 9110 9.3.6, 9.3.8). */
const NEVER_PASSED_ON: ReadonlySet<Method> = new Set([METHOD.CONNECT, METHOD.TRACE]);

/** What a decision comes from: the method with the element for it, BypassNoCacheRequest, or a line of bypass.txt. */
export type MethodReason =
  | { readonly kind: "method" }
  | { readonly kind: "noCacheRequest" }
  | { readonly kind: "line"; readonly action: "cache" | "bypass" | "opposite"; readonly line: number };

export interface MethodRules {
  /** The decision when the method alone makes it; undefined: `decide` has to look at the request. */
  decideByMethod(method: Method): MethodDecision | undefined;
  /** HTTP-36 and BYP-03 to BYP-10. */
  decide(method: Method, request: ConditionRequest): MethodDecision;
  /** Why `decide` decides as it does. */
  reasonOf(method: Method, request: ConditionRequest): MethodReason;
}

/**
 * bypass.txt by the algorithm of OPEN 1 (spec 06), whatever the order of its lines: lines marked `bypass`, then lines
 * marked `cache`, then unmarked ones, which turn the method's default round. The file speaks of what could be cached:
 * PUT needs BypassPutRequest (BYP-17), and OPTIONS always goes to the origin (OPEN 12 of spec 04), with or without it.
 */
export const compileMethodRules = (vhost: VhostSettings): MethodRules => {
  const { options } = vhost;
  const linesFor = (action: "bypass" | "cache" | "opposite") =>
    compileRuleSet(
      vhost.conditions.bypass.filter((line) => line.action === action),
      options.caseSensitive,
    );
  const bypassLines = linesFor("bypass");
  const cacheLines = linesFor("cache");
  const oppositeLines = linesFor("opposite");
  // KEY-11: a POST that reaches the cache.
  const kept = options.postRequest.enabled ? "cache" : "close";
  // RFC 9110 9.1: unknown methods are the origin's business; by the guide they end here (HTTP-36).
  const passesOthers = options.cachingProfile === "rfc9111";
  const looksAtRequest = options.bypassNoCacheRequest || vhost.conditions.bypass.length > 0;

  const ruleFor = (request: ConditionRequest): MethodReason => {
    if (options.bypassNoCacheRequest && isNoCacheRequest(request)) return BY_NO_CACHE_REQUEST;
    const rule = bypassLines.first(request) ?? cacheLines.first(request) ?? oppositeLines.first(request);
    return rule === undefined ? BY_METHOD : { kind: "line", action: rule.action, line: rule.line };
  };

  const isBypassed = (request: ConditionRequest, byDefault: boolean): boolean => {
    const reason = ruleFor(request);
    switch (reason.kind) {
      case "method":
        return byDefault;
      case "noCacheRequest":
        return true;
      case "line":
        return reason.action === "opposite" ? !byDefault : reason.action === "bypass";
      default:
        return unreachable(reason);
    }
  };

  const decideByMethod = (method: Method): MethodDecision | undefined => {
    switch (method) {
      case METHOD.GET:
      case METHOD.HEAD:
        if (looksAtRequest) return undefined;
        return options.bypassGetRequest ? "bypass" : "cache";
      case METHOD.POST:
        if (looksAtRequest) return undefined;
        return options.bypassPostRequest ? "bypass" : kept;
      case METHOD.PUT:
        return options.bypassPutRequest ? "bypass" : "notImplemented";
      case METHOD.OPTIONS:
        return "bypass";
      default:
        return passesOthers && !NEVER_PASSED_ON.has(method) ? "bypass" : "notImplemented";
    }
  };

  return {
    decideByMethod,
    decide: (method, request) => {
      const byMethod = decideByMethod(method);
      if (byMethod !== undefined) return byMethod;
      if (method === METHOD.POST) return isBypassed(request, options.bypassPostRequest) ? "bypass" : kept;
      return isBypassed(request, options.bypassGetRequest) ? "bypass" : "cache";
    },
    reasonOf: (method, request) => (decideByMethod(method) === undefined ? ruleFor(request) : BY_METHOD),
  };
};

/** A client that wants no cached answer (BYP-03, TTL-37): no-cache, max-age=0, or the Pragma of old. */
export const isNoCacheRequest = (request: Pick<ConditionRequest, "header">): boolean => {
  const cacheControl = request.header("cache-control");
  if (cacheControl !== undefined) {
    const { noCache, maxAge } = parseCacheControl(cacheControl);
    if (noCache || maxAge === 0) return true;
  }
  return isPragmaNoCache(request.header("pragma"));
};
