const DIGITS = 20;
const PER_MS = 1_000_000n;

/** Ids that only grow: they begin with the time, so that they do so also where nothing is known of earlier ones. */
export class EventIds {
  #last = 0n;

  /** Ids given out before. */
  learn(id: string): void {
    const known = /^\d{1,30}$/.test(id) ? BigInt(id) : 0n;
    if (known > this.#last) this.#last = known;
  }

  next(nowMs: number): string {
    const byTime = BigInt(Math.floor(nowMs)) * PER_MS;
    this.#last = byTime > this.#last ? byTime : this.#last + 1n;
    return String(this.#last).padStart(DIGITS, "0");
  }
}
