import { type EpochMs, epochMs, type Milliseconds, type MonotonicMs, monotonicMs } from "./units.ts";

/** The only source of time for decisions. Timers of the event loop stay real; what they decide reads this clock. */
export interface Clock {
  now(): EpochMs;
  monotonic(): MonotonicMs;
}

export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  monotonic: () => monotonicMs(performance.now()),
};

/** A clock that runs with the system's but can be moved forward: what tests use instead of sleeping. */
export class AdjustableClock implements Clock {
  #offsetMs = 0;

  now(): EpochMs {
    return epochMs(Date.now() + this.#offsetMs);
  }

  monotonic(): MonotonicMs {
    return monotonicMs(performance.now() + this.#offsetMs);
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Moves to an absolute offset from the system clock; idempotent, so that every process can be told the same figure. */
  setOffset(offset: Milliseconds): void {
    this.#offsetMs = offset;
  }
}
