import type { BypassOrigin, VhostOptions } from "@basalt/config";
import { METHOD, type Method } from "@basalt/http";

/**
 * How a bypassed request is bound to an origin server (BYP-11, BYP-12): by the attributes of the element for its method;
 * methods that have none are like GET (OPEN 2 of spec 06).
 */
export const bypassOriginOf = (method: Method, { bypassOrigin }: Pick<VhostOptions, "bypassOrigin">): BypassOrigin => {
  switch (method) {
    case METHOD.POST:
      return bypassOrigin.post;
    case METHOD.PUT:
      return bypassOrigin.put;
    default:
      return bypassOrigin.get;
  }
};
