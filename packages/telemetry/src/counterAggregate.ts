import type { CounterSnapshot, PlacedCounter } from "./contract.ts";
import { PROCESS_COUNTERS, PROCESS_SLOT_COUNT, VHOST_COUNTERS, VHOST_SLOT_COUNT } from "./counterTable.ts";

/** Sums over all processes at one moment. */
export interface CounterTotals {
  readonly process: Float64Array;
  readonly vhosts: ReadonlyMap<string, Float64Array>;
}

interface Source {
  incarnation: number;
  /** Undefined once the incarnation has ended. */
  last: CounterSnapshot | undefined;
}

const gaugeMask = (counters: readonly PlacedCounter[], size: number): readonly boolean[] => {
  const mask = new Array<boolean>(size).fill(false);
  for (const { kind, slot } of counters) if (kind === "gauge") mask[slot] = true;
  return mask;
};

const PROCESS_GAUGES = gaugeMask(PROCESS_COUNTERS, PROCESS_SLOT_COUNT);
const VHOST_GAUGES = gaugeMask(VHOST_COUNTERS, VHOST_SLOT_COUNT);

/** Adds `from[offset…]` to `to`, without the slots of `skip`. */
const accumulate = (to: Float64Array, from: Float64Array, offset: number, skip?: readonly boolean[]): void => {
  for (let slot = 0; slot < to.length; slot += 1) {
    if (skip?.[slot] === true) continue;
    to[slot] = (to[slot] ?? 0) + (from[offset + slot] ?? 0);
  }
};

/**
 * The primary's view of all processes. What an incarnation of a source counted stays counted after its end, so
 * cumulative figures never fall; gauges are those of living sources only.
 */
export class CounterAggregate {
  readonly #sources = new Map<string, Source>();
  readonly #endedProcess = new Float64Array(PROCESS_SLOT_COUNT);
  readonly #endedVhosts = new Map<string, Float64Array>();
  #published: readonly string[] | undefined;

  /**
   * Takes the newest figures of a source. `incarnation` grows with each restart of the source; late figures of an
   * earlier or ended incarnation are ignored, as are figures of another layout (a process of another version).
   */
  accept(source: string, incarnation: number, snapshot: CounterSnapshot): void {
    if (snapshot.values.length !== PROCESS_SLOT_COUNT + snapshot.vhosts.length * VHOST_SLOT_COUNT) return;
    const known = this.#sources.get(source);
    if (known === undefined) {
      this.#sources.set(source, { incarnation, last: snapshot });
      return;
    }
    if (incarnation < known.incarnation) return;
    if (incarnation === known.incarnation && known.last === undefined) return;
    if (incarnation > known.incarnation) {
      this.#fold(known);
      known.incarnation = incarnation;
    }
    known.last = snapshot;
  }

  /** The source's process has ended: its counters stay, its gauges go. */
  end(source: string): void {
    const known = this.#sources.get(source);
    if (known !== undefined) this.#fold(known);
  }

  /** Names to publish, in this order; a virtual host that comes back continues where it was. */
  setVhosts(names: readonly string[]): void {
    this.#published = names;
  }

  totals(): CounterTotals {
    const process = this.#endedProcess.slice();
    const all = new Map<string, Float64Array>();
    for (const [name, ended] of this.#endedVhosts) all.set(name, ended.slice());
    for (const { last } of this.#sources.values()) {
      if (last === undefined) continue;
      accumulate(process, last.values, 0);
      last.vhosts.forEach((name, index) => {
        const totals = all.get(name) ?? new Float64Array(VHOST_SLOT_COUNT);
        accumulate(totals, last.values, PROCESS_SLOT_COUNT + index * VHOST_SLOT_COUNT);
        all.set(name, totals);
      });
    }
    if (this.#published === undefined) return { process, vhosts: all };
    return {
      process,
      vhosts: new Map(this.#published.map((name) => [name, all.get(name) ?? new Float64Array(VHOST_SLOT_COUNT)])),
    };
  }

  #fold(source: Source): void {
    const { last } = source;
    source.last = undefined;
    if (last === undefined) return;
    accumulate(this.#endedProcess, last.values, 0, PROCESS_GAUGES);
    last.vhosts.forEach((name, index) => {
      const ended = this.#endedVhosts.get(name) ?? new Float64Array(VHOST_SLOT_COUNT);
      accumulate(ended, last.values, PROCESS_SLOT_COUNT + index * VHOST_SLOT_COUNT, VHOST_GAUGES);
      this.#endedVhosts.set(name, ended);
    });
  }
}
