import type { EdgeConfig } from "@basalt/config";

const known = new WeakMap<EdgeConfig, ReadonlySet<string>>();

/** Whether a host has series and a history of its own (AWS-91); those that have not are few. */
export const hasDetailedMetrics = (config: EdgeConfig, vhost: string): boolean => {
  let others = known.get(config);
  if (others === undefined) {
    others = new Set(config.vhosts.filter(({ stats }) => !stats.detailedMetrics).map(({ name }) => name));
    known.set(config, others);
  }
  return !others.has(vhost);
};
