import type { CacheVhost } from "@basalt/cache";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { ServedVhost } from "./servedVhost.ts";

/** The hosts of a configuration as the cache sees them. The same object for the same name, as long as it is asked. */
export interface CacheVhosts {
  get(name: string): CacheVhost | undefined;
}

type Compile = (settings: VhostSettings, cache: CacheVhost) => ServedVhost;

/** Whether a host has a part in something that all workers share, so that it is to be there before its first request. */
const isNeededAtOnce = ({ options, portBypass }: VhostSettings): boolean =>
  options.access.rateLimits.length > 0 || options.trafficCap.megabits > 0 || portBypass.length > 0;

/**
 * The hosts of one configuration, each compiled at its first request: of thousands few have any. What a host has learned
 * stays with it over configurations that say the same of it.
 */
export class ServedVhosts {
  readonly #settings = new Map<string, VhostSettings>();
  readonly #compiled = new Map<string, ServedVhost>();
  readonly #cacheVhosts: CacheVhosts;
  readonly #compile: Compile;

  constructor(cacheVhosts: CacheVhosts, compile: Compile) {
    this.#cacheVhosts = cacheVhosts;
    this.#compile = compile;
  }

  /** In small steps. */
  *add({ vhosts }: EdgeConfig): Generator<void, void> {
    for (const settings of vhosts) {
      yield;
      if (settings.facadeOf !== undefined) continue;
      this.#settings.set(settings.name, settings);
      if (isNeededAtOnce(settings)) this.get(settings.name);
    }
  }

  get(name: string): ServedVhost | undefined {
    const known = this.#compiled.get(name);
    if (known !== undefined) return known;
    const settings = this.#settings.get(name);
    const cache = settings === undefined ? undefined : this.#cacheVhosts.get(name);
    if (settings === undefined || cache === undefined) return undefined;
    const vhost = this.#compile(settings, cache);
    this.#compiled.set(name, vhost);
    return vhost;
  }

  /** Those that have been asked for. */
  get compiled(): Iterable<ServedVhost> {
    return this.#compiled.values();
  }

  /** Goes on with the hosts of an earlier configuration that are the same in this one. */
  goOnWith(earlier: ServedVhosts): void {
    for (const [name, vhost] of earlier.#compiled) {
      if (this.#compiled.has(name) || this.#settings.get(name) !== vhost.settings) continue;
      if (this.#cacheVhosts.get(name) === vhost.cache) this.#compiled.set(name, vhost);
    }
  }
}
