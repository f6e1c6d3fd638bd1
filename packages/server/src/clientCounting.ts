import { blockKey, type CounterBlock } from "@basalt/telemetry";
import type { BookedVhost } from "./servedVhost.ts";

/** Loopback addresses: the clients that `<ClientLocal>` is about. */
export const isLoopbackClient = (ip: string): boolean =>
  ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.");

/** What a connection is, as far as it decides where its requests count. */
export interface CountedClient {
  readonly isLocal: () => boolean;
  readonly isTls: boolean;
}

/**
 * Block that a request of the virtual host counts on. Those of loopback clients and of HTTPS are apart, where the
 * statistics leave them out (STAT-13, STAT-14); the total that Prometheus shows has all.
 */
export const clientBlockOf = (
  vhost: BookedVhost,
  { isLocal, isTls }: CountedClient,
  counters: CounterBlock,
): number => {
  const { stats, blocks } = vhost;
  const isApart = isTls && !stats.httpsTraffic;
  const isLeftOut = !stats.clientLocal && isLocal();
  if (!isApart && !isLeftOut) return vhost.counters;
  const index = (isLeftOut ? 1 : 0) + (isApart ? 2 : 0);
  const known = blocks[index];
  if (known !== undefined) return known;
  const scope = { vhost: vhost.name, isLocal: isLeftOut, port: undefined, isTls: isApart };
  const block = counters.block(blockKey(scope));
  blocks[index] = block;
  return block;
};
