/** What may leave at once (no burst is longer), and how long what has gathered is waited for before anything does. */
const BURST_MS = 100;
const SLICE_MS = 60;

/** A rate in bytes, with the burst that smooth sending needs. Moments are of a monotonic clock, in milliseconds. */
export class TokenBucket {
  #bytesPerMs: number;
  #tokens: number;
  #atMs: number;

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
  }

  /** How long it takes until so many bytes are there; not more than a slice. */
  msUntil(byteCount: number, nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, (byteCount - this.#tokens) / this.#bytesPerMs);
  }

  /** At least one byte, however slow. */
  get #capacity(): number {
    return Math.max(1, this.#bytesPerMs * BURST_MS);
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + elapsedMs * this.#bytesPerMs);
  }
}
