import { COUNTER_NAMES, type OriginCounters, type OriginPool } from "@basalt/origin";
import { type CounterBlock, originFailureSlot, originResponseClassSlot, VHOST_SLOT } from "@basalt/telemetry";

interface Watched {
  readonly vhost: string;
  readonly pool: OriginPool;
  seen: OriginCounters;
}

const copyOf = (counters: OriginCounters): OriginCounters => ({ ...counters, responses: [...counters.responses] });

/** Carries what origin pools have counted into the counters of their virtual hosts, as differences. */
export class OriginCounting {
  readonly #counters: CounterBlock;
  readonly #watched = new Map<OriginPool, Watched>();

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  watch(vhost: string, pool: OriginPool): void {
    if (this.#watched.has(pool)) return;
    const nothing: OriginCounters = { ...copyOf(pool.counters), responses: [] };
    for (const name of COUNTER_NAMES) nothing[name] = 0;
    this.#watched.set(pool, { vhost, pool, seen: nothing });
  }

  /** The pool is closed and counts no more. */
  forget(pool: OriginPool): void {
    this.collect();
    this.#watched.delete(pool);
  }

  /** Call it before counters are read. */
  collect(): void {
    for (const watched of this.#watched.values()) {
      const now = copyOf(watched.pool.counters);
      const offset = this.#counters.vhost(watched.vhost);
      const add = (slot: number, amount: number): void => this.#counters.add(offset + slot, amount);
      const grown = (name: (typeof COUNTER_NAMES)[number]): number => now[name] - watched.seen[name];
      add(VHOST_SLOT.originRequests, grown("requests"));
      add(VHOST_SLOT.originRequestBytes, grown("requestBytes"));
      add(VHOST_SLOT.originResponseBytes, grown("responseHeadBytes") + grown("responseBodyBytes"));
      add(originFailureSlot("ORIGIN_CONNECT_FAILED"), grown("connectFailures"));
      add(originFailureSlot("ORIGIN_RECEIVE_TIMEOUT"), grown("receiveTimeouts"));
      add(originFailureSlot("ORIGIN_CLOSED"), grown("closedEarly"));
      add(VHOST_SLOT.originRefused, grown("refused"));
      for (let group = 1; group <= 5; group++) {
        add(originResponseClassSlot(group * 100), (now.responses[group] ?? 0) - (watched.seen.responses[group] ?? 0));
      }
      watched.seen = now;
    }
  }
}
