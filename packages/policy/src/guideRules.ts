import type { VhostSettings } from "@basalt/config";
import type { CachingRules } from "./contract.ts";
import { decideRenewal, decideRevalidation, decideTtl, extendTtl } from "./freshness.ts";
import { compileSelection } from "./selector.ts";
import { passReasonOfStatus, STORE } from "./storage.ts";
import { differsBeyondDate, selectStoredFields, updateStoredFields } from "./storedFields.ts";

/**
 * The profile `guide`: every complete answer is stored (spec 02), reuse depends on the TTL alone, and the stored
 * response answers for an origin that fails (TTL-12).
 */
export const compileGuideRules = (vhost: VhostSettings): CachingRules => {
  const { options } = vhost;
  const fieldOptions = {
    originalHeader: options.originalHeader,
    originalETag: vhost.originOptions.originalETag,
  };
  return {
    profile: "guide",
    decideStorage: (_request, response) => {
      const reason = passReasonOfStatus(response.status);
      return reason === undefined ? STORE : { kind: "pass", reason };
    },
    decideTtl: (response, _ageOnArrivalSeconds, custom) => decideTtl(response, options.ttl, custom),
    extendTtl: (previousTtlSeconds, response, _ageOnArrivalSeconds, custom, expiredByForce) =>
      extendTtl(previousTtlSeconds, decideTtl(response, options.ttl, custom), options.ttl, expiredByForce),
    decideRevalidation: (status, storedStatus) => decideRevalidation(status, storedStatus, options),
    decideReuse: (_request, response, _ageSeconds, staleSeconds) => {
      if (staleSeconds < 0) return "serve";
      return decideRenewal(response.status, options) === "wait" ? "renew" : "serveAndRenew";
    },
    mayServeStaleOnError: () => true,
    selectingFields: compileSelection(vhost),
    storedFields: (fields) => selectStoredFields(fields, fieldOptions),
    updatedFields: (stored, received) => {
      const fields = updateStoredFields(stored, received, fieldOptions);
      return { fields, isChanged: differsBeyondDate(stored, fields) };
    },
  };
};
