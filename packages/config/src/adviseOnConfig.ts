import type { Problem } from "@basalt/types";
import { adviseOnTimeouts } from "./adviseOnTimeouts.ts";
import type { EdgeConfig, VhostSettings } from "./contract.ts";
import { listHosts } from "./listHosts.ts";
import { wholeFile } from "./problems.ts";
import { SERVER_FILE } from "./serverPlaces.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";

/** With TTL 0 from the no-cache row nothing is given to others later on. */
const sharesPrivateAnswers = ({ status, facadeOf, options: { cachingProfile, ttl } }: VhostSettings): boolean =>
  status === "Active" &&
  facadeOf === undefined &&
  cachingProfile === "guide" &&
  (ttl.priority[0] !== "cc_nocache" || ttl.noCache.seconds > 0);

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
  return [...adviseOnSharing(config), ...adviseOnSubscriptions(config), ...adviseOnTimeouts(config)];
};

const adviseOnSharing = (config: EdgeConfig): readonly Problem[] => {
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

/** A log that one subscribes to and whose file is OFF; undefined: there is none. */
const silentSubscription = ({ logs }: VhostSettings): string | undefined => {
  const { access, accessExtra, origin, monitoring, dns, fileSystem, detail, trace, subscriptions } = logs;
  const isOn = { access, accessextra: accessExtra, origin, monitoring, dns, filesystem: fileSystem, detail, trace };
  return subscriptions.find(({ log }) => log !== "deny" && log !== "originerror" && !isOn[log].enabled)?.log;
};

/** Subscriptions read the files of logs: one whose file is OFF gives them nothing. */
const adviseOnSubscriptions = ({ server, vhosts }: EdgeConfig): readonly Problem[] => {
  const silent = vhosts.filter((vhost) => silentSubscription(vhost) !== undefined);
  const { subscriptions, denyLog, originErrorLog } = server.cache;
  const isServerSilent = subscriptions.some(({ log }) => !(log === "deny" ? denyLog : originErrorLog).enabled);
  const advice = (file: string, element: string, message: string): Problem => ({
    severity: "warning",
    ...wholeFile(file),
    element,
    message,
    allowed: "ON for the file of the log",
  });
  const why = "has a <Subscription> to a log whose file is OFF, which gives it no lines.";
  const ofHosts = `${silent.length === 1 ? "The virtual host" : "Each of the virtual hosts"} ${listHosts(silent)}`;
  return [
    ...(silent.length === 0 ? [] : [advice(VHOSTS_FILE, "Vhosts/Vhost/Log/Subscription", `${ofHosts} ${why}`)]),
    ...(isServerSilent ? [advice(SERVER_FILE, "Server/Cache/Subscription", `<Cache> ${why}`)] : []),
  ];
};
