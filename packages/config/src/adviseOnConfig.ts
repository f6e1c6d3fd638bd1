import type { Problem } from "@basalt/types";
import type { EdgeConfig, VhostSettings } from "./contract.ts";
import { wholeFile } from "./problems.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";

/** Names beyond these are counted: there may be thousands. */
const NAMED_HOSTS = 5;

/** With TTL 0 from the no-cache row nothing is given to others later on. */
const sharesPrivateAnswers = ({ status, facadeOf, options: { cachingProfile, ttl } }: VhostSettings): boolean =>
  status === "Active" &&
  facadeOf === undefined &&
  cachingProfile === "guide" &&
  (ttl.priority[0] !== "cc_nocache" || ttl.noCache.seconds > 0);

const listHosts = (hosts: readonly VhostSettings[]): string => {
  const names = hosts.slice(0, NAMED_HOSTS).map(({ name }) => name);
  const more = hosts.length - names.length;
  return more === 0 ? names.join(", ") : `${names.join(", ")} and ${more} more`;
};

const describeSeconds = (hosts: readonly VhostSettings[]): string => {
  const seconds = hosts.map(({ options }) => options.ttl.noCache.seconds);
  const longest = seconds.reduce((max, each) => Math.max(max, each), 0);
  return seconds.every((each) => each === longest) ? `${longest} s` : `up to ${longest} s`;
};

/**
 * What is allowed but should be known before a configuration goes into service. Warnings only; each speaks of all hosts
 * that it concerns.
 */
export const adviseOnConfig = (config: EdgeConfig): readonly Problem[] => {
  const sharing = config.vhosts.filter(sharesPrivateAnswers);
  if (sharing.length === 0) return [];
  const subject = sharing.length === 1 ? "The virtual host" : "The virtual hosts";
  return [
    {
      severity: "warning",
      ...wholeFile(VHOSTS_FILE),
      element: "Vhosts/Vhost/Options/CachingProfile",
      message:
        `${subject} ${listHosts(sharing)} would give an answer that its origin marked private or no-store to other ` +
        `clients too, for ${describeSeconds(sharing)} (<TTL><NoCache>), as the caching profile guide says. ` +
        "<CachingProfile>rfc9111</CachingProfile> in the <Options> of the host or of <VHostDefault> keeps such answers apart.",
      allowed: "guide or rfc9111",
    },
  ];
};
