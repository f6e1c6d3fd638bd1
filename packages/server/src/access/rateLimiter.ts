/** Keys of one limit that are remembered; of more the oldest are forgotten. */
const MOST_KEYS = 100_000;
/** Keys that one report names; the others wait for the next. */
const MOST_REPORTED = 2_000;

export interface RateSettings {
  readonly count: number;
  readonly seconds: number;
  readonly burst: number;
}

/** What was admitted by one process since its last report: keys and how often. */
export type AdmittedCounts = readonly (readonly [key: string, count: number])[];

/**
 * Token buckets by key, as one moment each: when the bucket would be full again (the generic cell rate algorithm). The
 * other workers' admissions are taken off as they are heard of, also below nothing: so what several workers admit at once
 * beyond the limit is paid back before anything more is admitted, and over time the rate is exact.
 */
export class RateLimiter {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #fullAtMs = new Map<string, number>();
  #admitted = new Map<string, number>();

  constructor({ count, seconds, burst }: RateSettings) {
    this.#intervalMs = (seconds * 1000) / count;
    this.#toleranceMs = (burst - 1) * this.#intervalMs;
  }

  /** Admits one, and answers 0; or how many milliseconds are left until the next one of this key would be admitted. */
  take(key: string, nowMs: number): number {
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(key) ?? 0);
    // Sums of fractions are not to cost a request that comes in the very moment.
    const waitMs = fullAtMs - nowMs - this.#toleranceMs - 0.001;
    if (waitMs > 0) return waitMs;
    this.#remember(key, fullAtMs + this.#intervalMs, nowMs);
    this.#admitted.set(key, (this.#admitted.get(key) ?? 0) + 1);
    return 0;
  }

  /** What another worker has admitted. */
  takeOff(counts: AdmittedCounts, nowMs: number): void {
    for (const [key, count] of counts) {
      this.#remember(key, Math.max(nowMs, this.#fullAtMs.get(key) ?? 0) + count * this.#intervalMs, nowMs);
    }
  }

  /** What was admitted here since the last call. */
  report(): AdmittedCounts {
    if (this.#admitted.size <= MOST_REPORTED) {
      const counts = [...this.#admitted];
      if (counts.length > 0) this.#admitted = new Map();
      return counts;
    }
    const counts: (readonly [string, number])[] = [];
    for (const entry of this.#admitted) {
      counts.push(entry);
      this.#admitted.delete(entry[0]);
      if (counts.length === MOST_REPORTED) break;
    }
    return counts;
  }

  get keyCount(): number {
    return this.#fullAtMs.size;
  }

  #remember(key: string, fullAtMs: number, nowMs: number): void {
    if (this.#fullAtMs.size >= MOST_KEYS && !this.#fullAtMs.has(key)) this.#makeRoom(nowMs);
    this.#fullAtMs.set(key, fullAtMs);
  }

  #makeRoom(nowMs: number): void {
    for (const [key, fullAtMs] of this.#fullAtMs) if (fullAtMs <= nowMs) this.#fullAtMs.delete(key);
    let excess = this.#fullAtMs.size - MOST_KEYS + MOST_KEYS / 100;
    for (const key of this.#fullAtMs.keys()) {
      if (excess-- <= 0) return;
      this.#fullAtMs.delete(key);
    }
  }
}
