import type { VhostSettings } from "@basalt/config";
import { unreachable } from "@basalt/types";
import type { CachingRules } from "./contract.ts";
import { compileGuideRules } from "./guideRules.ts";
import { compileSharedCacheRules } from "./sharedCacheRules.ts";

/** The rules of `<CachingProfile>`. */
export const compileCachingRules = (vhost: VhostSettings): CachingRules => {
  const { cachingProfile } = vhost.options;
  switch (cachingProfile) {
    case "guide":
      return compileGuideRules(vhost);
    case "rfc9111":
      return compileSharedCacheRules(vhost);
    default:
      return unreachable(cachingProfile);
  }
};
