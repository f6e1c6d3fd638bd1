import { type Clock, type MonotonicMs, milliseconds, monotonicMs } from "@basalt/types";
import { PROBE_TICK_MS } from "./limits.ts";

/** Runs a task again and again until the result is called. */
export type Scheduler = (intervalMs: number, task: () => void) => () => void;

/** Timers that do not keep the process alive. */
export const unrefScheduler: Scheduler = (intervalMs, task) => {
  const timer = setInterval(task, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

/** Starts one probe; `done` tells once whether it succeeded. The result gives it up without an answer. */
export type Probe = (index: number, done: (successful: boolean) => void) => () => void;

interface Patient {
  dueAt: MonotonicMs;
  giveUp: (() => void) | undefined;
}

/** Probes excluded addresses every `cycleMs` (ORG-04, ORG-05). Costs nothing while none is excluded. */
export class RecoveryProber {
  readonly #cycleMs: number;
  readonly #clock: Clock;
  readonly #schedule: Scheduler;
  readonly #probe: Probe;
  readonly #onResult: (index: number, successful: boolean) => void;
  readonly #patients = new Map<number, Patient>();
  #stopTicking: (() => void) | undefined;

  constructor(
    cycleMs: number,
    clock: Clock,
    schedule: Scheduler,
    probe: Probe,
    onResult: (index: number, successful: boolean) => void,
  ) {
    this.#cycleMs = cycleMs;
    this.#clock = clock;
    this.#schedule = schedule;
    this.#probe = probe;
    this.#onResult = onResult;
  }

  /** The addresses to probe from now on; those already known keep their turn. */
  watch(excluded: readonly number[]): void {
    for (const index of [...this.#patients.keys()]) {
      if (!excluded.includes(index)) this.#release(index);
    }
    for (const index of excluded) {
      if (!this.#patients.has(index)) this.#patients.set(index, { dueAt: this.#nextTurn(), giveUp: undefined });
    }
    if (this.#patients.size > 0) {
      const intervalMs = milliseconds(Math.min(PROBE_TICK_MS, Math.max(1, this.#cycleMs)));
      this.#stopTicking ??= this.#schedule(intervalMs, () => this.#tick());
    } else {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    }
  }

  stop(): void {
    this.watch([]);
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    for (const [index, patient] of this.#patients) {
      if (patient.giveUp !== undefined || patient.dueAt > now) continue;
      patient.dueAt = this.#nextTurn();
      patient.giveUp = this.#probe(index, (successful) => {
        patient.giveUp = undefined;
        if (this.#patients.get(index) === patient) this.#onResult(index, successful);
      });
    }
  }

  #release(index: number): void {
    const patient = this.#patients.get(index);
    this.#patients.delete(index);
    patient?.giveUp?.();
  }

  #nextTurn(): MonotonicMs {
    return monotonicMs(this.#clock.monotonic() + this.#cycleMs);
  }
}
