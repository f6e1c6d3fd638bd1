import { isIP } from "node:net";
import { followRedirects } from "@basalt/cache";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import {
  createOriginPool,
  createSystemResolver,
  type OriginPool,
  type OriginResolver,
  type TransactionListener,
} from "@basalt/origin";
import { EdgeError } from "@basalt/types";

interface Following {
  readonly aliases: string;
  readonly pool: OriginPool;
}

/** Pools that follow redirects of origins (ORG-55), one for each that they stand in front of. */
export class RedirectingPools {
  readonly #following = new WeakMap<OriginPool, Following>();
  readonly #onTransaction: TransactionListener;
  #servers = "";
  #resolver: OriginResolver = createSystemResolver({ servers: [] });

  /** `onTransaction`: with servers that redirects lead to. */
  constructor(onTransaction: TransactionListener) {
    this.#onTransaction = onTransaction;
  }

  configure({ server }: EdgeConfig): void {
    const { dnsServers } = server.cache;
    if (this.#servers === dnsServers.join()) return;
    this.#servers = dnsServers.join();
    this.#resolver = createSystemResolver({ servers: dnsServers });
  }

  /** `pool` itself without `<RedirectionTrace>`; the same over reloads as long as `pool` is. */
  inFrontOf(pool: OriginPool, settings: VhostSettings): OriginPool {
    if (!settings.originOptions.redirectionTrace.enabled) return pool;
    const aliases = settings.aliases.join();
    const known = this.#following.get(pool);
    if (known?.aliases === aliases) return known.pool;
    const following = followRedirects(pool, {
      settings,
      resolve: (host) => this.#resolve(host),
      openPool: (elsewhere) => createOriginPool(elsewhere, { onEvent: () => {}, onTransaction: this.#onTransaction }),
    });
    this.#following.set(pool, { aliases, pool: following });
    return following;
  }

  async #resolve(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const answers = await Promise.allSettled([this.#resolver.resolve(host, 4), this.#resolver.resolve(host, 6)]);
    const ips = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value.map(({ ip }) => ip) : []));
    if (ips.length === 0) throw new EdgeError("ORIGIN_CONNECT_FAILED", { detail: "the name has no address" });
    return ips;
  }
}
