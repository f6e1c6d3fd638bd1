const WINDOW_MS = 300_000;
/** A clock that has been set is followed by windows of between half of that and half as much again. */
const LEAST_MS = WINDOW_MS / 2;
const MARGIN_MS = 5_000;

/**
 * Ends of the windows of five minutes: by elapsed time, at :00, :05 … of the clock (OPEN-S32, reading a; STAT-30). A
 * clock that is set moves no end that was decided; the next one is at a full five minutes of the new time.
 */
export class WindowClock {
  #endsAtMs: number;
  /** Whether all of the present window is seen: not that in which the primary was started. */
  #isWhole: boolean;

  constructor(nowMs: number, monotonicMs: number) {
    const into = nowMs % WINDOW_MS;
    this.#isWhole = into < 1_000;
    this.#endsAtMs = monotonicMs + WINDOW_MS - into;
  }

  /** True when the window has ended; `isWhole` then still speaks of it. */
  hasEnded(monotonicMs: number): boolean {
    return monotonicMs >= this.#endsAtMs;
  }

  isAboutToEnd(monotonicMs: number): boolean {
    return monotonicMs >= this.#endsAtMs - MARGIN_MS;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Begins the next one. */
  next(nowMs: number, monotonicMs: number): void {
    const left = WINDOW_MS - (nowMs % WINDOW_MS);
    this.#endsAtMs = monotonicMs + (left < LEAST_MS ? left + WINDOW_MS : left);
    this.#isWhole = true;
  }
}
