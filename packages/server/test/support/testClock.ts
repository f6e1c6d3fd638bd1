import { type Clock, type EpochMs, epochMs, type MonotonicMs, monotonicMs } from "@basalt/types";

/** A clock that stands still until it is told to go on. */
export class TestClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);

  now(): EpochMs {
    return epochMs(this.#nowMs);
  }

  monotonic(): MonotonicMs {
    return monotonicMs(this.#nowMs);
  }

  advanceSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}
