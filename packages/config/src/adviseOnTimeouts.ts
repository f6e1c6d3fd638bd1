import type { Problem } from "@basalt/types";
import type { EdgeConfig, VhostSettings } from "./contract.ts";
import { listHosts } from "./listHosts.ts";
import { wholeFile } from "./problems.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";

/** What clients and balancers in front wait for an answer unless they are told otherwise. */
const USUAL_PATIENCE_SECONDS = 60;

/** Longest time without a byte of an answer, if the first origin server that is asked keeps silent. */
const silentSeconds = ({ originOptions }: VhostSettings): number =>
  originOptions.connectTimeoutSeconds + originOptions.receiveTimeoutSeconds;

/**
 * AWS-19: hosts whose origin may be silent for longer than most clients wait. Bypassed requests are not looked at: their
 * limit is five minutes by default, and the client asked for just that.
 */
export const adviseOnTimeouts = ({ vhosts }: Pick<EdgeConfig, "vhosts">): readonly Problem[] => {
  const silent = vhosts.filter(
    (vhost) =>
      vhost.status === "Active" && vhost.facadeOf === undefined && silentSeconds(vhost) > USUAL_PATIENCE_SECONDS,
  );
  if (silent.length === 0) return [];
  const longest = silent.reduce((most, vhost) => Math.max(most, silentSeconds(vhost)), 0);
  return [
    {
      severity: "warning",
      ...wholeFile(VHOSTS_FILE),
      element: "Vhosts/Vhost/OriginOptions/ReceiveTimeout",
      message:
        `An origin of ${listHosts(silent)} may be silent for up to ${longest} s (<ConnectTimeout> and ` +
        `<ReceiveTimeout>): a client that waits less leaves first, which is logged as status 0 or 460. Most wait ` +
        `${USUAL_PATIENCE_SECONDS} s: let them wait longer, or the origin answer sooner.`,
      allowed: `${USUAL_PATIENCE_SECONDS} s together`,
    },
  ];
};
