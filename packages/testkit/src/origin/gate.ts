import { HANG_LIMIT_MS } from "../limits.ts";

/** A barrier that lets tests order events without sleeping. */
export class Gate {
  #open = false;
  #waiting: (() => void)[] = [];
  #arrivals = 0;
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Exchanges standing at the gate now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets all through, now and later. */
  readonly release = (): void => {
    this.#open = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** Resolves when that many exchanges have come to the gate since it was made; rejects after `limitMs`. */
  async arrived(count = 1, limitMs = HANG_LIMIT_MS): Promise<void> {
    if (this.#arrivals >= count) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.#arrivals} of ${count} exchanges came to the gate within ${limitMs} ms`));
      }, limitMs);
      const arrive = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#watchers.push({ count, resolve: arrive });
    });
  }

  async pass(): Promise<void> {
    this.#arrivals += 1;
    this.#watchers = this.#watchers.filter((watcher) => {
      if (watcher.count > this.#arrivals) return true;
      watcher.resolve();
      return false;
    });
    if (!this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
