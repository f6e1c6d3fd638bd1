import type { Clock } from "@basalt/types";
import { PASS_SECONDS, PASSES_KEPT } from "./limits.ts";

/**
 * Objects whose last response could not be shared. Who asks for one of them again does not wait for others first: all
 * would wait in vain, one behind the other.
 */
export class RecentPasses {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    if (this.#untilMs.size === 0) return false;
    const untilMs = this.#untilMs.get(name);
    if (untilMs === undefined) return false;
    if (this.#clock.now() < untilMs) return true;
    this.#untilMs.delete(name);
    return false;
  }

  note(name: string): void {
    this.#untilMs.delete(name);
    this.#untilMs.set(name, this.#clock.now() + PASS_SECONDS * 1000);
    if (this.#untilMs.size <= PASSES_KEPT) return;
    const [oldest] = this.#untilMs.keys();
    if (oldest !== undefined) this.#untilMs.delete(oldest);
  }

  forget(name: string): void {
    this.#untilMs.delete(name);
  }
}
