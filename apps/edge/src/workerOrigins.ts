import type { EdgeConfig, VhostSettings } from "@basalt/config";
import {
  createOriginPool,
  type OriginOutcome,
  type OriginTransaction,
  type OriginView,
  type SharedOriginPool,
  shareOf,
  type TransactionListener,
} from "@basalt/origin";
import type { CounterBlock, InfoLog } from "@basalt/telemetry";
import type { Clock } from "@basalt/types";
import { OriginCounting } from "./originCounting.ts";
import { OriginLog } from "./originLog.ts";
import type { OriginViewChange, WorkerShare } from "./protocol.ts";
import { servingVhosts } from "./servingVhosts.ts";

/** Failures come in crowds: those of this time go in one message. */
const OUTCOMES_EVERY_MS = 10;
const TRANSACTIONS_EVERY_MS = 100;

export interface WorkerOriginsParts {
  readonly clock: Clock;
  readonly counters: CounterBlock;
  readonly log: Pick<InfoLog, "notice" | "warning">;
  readonly tellOutcomes: (outcomes: readonly OriginOutcome[]) => void;
  readonly tellTransactions: (byVhost: ReadonlyMap<string, number>) => void;
  readonly onTransaction: TransactionListener;
}

interface HostPool {
  readonly vhost: string;
  readonly pool: SharedOriginPool;
}

const identityOf = ({ name, origin, originOptions }: VhostSettings): string =>
  JSON.stringify([name, origin, originOptions]);

