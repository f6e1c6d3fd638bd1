import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { CounterBlock } from "@basalt/telemetry";
import type { BookedVhost, ServedVhost } from "./servedVhost.ts";

/** Where the requests for one name of the configuration come to. */
export interface ServedName {
  readonly vhost: ServedVhost;
  /** `vhost` itself unless the name is that of a facade (VHT-21). */
  readonly booked: BookedVhost;
}

/** By name: every host that is served, and every facade of one; the others are unserved (VHT-23). */
export function* compileServedNames(
  config: EdgeConfig,
  served: ReadonlyMap<string, ServedVhost>,
  counters: CounterBlock,
): Generator<void, ReadonlyMap<string, ServedName>> {
  const names = new Map<string, ServedName>();
  for (const settings of config.vhosts) {
    yield;
    if (settings.status !== "Active") continue;
    const vhost = served.get(settings.facadeOf ?? settings.name);
    if (vhost?.settings.status !== "Active") continue;
    names.set(settings.name, { vhost, booked: settings.facadeOf === undefined ? vhost : facadeOf(settings, counters) });
  }
  return names;
}

const facadeOf = ({ name, stats }: VhostSettings, counters: CounterBlock): BookedVhost => ({
  name,
  stats,
  counters: counters.vhost(name),
  blocks: [],
});
