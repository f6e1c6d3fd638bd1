import { isDeepStrictEqual } from "node:util";
import type { EdgeConfig, VhostSettings } from "./contract.ts";
import { deepFreeze } from "./deepFreeze.ts";

/**
 * `next`, with the very objects of `current` for hosts that say the same in both: whoever follows the configuration tells
 * by identity what has changed.
 */
export const shareUnchanged = (current: EdgeConfig, next: EdgeConfig): EdgeConfig => {
  const before = new Map(current.vhosts.map((vhost) => [vhost.name, vhost]));
  const share = (vhost: VhostSettings): VhostSettings => {
    const known = before.get(vhost.name);
    return known !== undefined && isDeepStrictEqual(known, vhost) ? known : vhost;
  };
  return deepFreeze({ ...next, vhosts: next.vhosts.map(share) });
};