const isSame = (left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean =>
  left.size === right.size && [...left].every(([vhost, count]) => right.get(vhost) === count);

/** By virtual host; a pool is made when it is first asked for. */
export interface HostPools {
  get(vhost: string): SharedOriginPool | undefined;
}

export interface PreparedPools {
  readonly pools: HostPools;
  readonly enter: () => void;
}

/** The origin pools of a worker: they follow the primary's views and tell it what they learn. */
export class WorkerOrigins {
  readonly #parts: WorkerOriginsParts;
  readonly #log: OriginLog;
  readonly #counting: OriginCounting;
  readonly #byIdentity = new Map<string, HostPool>();
  /** Of the configuration in service, and those that stay of one that is being prepared. */
  #settings: ReadonlyMap<string, VhostSettings> = new Map();
  /** The latest of each host, for pools that are still to be made. */
  readonly #views = new Map<string, OriginView>();
  readonly #earlyViews: OriginViewChange[] = [];
  readonly #identities = new WeakMap<VhostSettings, string>();
  /** Pools of an earlier configuration whose last exchanges run. */
  readonly #ending = new Set<HostPool>();
  #generation = 0;
  #share: WorkerShare = { place: 0, workers: 1 };
  #outcomes: OriginOutcome[] = [];
  #toldTransactions: ReadonlyMap<string, number> = new Map();

  constructor(parts: WorkerOriginsParts) {
    this.#parts = parts;
    this.#log = new OriginLog(parts.log, parts.clock);
    this.#counting = new OriginCounting(parts.counters);
    setInterval(() => this.#tellTransactions(), TRANSACTIONS_EVERY_MS).unref();
  }

  setShare(share: WorkerShare): void {
    this.#share = share;
  }

  /**
   * The pools of a configuration, by virtual host, in small steps. Those of hosts whose origin settings have not changed
   * are kept, with their connections and what they know; `views` are those of all others. The result, to be called when
   * requests come for this configuration, ends the pools that are in no use any more.
   */
  *prepare(config: EdgeConfig, views: readonly OriginView[]): Generator<void, PreparedPools> {
    const settings = new Map<string, VhostSettings>();
    for (const vhost of servingVhosts(config)) {
      settings.set(vhost.name, vhost);
      yield;
    }
    const news = new Map<string, OriginView>();
    for (const view of views) {
      news.set(view.vhost, view);
      yield;
    }
    const get = (name: string): SharedOriginPool | undefined => {
      const vhost = settings.get(name);
      return vhost === undefined ? undefined : this.#poolOf(vhost, news.get(name) ?? this.#views.get(name));
    };
    const enter = (): void => {
      this.#generation = config.generation;
      this.#settings = settings;
      for (const [name, view] of news) this.#views.set(name, view);
      news.clear();
      for (const name of this.#views.keys()) if (!settings.has(name)) this.#views.delete(name);
      for (const [identity, host] of this.#byIdentity) {
        const vhost = settings.get(host.vhost);
        if (vhost === undefined || this.#identityOf(vhost) !== identity) {
          this.#retire(identity, host, vhost);
          continue;
        }
        const view = this.#views.get(host.vhost);
        if (view !== undefined) host.pool.apply(view);
      }
      const early = this.#earlyViews.splice(0);
      for (const change of early) this.applyView(change);
    };
    return { pools: { get }, enter };
  }

  /** Views of a configuration that is not in service yet wait for it. */
  applyView(change: OriginViewChange): void {
    const { generation, view } = change;
    if (generation > this.#generation) this.#earlyViews.push(change);
    const vhost = generation === this.#generation ? this.#settings.get(view.vhost) : undefined;
    if (vhost === undefined) return;
    this.#views.set(view.vhost, view);
    this.#byIdentity.get(this.#identityOf(vhost))?.pool.apply(view);
  }

  #identityOf(settings: VhostSettings): string {
    const known = this.#identities.get(settings);
    if (known !== undefined) return known;
    const identity = identityOf(settings);
    this.#identities.set(settings, identity);
    return identity;
  }

  /** Call it before counters are read. */
  count(): void {
    this.#counting.collect();
  }

  noteTransaction(transaction: OriginTransaction): void {
    this.#counting.noteTransaction(transaction);
    this.#parts.onTransaction(transaction);
  }

  /** Connections count as active anew (STAT-27). */
  beginInterval(): void {
    this.#counting.beginInterval();
  }

  #poolOf(settings: VhostSettings, view: OriginView | undefined): SharedOriginPool {
    const identity = this.#identityOf(settings);
    const known = this.#byIdentity.get(identity);
    if (known !== undefined) return known.pool;
    const { pool } = this.#create(identity, settings);
    if (view !== undefined) pool.apply(view);
    return pool;
  }

  #create(identity: string, settings: VhostSettings): HostPool {
    const pool = createOriginPool(settings, {
      onEvent: (event) => this.#log.note(event),
      clock: this.#parts.clock,
      onTransaction: (transaction) => this.noteTransaction(transaction),
      onOutcome: (outcome) => this.#noteOutcome(outcome),
      share: (total) => shareOf(total, this.#share.workers, this.#share.place),
    });
    this.#counting.watch(settings.name, pool);
    const host = { vhost: settings.name, pool };
    this.#byIdentity.set(identity, host);
    return host;
  }

  #retire(identity: string, host: HostPool, next: VhostSettings | undefined): void {
    this.#byIdentity.delete(identity);
    this.#ending.add(host);
    const successor = next === undefined ? undefined : this.#poolOf(next, this.#views.get(next.name));
    void host.pool.close(next, successor).then(() => {
      this.#ending.delete(host);
      this.#counting.forget(host.pool);
    });
  }

  #noteOutcome(outcome: OriginOutcome): void {
    if (this.#outcomes.length === 0) {
      setTimeout(() => {
        const outcomes = this.#outcomes;
        this.#outcomes = [];
        this.#parts.tellOutcomes(outcomes);
      }, OUTCOMES_EVERY_MS);
    }
    this.#outcomes.push(outcome);
  }

  #tellTransactions(): void {
    const byVhost = new Map<string, number>();
    const add = (vhost: string, { active }: SharedOriginPool): void => {
      if (active > 0) byVhost.set(vhost, (byVhost.get(vhost) ?? 0) + active);
    };
    for (const { vhost, pool } of this.#byIdentity.values()) add(vhost, pool);
    for (const { vhost, pool } of this.#ending) add(vhost, pool);
    if (isSame(byVhost, this.#toldTransactions)) return;
    this.#toldTransactions = byVhost;
    this.#parts.tellTransactions(byVhost);
  }
}
