import type { VhostSettings } from "@basalt/config";
import { compileKeyRules, type KeyRules } from "../cacheKey.ts";
import { compileDerivations } from "./compileDerivations.ts";

/** The URL that objects are kept under, also of those that are made of others: what calls of the management name. */
export const compileStoredUrls = (vhost: VhostSettings): Pick<KeyRules, "canonicalUrl"> => {
  const keyRules = compileKeyRules(vhost);
  const derivations = compileDerivations(vhost);
  if (derivations === undefined) return keyRules;
  return {
    canonicalUrl: (target) => derivations.of({ target, get: () => undefined })?.url ?? keyRules.canonicalUrl(target),
  };
};
