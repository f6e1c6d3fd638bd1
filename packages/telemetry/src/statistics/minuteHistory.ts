import { KeptMinute } from "./keptMinute.ts";
import type { Period } from "./period.ts";

const MOST_MINUTES = 60;

/** Figures that are kept at most, about 10 bytes each: with very many busy hosts there are fewer minutes of them. */
const MOST_FIGURES = 8_000_000;

/** The last sixty minutes, for averages over 1 to 60 of them. Folders are not kept. */
export class MinuteHistory {
  readonly #minutes: KeptMinute[] = [];
  #figures = 0;

  /** Complete minutes that there are. */
  get length(): number {
    return this.#minutes.length;
  }

  push(period: Period): void {
    const minute = new KeptMinute(period);
    this.#minutes.push(minute);
    this.#figures += minute.size;
    while (this.#minutes.length > MOST_MINUTES || (this.#figures > MOST_FIGURES && this.#minutes.length > 1)) {
      this.#figures -= this.#minutes.shift()?.size ?? 0;
    }
  }

  /** The last minute is of age 1. */
  find(age: number): KeptMinute | undefined {
    return this.#minutes[this.#minutes.length - age];
  }

  /** The last `count` minutes together, or as many as there are. */
  addLastTo(total: Period, count: number): void {
    for (const minute of this.#minutes.slice(-count)) minute.addTo(total);
  }
}
