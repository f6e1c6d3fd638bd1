/** Work that is done again and again, never twice at a time; what is asked for meanwhile is done behind it. */
export class RepeatedWork {
  readonly #work: () => Promise<number | undefined>;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isAskedAgain = false;
  #isStopped = false;

  /** `work` resolves with the milliseconds until it is due again; undefined: not before somebody asks for it. */
  constructor(work: () => Promise<number | undefined>) {
    this.#work = work;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  soon(): void {
    if (!this.#isStopped) this.#schedule(0);
  }

  /** What runs goes on to its end. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delayMs);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isRunning = true;
    this.#isAskedAgain = false;
    let nextMs: number | undefined;
    try {
      nextMs = await this.#work();
    } finally {
      this.#isRunning = false;
    }
    if (this.#isStopped) return;
    if (this.#isAskedAgain) this.#schedule(0);
    else if (nextMs !== undefined) this.#schedule(nextMs);
  }
}
