import type { CounterSnapshot } from "./contract.ts";
import { PROCESS_SLOT_COUNT, RESPONSE_TIME_SUM_SLOT, responseTimeSlot, VHOST_SLOT_COUNT } from "./counterTable.ts";

/**
 * The counters of one process. A virtual host keeps its offset for the life of the process, also when it leaves the
 * configuration: requests under way may still count on it.
 */
export class CounterBlock {
  /** Replaced when a virtual host is added: read it at each use, never keep it. */
  values: Float64Array = new Float64Array(PROCESS_SLOT_COUNT + 8 * VHOST_SLOT_COUNT);
  readonly #offsets = new Map<string, number>();

  /** Offset of the virtual host's block, allocated at its first use: add slots of VHOST_SLOT to it. */
  vhost(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = PROCESS_SLOT_COUNT + this.#offsets.size * VHOST_SLOT_COUNT;
    if (offset + VHOST_SLOT_COUNT > this.values.length) {
      const larger = new Float64Array(2 * this.values.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.#offsets.set(name, offset);
    return offset;
  }

  /** Offsets of all virtual hosts so far. */
  get vhosts(): Iterable<number> {
    return this.#offsets.values();
  }

  add(slot: number, amount: number): void {
    const values = this.values;
    values[slot] = (values[slot] ?? 0) + amount;
  }

  /** Gauges, and counters whose sum since the start of this process is kept elsewhere. */
  set(slot: number, value: number): void {
    this.values[slot] = value;
  }

  get(slot: number): number {
    return this.values[slot] ?? 0;
  }

  observeResponseTime(vhostOffset: number, responseSeconds: number): void {
    this.add(vhostOffset + responseTimeSlot(responseSeconds), 1);
    this.add(vhostOffset + RESPONSE_TIME_SUM_SLOT, responseSeconds);
  }

  snapshot(): CounterSnapshot {
    const used = PROCESS_SLOT_COUNT + this.#offsets.size * VHOST_SLOT_COUNT;
    return { vhosts: [...this.#offsets.keys()], values: this.values.slice(0, used) };
  }
}
