import { EdgeError } from "@basalt/types";
import { Piscina } from "piscina";
import type { TransformPool, TransformPoolOptions } from "./contract.ts";

interface Ticket<Job, Outcome> {
  readonly job: Job;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: EdgeError) => void;
  /** Aborted by the caller, or when the deadline of the running job has passed. */
  readonly stop: AbortController;
  readonly forget: () => void;
}

/**
 * Jobs on piscina's threads, first come first served. The queue is here and not in piscina because the deadline
 * counts from the moment a job runs, which piscina does not tell.
 */
export class ThreadPool<Job, Outcome> {
  readonly #options: TransformPoolOptions;
  readonly #piscina: Piscina<Job, Outcome>;
  readonly #waiting = new Set<Ticket<Job, Outcome>>();
  readonly #running = new Set<Promise<void>>();
  #done = 0;
  #failed = 0;
  #closed = false;

  /** `entry`: module whose default export runs one job. */
  constructor(entry: URL, options: TransformPoolOptions) {
    this.#options = options;
    this.#piscina = new Piscina<Job, Outcome>({
      filename: entry.href,
      minThreads: options.threads,
      maxThreads: options.threads,
    });
    // A thread that dies without a job is replaced by piscina; a job it had is rejected through its own promise.
    this.#piscina.on("error", () => {});
  }

  get figures(): TransformPool["figures"] {
    return {
      waiting: this.#waiting.size,
      running: this.#running.size,
      done: this.#done,
      failed: this.#failed,
    };
  }

  /** `transfer` is detached from the caller when the job starts. */
  run(job: Job, transfer: readonly ArrayBuffer[], signal?: AbortSignal): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new EdgeError("TRANSFORM_FAILED", { detail: "transform pool is closed" }));
    if (signal?.aborted === true) return Promise.reject(new EdgeError("TRANSFORM_FAILED", { detail: "cancelled" }));
    const isFree = this.#running.size < this.#options.threads;
    if (!isFree && this.#waiting.size >= this.#options.queueLimit) {
      return Promise.reject(new EdgeError("TRANSFORM_OVERLOADED", { detail: `${this.#waiting.size} jobs waiting` }));
    }
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.#cancel(ticket);
      const ticket: Ticket<Job, Outcome> = {
        job,
        transfer,
        resolve,
        reject,
        stop: new AbortController(),
        forget: () => signal?.removeEventListener("abort", cancel),
      };
      signal?.addEventListener("abort", cancel, { once: true });
      if (isFree) this.#start(ticket);
      else this.#waiting.add(ticket);
    });
  }

  /** Rejects the waiting jobs, lets the running ones end (their deadline bounds it) and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ticket of this.#waiting) this.#fail(ticket, "transform pool is closed");
    this.#waiting.clear();
    await Promise.all(this.#running);
    await this.#piscina.destroy();
  }

  #start(ticket: Ticket<Job, Outcome>): void {
    const { deadlineMs } = this.#options;
    const timer = setTimeout(() => ticket.stop.abort(`longer than ${deadlineMs} ms`), deadlineMs);
    const end = (): void => {
      clearTimeout(timer);
      this.#running.delete(run);
      this.#startNext();
    };
    const { signal } = ticket.stop;
    const run = this.#piscina.run(ticket.job, { transferList: [...ticket.transfer], signal }).then(
      (outcome) => {
        end();
        this.#done += 1;
        ticket.forget();
        ticket.resolve(outcome);
      },
      (cause: unknown) => {
        end();
        this.#fail(ticket, signal.aborted ? signal.reason : cause);
      },
    );
    this.#running.add(run);
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#start(next);
  }

  #cancel(ticket: Ticket<Job, Outcome>): void {
    if (this.#waiting.delete(ticket)) this.#fail(ticket, "cancelled");
    else ticket.stop.abort("cancelled");
  }

  #fail(ticket: Ticket<Job, Outcome>, cause: unknown): void {
    this.#failed += 1;
    ticket.forget();
    ticket.reject(EdgeError.from(cause, "TRANSFORM_FAILED"));
  }
}
