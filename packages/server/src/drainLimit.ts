/** When a drain is over at the latest. The moment may come nearer, but it never goes further away. */
export class DrainLimit {
  readonly #over = Promise.withResolvers<void>();
  readonly #onPassed: () => void;
  #endMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `onPassed`: what is left has to be cut. */
  constructor(onPassed: () => void = () => {}) {
    this.#onPassed = onPassed;
  }

  /** Resolves when the moment has passed, or nothing was left before. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** In so many milliseconds from now; false when it is to be over sooner anyway. */
  shorten(limitMs: number): boolean {
    const endMs = performance.now() + limitMs;
    if (endMs >= this.#endMs) return false;
    this.#endMs = endMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#onPassed();
      this.end();
    }, limitMs);
    return true;
  }

  /** Nothing is left. */
  end(): void {
    this.#endMs = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#over.resolve();
  }
}
