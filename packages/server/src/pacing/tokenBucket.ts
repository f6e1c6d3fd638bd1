/** What may leave at once (no burst is longer), and how long what has gathered is waited for before anything does. */
const BURST_MS = 100;
const SLICE_MS = 40;

/**
 * What nobody could take because the process was late is given afterwards, by so much more a second, so that a busy
 * moment costs a client nothing and no second has more than a tenth too much.
 */
const CATCH_UP = 0.04;
const MOST_MISSED_MS = 1_000;

/** A rate in bytes, with the burst that smooth sending needs. Moments are of a monotonic clock, in milliseconds. */
export class TokenBucket {
  #bytesPerMs: number;
  #tokens: number;
  #atMs: number;
  #isAwaited = false;
  #missed = 0;

  /** Full at first, so that what is short leaves at once, unless `isEmpty`. */
  constructor(bytesPerSecond: number, nowMs: number, isEmpty = false) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#atMs = nowMs;
    this.#tokens = isEmpty ? 0 : this.#capacity;
  }

  setRate(bytesPerSecond: number, nowMs: number): void {
    if (bytesPerSecond === this.#bytesPerMs * 1000) return;
    this.#refill(nowMs);
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#tokens = Math.min(this.#tokens, this.#capacity);
    this.#missed = 0;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerMs * 1000;
  }

  /** A good amount to send at a time. */
  get sliceBytes(): number {
    return Math.max(1, Math.floor(this.#bytesPerMs * SLICE_MS));
  }

  available(nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, Math.floor(this.#tokens));
  }

  take(byteCount: number): void {
    this.#tokens -= byteCount;
    this.#isAwaited = false;
  }

  /** How long it takes until so many bytes, not more than a slice, are there; they are waited for from now on. */
  msUntil(byteCount: number, nowMs: number): number {
    this.#refill(nowMs);
    this.#isAwaited = true;
    return Math.max(0, (byteCount - this.#tokens) / this.#bytesPerMs);
  }

  /** At least one byte, however slow. */
  get #capacity(): number {
    return Math.max(1, this.#bytesPerMs * BURST_MS);
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    const gained = elapsedMs * this.#bytesPerMs;
    const caughtUp = Math.min(this.#missed, gained * CATCH_UP);
    const tokens = this.#tokens + gained + caughtUp;
    this.#tokens = Math.min(this.#capacity, tokens);
    this.#missed -= caughtUp;
    if (!this.#isAwaited || tokens <= this.#capacity) return;
    this.#missed = Math.min(this.#missed + tokens - this.#capacity, this.#bytesPerMs * MOST_MISSED_MS);
  }
}
