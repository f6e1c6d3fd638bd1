import { type Clock, type EpochMs, epochMs, monotonicMs } from "@basalt/types";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
  isKeepingAlive: boolean;
}

/**
 * Runs what is waiting one by one in an order drawn from a seed, so that concurrent file operations meet in every
 * order and a seed always gives the same one. Timers wait in the same queue.
 */
export class TurnQueue {
  readonly #random: () => number;
  readonly #startedAt: number;
  readonly #waiting: (() => void)[] = [];
  readonly #timers = new Set<Timer>();
  #elapsedMs = 0;
  #isRunning = false;

  constructor(random: () => number, startedAt: EpochMs) {
    this.#random = random;
    this.#startedAt = startedAt;
  }

  /** Moves only with the turns of the queue. */
  readonly clock: Clock = {
    now: () => epochMs(this.#startedAt + Math.floor(this.#elapsedMs)),
    monotonic: () => monotonicMs(this.#elapsedMs),
  };

  add(work: () => void): void {
    this.#waiting.push(work);
    this.#start();
  }

  run<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.add(() => {
        try {
          resolve(work());
        } catch (cause) {
          reject(cause);
        }
      });
    });
  }

  /** Takes the place of the global timers. */
  readonly setTimeout = (callback: (...values: unknown[]) => void, delayMs = 0, ...values: unknown[]): object => {
    const timer: Timer = {
      dueMs: this.#elapsedMs + delayMs,
      run: () => callback(...values),
      isKeepingAlive: true,
    };
    this.#timers.add(timer);
    this.#start();
    const handle = {
      timer,
      ref: () => handle,
      unref: () => {
        timer.isKeepingAlive = false;
        return handle;
      },
    };
    return handle;
  };

  readonly clearTimeout = (handle: unknown): void => {
    if (typeof handle !== "object" || handle === null || !("timer" in handle)) return;
    for (const timer of this.#timers) if (timer === handle.timer) this.#timers.delete(timer);
  };

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isRunning = false;
    this.#elapsedMs += this.#random() * 3;
    const [work] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1);
    work?.();
    for (const timer of [...this.#timers]) {
      if (timer.dueMs > this.#elapsedMs || !this.#timers.delete(timer)) continue;
      timer.run();
    }
    if (this.#waiting.length > 0 || [...this.#timers].some(({ isKeepingAlive }) => isKeepingAlive)) this.#start();
  }
}
