import type { Clock } from "@basalt/types";

/** Something that is done again and again, never twice at a time. */
export interface RecurringJob {
  /** From now to the first run. */
  readonly firstDelayMs: number;
  /** Starts one run; `done` ends it and tells when the next is due, counted from the start. The result gives it up. */
  run(done: (cycleMs: number) => void): () => void;
}

interface Job {
  run: RecurringJob["run"];
  dueAt: number;
  giveUp: (() => void) | undefined;
}

/** Jobs by name. What is due, the clock decides; somebody else says when to look. */
export class DueJobs {
  readonly #clock: Clock;
  readonly #jobs = new Map<string, Job>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#jobs.size === 0;
  }

  /** The jobs from now on; those already known keep their turn, those no longer wanted are given up. */
  replace(wanted: ReadonlyMap<string, RecurringJob>): void {
    for (const [name, job] of this.#jobs) {
      if (wanted.has(name)) continue;
      this.#jobs.delete(name);
      job.giveUp?.();
    }
    const now = this.#clock.monotonic();
    for (const [name, { firstDelayMs, run }] of wanted) {
      const known = this.#jobs.get(name);
      if (known !== undefined) known.run = run;
      else this.#jobs.set(name, { run, dueAt: now + firstDelayMs, giveUp: undefined });
    }
  }

  runDue(): void {
    const now = this.#clock.monotonic();
    for (const [name, job] of [...this.#jobs]) {
      if (job.giveUp === undefined && job.dueAt <= now && this.#jobs.get(name) === job) this.#start(name, job, now);
    }
  }

  #start(name: string, job: Job, now: number): void {
    let isOver = false;
    const giveUp = job.run((cycleMs) => {
      if (isOver) return;
      isOver = true;
      job.giveUp = undefined;
      // A run that took longer than its cycle, or a clock that was moved: the turns in between are left out.
      if (this.#jobs.get(name) === job) job.dueAt = Math.max(now + cycleMs, this.#clock.monotonic() + 1);
    });
    if (!isOver) job.giveUp = giveUp;
  }
}
