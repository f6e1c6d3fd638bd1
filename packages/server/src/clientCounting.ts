import { blockKey, type CounterBlock } from "@basalt/telemetry";
import type { BookedVhost } from "./servedVhost.ts";

/** Loopback addresses: the clients that `<ClientLocal>` is about. */
export const isLoopbackClient = (ip: string): boolean =>
  ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.");

/**
 * Block that a request of the virtual host counts on. That of loopback clients is apart, where the statistics leave them
 * out; the total that Prometheus shows has both.
 */
export const clientBlockOf = (vhost: BookedVhost, isLocal: () => boolean, counters: CounterBlock): number => {
  if (vhost.stats.clientLocal || !isLocal()) return vhost.counters;
  if (vhost.localCounters < 0) {
    vhost.localCounters = counters.block(blockKey({ vhost: vhost.name, isLocal: true, port: undefined }));
  }
  return vhost.localCounters;
};
