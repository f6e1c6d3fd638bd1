import { EdgeError, type ErrorCode } from "@basalt/types";
import { Piscina } from "piscina";
import type {
  JobTerms,
  JobWatch,
  TransformPoolFigures,
  TransformPoolLimits,
  TransformPoolOptions,
} from "./contract.ts";
import { FairQueue } from "./fairQueue.ts";

/** A job as its thread gets it: `transfer` is detached from this side. */
export interface LoadedJob<Job> {
  readonly job: Job;
  readonly transfer: readonly ArrayBuffer[];
}

interface Ticket<Job, Outcome> {
  readonly terms: JobTerms;
  readonly load: () => Promise<LoadedJob<Job>>;
  readonly watch: JobWatch;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: EdgeError) => void;
  readonly forget: () => void;
  state: "waiting" | "loading" | "loaded" | "running" | "over";
}

interface LoadedTicket<Job, Outcome> {
  readonly ticket: Ticket<Job, Outcome>;
  readonly loaded: LoadedJob<Job>;
}

/** Sources that are loaded while all threads are at work, so that a thread need not wait for its next. */
const LOADED_AHEAD = 1;
/** A terminated thread that has not ended after that time is inside native code. */
const STUCK_MS = 2_000;

/**
 * Jobs on piscina's threads. The queue is here and not in piscina because of its fairness, because the deadline counts
 * from the moment a job runs, which piscina does not tell, and because a source is loaded only when its turn has come.
 */
export class ThreadPool<Job, Outcome> {
  #options: TransformPoolOptions;
  readonly #piscina: Piscina<Job, Outcome>;
  readonly #queue = new FairQueue<Ticket<Job, Outcome>>();
  /** Taken from the queue, and over neither for the client nor for the queue. */
  readonly #taken = new Set<Ticket<Job, Outcome>>();
  readonly #loaded: LoadedTicket<Job, Outcome>[] = [];
  readonly #running = new Set<Promise<void>>();
  #idleRunning = 0;
  #done = 0;
  #failed = 0;
  #cancelled = 0;
  #overloaded = 0;
  #mayStart = true;
  #closed: EdgeError | undefined;

