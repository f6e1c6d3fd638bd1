import type { CacheVhost, VhostRegistry } from "@basalt/cache";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { SharedOriginPool } from "@basalt/origin";
import { compileCachingRules, compileCustomTtl } from "@basalt/policy";
import type { CounterBlock } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { RedirectingPools } from "./redirecting.ts";

export interface WorkerVhostsParts {
  readonly registry: VhostRegistry;
  readonly counters: CounterBlock;
  readonly redirecting: RedirectingPools;
  readonly pools: { get(name: string): SharedOriginPool | undefined };
}

/** The hosts of one configuration as the cache of a worker sees them, each made when it is first asked for. */
export class WorkerVhosts {
  readonly #parts: WorkerVhostsParts;
  readonly #settings = new Map<string, VhostSettings>();
  readonly #made = new Map<string, CacheVhost>();

  constructor(parts: WorkerVhostsParts) {
    this.#parts = parts;
  }

  /** In small steps. */
  *add({ vhosts }: EdgeConfig): Generator<void, void> {
    for (const settings of vhosts) {
      if (settings.facadeOf === undefined) this.#settings.set(settings.name, settings);
      yield;
    }
  }

  has(name: string): boolean {
    return this.#settings.has(name);
  }

  get(name: string): CacheVhost | undefined {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const settings = this.#settings.get(name);
    if (settings === undefined) return undefined;
    const { registry, counters, redirecting, pools } = this.#parts;
    const pool = pools.get(name);
    if (pool === undefined) throw new EdgeError("INTERNAL", { detail: `no origin pool of ${name}` });
    const { index, invalidations } = registry.enter(name);
    const vhost: CacheVhost = {
      name,
      index,
      settings,
      pool: redirecting.inFrontOf(pool, settings),
      invalidations,
      counters: counters.vhost(name),
      rules: compileCachingRules(settings),
      customTtl: compileCustomTtl(settings),
    };
    this.#made.set(name, vhost);
    return vhost;
  }

  /** Goes on with the hosts of an earlier configuration that are the same in this one. */
  goOnWith(earlier: WorkerVhosts): void {
    for (const [name, vhost] of earlier.#made) {
      if (this.#made.has(name) || this.#settings.get(name) !== vhost.settings) continue;
      const pool = this.#parts.pools.get(name);
      if (pool !== undefined && this.#parts.redirecting.inFrontOf(pool, vhost.settings) === vhost.pool) {
        this.#made.set(name, vhost);
      }
    }
  }
}
