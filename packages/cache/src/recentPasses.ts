import type { Clock } from "@basalt/types";
import { PASS_SECONDS, PASSES_KEPT, PASSES_KEPT_CHARACTERS } from "./limits.ts";

/**
 * Objects whose last response could not be shared. Who asks for one of them again does not wait for others first: all
 * would wait in vain, one behind the other.
 */
export class RecentPasses {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();
  #characters = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    if (this.#untilMs.size === 0) return false;
    const untilMs = this.#untilMs.get(name);
    if (untilMs === undefined) return false;
    if (this.#clock.now() < untilMs) return true;
    this.forget(name);
    return false;
  }

  note(name: string): void {
    this.forget(name);
    this.#untilMs.set(name, this.#clock.now() + PASS_SECONDS * 1000);
    this.#characters += name.length;
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= PASSES_KEPT && this.#characters <= PASSES_KEPT_CHARACTERS) return;
      this.forget(oldest);
    }
  }

  forget(name: string): void {
    if (this.#untilMs.delete(name)) this.#characters -= name.length;
  }
}