  /** `entry`: module whose default export runs one job. */
  constructor(entry: URL, options: TransformPoolOptions) {
    this.#options = options;
    this.#piscina = new Piscina<Job, Outcome>({
      filename: entry.href,
      minThreads: 1,
      maxThreads: options.threads,
      idleTimeout: options.idleThreadMs,
    });
    // A thread that dies without a job is replaced by piscina; a job it had is rejected through its own promise.
    this.#piscina.on("error", () => {});
  }

  get figures(): Omit<TransformPoolFigures, "refused"> {
    return {
      waiting: this.#queue.size + this.#taken.size - this.#running.size,
      running: this.#running.size,
      done: this.#done,
      failed: this.#failed,
      cancelled: this.#cancelled,
      overloaded: this.#overloaded,
    };
  }

  run(terms: JobTerms, load: () => Promise<LoadedJob<Job>>, watch: JobWatch = {}): Promise<Outcome> {
    const { signal } = watch;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted === true) return Promise.reject(this.#cancellation());
    if (!this.#makeRoom(terms)) return Promise.reject(this.#overload(`${this.#queue.size} jobs waiting`));
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.#giveUp(ticket, () => this.#cancellation());
      const patience = setTimeout(() => {
        this.#giveUp(ticket, () => this.#overload(`waited longer than ${this.#options.deadlineMs} ms`));
      }, this.#options.deadlineMs);
      const ticket: Ticket<Job, Outcome> = {
        terms,
        load,
        watch,
        resolve,
        reject,
        forget: () => {
          clearTimeout(patience);
          signal?.removeEventListener("abort", cancel);
        },
        state: "waiting",
      };
      signal?.addEventListener("abort", cancel, { once: true });
      this.#queue.add(ticket);
      this.#pump();
    });
  }

  setLimits(limits: TransformPoolLimits): void {
    this.#options = { ...this.#options, ...limits };
  }

  setStarting(mayStart: boolean): void {
    this.#mayStart = mayStart;
    this.#pump();
  }

  /** Rejects what waits with `reason`, and all that comes; resolves when no job runs. */
  async retire(reason: EdgeError): Promise<void> {
    this.#closed = reason;
    for (const ticket of [...this.#queue, ...this.#taken]) this.#giveUp(ticket, () => reason);
    await Promise.all(this.#running);
  }

  /** The deadline of the running jobs bounds it. */
  async close(): Promise<void> {
    await this.retire(new EdgeError("TRANSFORM_FAILED", { detail: "transform pool is closed" }));
    await this.#piscina.destroy();
  }

  /** Takes jobs out of the queue as far as there are threads for them, and a little further. */
  #pump(): void {
    const { threads } = this.#options;
    while (this.#mayStart && this.#taken.size < threads + LOADED_AHEAD) {
      // Jobs that nobody waits for leave a thread to those that come, if there are several.
      const mayBeIdle = this.#taken.size < threads && this.#idleRunning < Math.max(1, threads - 1);
      const ticket = this.#queue.take(mayBeIdle);
      if (ticket === undefined) return;
      this.#taken.add(ticket);
      if (ticket.terms.priority === "idle") this.#idleRunning++;
      ticket.state = "loading";
      void this.#load(ticket);
    }
  }

  async #load(ticket: Ticket<Job, Outcome>): Promise<void> {
    try {
      const loaded = await ticket.load();
      if (ticket.state !== "loading") return;
      ticket.state = "loaded";
      this.#loaded.push({ ticket, loaded });
      this.#startLoaded();
    } catch (cause) {
      if (ticket.state !== "loading") return;
      this.#leave(ticket, 0);
      this.#fail(ticket, cause);
      this.#pump();
    }
  }

  #startLoaded(): void {
    while (this.#running.size < this.#options.threads) {
      const next = this.#loaded.shift();
      if (next === undefined) return;
      if (next.ticket.state === "loaded") this.#start(next.ticket, next.loaded);
    }
  }

  #start(ticket: Ticket<Job, Outcome>, { job, transfer }: LoadedJob<Job>): void {
    const { deadlineMs } = this.#options;
    const startedMs = performance.now();
    ticket.state = "running";
    ticket.forget();
    ticket.watch.onStart?.();
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ticket.watch.onOverrun?.();
      this.#endThread(stop, `longer than ${deadlineMs} ms`);
    }, deadlineMs);
    const end = (): void => {
      clearTimeout(timer);
      this.#running.delete(run);
      const tookMs = performance.now() - startedMs;
      ticket.watch.onRan?.(tookMs);
      this.#leave(ticket, tookMs);
    };
    const run = this.#piscina.run(job, { transferList: [...transfer], signal: stop.signal }).then(
      (outcome) => {
        end();
        this.#done++;
        ticket.resolve(outcome);
        this.#goOn();
      },
      (cause: unknown) => {
        end();
        this.#fail(ticket, stop.signal.aborted ? stop.signal.reason : cause);
        this.#goOn();
      },
    );
    this.#running.add(run);
  }

  #goOn(): void {
    this.#startLoaded();
    this.#pump();
  }

  /** Ends the thread of a job that runs too long, and sees whether it does end. */
  #endThread(stop: AbortController, reason: string): void {
    const before = this.#piscina.threads;
    stop.abort(reason);
    const left = new Set(this.#piscina.threads);
    for (const thread of before) {
      if (left.has(thread)) continue;
      const timer = setTimeout(this.#options.onStuckThread, STUCK_MS);
      thread.once("exit", () => clearTimeout(timer));
    }
  }

  /** Gives up a job that does not run yet. */
  #giveUp(ticket: Ticket<Job, Outcome>, errorOf: () => EdgeError): void {
    if (ticket.state === "running" || ticket.state === "over") return;
    ticket.forget();
    if (!this.#queue.remove(ticket)) this.#leave(ticket, 0);
    ticket.state = "over";
    // Its source is memory that the next one's is loaded in addition to.
    const place = this.#loaded.findIndex((loaded) => loaded.ticket === ticket);
    if (place >= 0) this.#loaded.splice(place, 1);
    ticket.reject(errorOf());
    this.#pump();
  }

  #leave(ticket: Ticket<Job, Outcome>, tookMs: number): void {
    ticket.state = "over";
    this.#taken.delete(ticket);
    if (ticket.terms.priority === "idle") this.#idleRunning--;
    this.#queue.ended(ticket, tookMs);
  }

  #makeRoom(terms: JobTerms): boolean {
    const { threads, queueLimit, queueLimitBytes } = this.#options;
    if (this.#queue.heldBytes > 0 && this.#queue.heldBytes + terms.heldBytes > queueLimitBytes) return false;
    if (this.#queue.size < queueLimit || this.#taken.size < threads) return true;
    const victim = this.#queue.victimFor(terms);
    if (victim === undefined) return false;
    this.#giveUp(victim, () => this.#overload("gave way to a job of another virtual host"));
    return true;
  }

  #fail(ticket: Ticket<Job, Outcome>, cause: unknown): void {
    this.#failed++;
    ticket.state = "over";
    ticket.forget();
    ticket.reject(EdgeError.from(cause, "TRANSFORM_FAILED"));
  }

  #cancellation(): EdgeError {
    this.#cancelled++;
    return failure("TRANSFORM_FAILED", "cancelled");
  }

  #overload(detail: string): EdgeError {
    this.#overloaded++;
    return failure("TRANSFORM_OVERLOADED", detail);
  }
}

const failure = (code: ErrorCode, detail: string): EdgeError => new EdgeError(code, { detail });
