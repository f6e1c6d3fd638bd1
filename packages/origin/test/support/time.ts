import { type Clock, type EpochMs, epochMs, type MonotonicMs, monotonicMs } from "@basalt/types";
import type { Scheduler } from "../../src/scheduler.ts";

/** A clock that stands still until a test moves it, and the timers that then run, in order. */
export class ManualTime implements Clock {
  #nowMs = 1_000_000;
  readonly #tasks = new Set<{ dueAt: number; readonly intervalMs: number; readonly task: () => void }>();

  now(): EpochMs {
    return epochMs(this.#nowMs);
  }

  monotonic(): MonotonicMs {
    return monotonicMs(this.#nowMs);
  }

  get isTicking(): boolean {
    return this.#tasks.size > 0;
  }

  readonly schedule: Scheduler = (intervalMs, task) => {
    const entry = { dueAt: this.#nowMs + intervalMs, intervalMs, task };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  };

  passMs(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const next = [...this.#tasks].sort((a, b) => a.dueAt - b.dueAt)[0];
      if (next === undefined || next.dueAt > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueAt);
      next.dueAt += Math.max(1, next.intervalMs);
      next.task();
    }
    this.#nowMs = endMs;
  }

  pass(durationSeconds: number): void {
    this.passMs(durationSeconds * 1000);
  }

  /** Lets promises and sockets do what they can between the steps. */
  async passSlowly(durationSeconds: number, stepMs = 250): Promise<void> {
    for (let leftMs = durationSeconds * 1000; leftMs > 0; leftMs -= stepMs) {
      this.passMs(Math.min(stepMs, leftMs));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
