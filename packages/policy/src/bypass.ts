import type { VhostSettings } from "@basalt/config";
import { METHOD, type Method, parseCacheControl } from "@basalt/http";
import type { ConditionRequest } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";

/** What is done with a request, before any caching policy (BYP-01); `close` is a POST that nothing takes (KEY-15). */
export type MethodDecision = "cache" | "bypass" | "notImplemented" | "close";

export interface MethodRules {
  /** The decision when the method alone makes it; undefined: `decide` has to look at the request. */
  decideByMethod(method: Method): MethodDecision | undefined;
  /** HTTP-36 and BYP-03 to BYP-10. */
  decide(method: Method, request: ConditionRequest): MethodDecision;
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
  const looksAtRequest = options.bypassNoCacheRequest || vhost.conditions.bypass.length > 0;

  const isBypassed = (request: ConditionRequest, byDefault: boolean): boolean => {
    if (options.bypassNoCacheRequest && isNoCacheRequest(request)) return true;
    if (bypassLines.first(request) !== undefined) return true;
    if (cacheLines.first(request) !== undefined) return false;
    return oppositeLines.first(request) === undefined ? byDefault : !byDefault;
  };

  const decideByMethod = (method: Method): MethodDecision | undefined => {
    switch (method) {
      case METHOD.GET:
      case METHOD.HEAD:
        if (looksAtRequest) return undefined;
        return options.bypassGetRequest ? "bypass" : "cache";
      case METHOD.POST:
        if (looksAtRequest) return undefined;
        return options.bypassPostRequest ? "bypass" : "close";
      case METHOD.PUT:
        return options.bypassPutRequest ? "bypass" : "notImplemented";
      case METHOD.OPTIONS:
        return "bypass";
      default:
        return "notImplemented";
    }
  };

  return {
    decideByMethod,
    decide: (method, request) => {
      const byMethod = decideByMethod(method);
      if (byMethod !== undefined) return byMethod;
      if (method === METHOD.POST) return isBypassed(request, options.bypassPostRequest) ? "bypass" : "close";
      return isBypassed(request, options.bypassGetRequest) ? "bypass" : "cache";
    },
  };
};

/** A client that wants no cached answer (BYP-03, TTL-37): no-cache, max-age=0, or the Pragma of old. */
export const isNoCacheRequest = (request: Pick<ConditionRequest, "header">): boolean => {
  const cacheControl = request.header("cache-control");
  if (cacheControl !== undefined) {
    const { noCache, maxAge } = parseCacheControl(cacheControl);
    if (noCache || maxAge === 0) return true;
  }
  const pragma = request.header("pragma");
  return pragma?.split(",").some((directive) => directive.trim().toLowerCase() === "no-cache") ?? false;
};
