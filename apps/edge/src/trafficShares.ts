import type { EdgeConfig } from "@basalt/config";
import { divideTraffic, type TrafficDemand, trafficLimitsOf } from "@basalt/policy";

/** The reports of all workers for one moment are waited for. */
const DEAL_MS = 50;
/** A change of a fraction that is worth telling. */
const WORTH_TELLING = 0.002;

const NO_DEMAND: TrafficDemand = { sessions: 0, isShort: false, bytesPerSecond: 0 };

export interface SharingWorker {
  readonly id: number;
  readonly tellShares: (fractions: ReadonlyMap<string, number>) => void;
}

export interface TrafficSharesParts {
  readonly config: () => EdgeConfig;
  /** Those that can be told something. */
  readonly workers: () => readonly SharingWorker[];
}

/** The primary's part of the traffic caps (BW-01): deals them out to the workers, by what these say that they need. */
export class TrafficShares {
  readonly #parts: TrafficSharesParts;
  #caps: ReadonlyMap<string, number> = new Map();
  #generation = 0;
  /** By virtual host and worker; workers without demand have none. */
  readonly #demands = new Map<string, Map<number, TrafficDemand>>();
  readonly #told = new Map<number, Map<string, number>>();
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TrafficSharesParts) {
    this.#parts = parts;
  }

  report(worker: number, byVhost: ReadonlyMap<string, TrafficDemand>): void {
    this.#readCaps();
    for (const [vhost, workers] of this.#demands) {
      if (!byVhost.has(vhost) && workers.delete(worker)) this.#changed.add(vhost);
    }
    for (const [vhost, demand] of byVhost) {
      if (!this.#caps.has(vhost)) continue;
      const workers = this.#demands.get(vhost) ?? new Map<number, TrafficDemand>();
      this.#demands.set(vhost, workers.set(worker, demand));
      this.#changed.add(vhost);
    }
    if (this.#changed.size > 0) this.#timer ??= setTimeout(() => this.#deal(), DEAL_MS);
  }

  workerGone(worker: number): void {
    this.#told.delete(worker);
    this.report(worker, new Map());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #readCaps(): void {
    const config = this.#parts.config();
    if (config.generation === this.#generation) return;
    this.#generation = config.generation;
    const caps = new Map<string, number>();
    for (const settings of config.vhosts) {
      const { hostBytesPerSecond } = trafficLimitsOf(settings);
      if (hostBytesPerSecond !== undefined) caps.set(settings.name, hostBytesPerSecond);
    }
    this.#caps = caps;
    for (const vhost of this.#demands.keys()) if (!caps.has(vhost)) this.#demands.delete(vhost);
  }

  #deal(): void {
    this.#timer = undefined;
    const workers = this.#parts.workers();
    const news = new Map<number, Map<string, number>>();
    for (const vhost of this.#changed) {
      const demands = this.#demands.get(vhost);
      const fractions = divideTraffic(
        this.#caps.get(vhost) ?? 0,
        workers.map(({ id }) => demands?.get(id) ?? NO_DEMAND),
      );
      for (const [index, { id }] of workers.entries()) this.#note(news, id, vhost, fractions[index] ?? 0);
    }
    this.#changed.clear();
    for (const { id, tellShares } of workers) {
      const fractions = news.get(id);
      if (fractions !== undefined) tellShares(fractions);
    }
  }

  #note(news: Map<number, Map<string, number>>, worker: number, vhost: string, fraction: number): void {
    const told = this.#told.get(worker) ?? new Map<string, number>();
    const before = told.get(vhost);
    // Whoever was told nothing has an equal part, not none.
    if (before !== undefined && Math.abs(before - fraction) < WORTH_TELLING) return;
    this.#told.set(worker, told.set(vhost, fraction));
    const own = news.get(worker) ?? new Map<string, number>();
    news.set(worker, own.set(vhost, fraction));
  }
}
