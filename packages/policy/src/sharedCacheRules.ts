import type { VhostSettings } from "@basalt/config";
import type { CachingRules, CustomTtl, ResponseFacts, TtlDecision } from "./contract.ts";
import type { TtlOptions } from "./freshness.ts";
import { effectiveCacheControl, explicitLifetime, heuristicLifetime, isBareNoCache, remaining } from "./lifetime.ts";
import { decideSharedReuse, mayServeStaleOnError } from "./reuse.ts";
import { compileSelection } from "./selector.ts";
import { sharedStoredFields, sharedUpdatedFields } from "./sharedFields.ts";
import { decideSharedStorage, isHeuristicallyCacheable } from "./storage.ts";

/** The profile `rfc9111`: a conforming shared cache, in which ttl.txt is the operator's own word. */
export const compileSharedCacheRules = (vhost: VhostSettings): CachingRules => {
  const { ttl } = vhost.options;
  const selectingFields = compileSelection(vhost);
  const ttlOf = (response: ResponseFacts, ageSeconds: number, custom?: CustomTtl) =>
    decideSharedTtl(response, ageSeconds, ttl.priority, custom);
  return {
    profile: "rfc9111",
    decideStorage: (request, response, custom) =>
      decideSharedStorage(request, response, selectingFields(response.vary) === "*", custom),
    decideTtl: ttlOf,
    extendTtl: (_previousTtlSeconds, response, ageSeconds, custom) => ttlOf(response, ageSeconds, custom).ttl,
    decideRevalidation: (status) => {
      if (status === 304) return "extend";
      return status >= 500 ? "failure" : "replace";
    },
    decideReuse: decideSharedReuse,
    mayServeStaleOnError,
    selectingFields,
    storedFields: sharedStoredFields,
    updatedFields: sharedUpdatedFields,
  };
};

/**
 * RFC 9111 4.2.1 and 4.2.2. A line of ttl.txt comes before what the origin names, unless `<TTL Priority>` has them
 * the other way round or leaves `custom` out (TTL-22); no-cache comes before both.
 */
export const decideSharedTtl = (
  response: ResponseFacts,
  ageOnArrivalSeconds: number,
  priority: TtlOptions["priority"],
  custom?: CustomTtl,
): TtlDecision => {
  const cacheControl = effectiveCacheControl(response);
  if (isBareNoCache(cacheControl)) return { ttl: 0, source: { kind: "cc_nocache" } };
  const explicit = explicitLifetime(response);
  if (custom !== undefined && isCustomUsed(priority, explicit !== undefined)) {
    return { ttl: custom.seconds, source: { kind: "custom", line: custom.line } };
  }
  const mayGuess = isHeuristicallyCacheable(response.status) || cacheControl.isPublic;
  const lifetime = explicit ?? (mayGuess ? heuristicLifetime(response) : undefined);
  return lifetime === undefined ? { ttl: 0, source: { kind: "none" } } : remaining(lifetime, ageOnArrivalSeconds);
};

const isCustomUsed = (priority: TtlOptions["priority"], isLifetimeNamed: boolean): boolean => {
  const custom = priority.indexOf("custom");
  const maxAge = priority.indexOf("cc_maxage");
  return custom >= 0 && (!isLifetimeNamed || maxAge < 0 || custom < maxAge);
};
