import type { CountedLatencies } from "../contract.ts";
import { ORIGIN_SERVER_SLOT_COUNT } from "../counterTable.ts";
import type { Period } from "./period.ts";

/** A minute with nothing but what is not 0. */
interface KeptMinute {
  readonly seconds: number;
  /** Block to its range in the arrays. */
  readonly ranges: ReadonlyMap<number, readonly [start: number, end: number]>;
  readonly slots: Uint16Array;
  readonly values: Float64Array;
  readonly levelPlaces: Uint32Array;
  readonly levelSums: Float64Array;
  /** By `originKey`. */
  readonly origins: readonly (readonly [key: string, values: Float64Array])[];
  readonly latencies: readonly CountedLatencies[];
}

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

  push({ counts, levels, origins, latencies, seconds }: Period): void {
    const ranges = new Map<number, readonly [number, number]>();
    const slots: number[] = [];
    const values: number[] = [];
    for (const block of counts.keys) {
      const start = slots.length;
      counts.find(block)?.forEach((value, slot) => {
        if (value === 0) return;
        slots.push(slot);
        values.push(value);
      });
      if (slots.length > start) ranges.set(block, [start, slots.length]);
    }
    const minute: KeptMinute = {
      seconds,
      ranges,
      slots: Uint16Array.from(slots),
      values: Float64Array.from(values),
      levelPlaces: Uint32Array.from(levels.keys()),
      levelSums: Float64Array.from(levels.values()),
      origins: [...origins.keys].map((key) => [key, origins.find(key)?.slice() ?? new Float64Array(0)]),
      latencies: latencies.rows(),
    };
    this.#minutes.push(minute);
    this.#figures += figuresIn(minute);
    while (this.#minutes.length > MOST_MINUTES || (this.#figures > MOST_FIGURES && this.#minutes.length > 1)) {
      const oldest = this.#minutes.shift();
      if (oldest !== undefined) this.#figures -= figuresIn(oldest);
    }
  }

  /** The last `count` minutes together, or as many as there are. */
  addLastTo(total: Period, count: number): void {
    for (const minute of this.#minutes.slice(-count)) {
      const { seconds, ranges, slots, values, levelPlaces, levelSums, origins, latencies } = minute;
      total.seconds += seconds;
      for (const row of latencies) total.latencies.add(row);
      for (const [key, row] of origins) total.addOrigin(key, row);
      levelPlaces.forEach((place, index) => {
        total.levels.set(place, (total.levels.get(place) ?? 0) + (levelSums[index] ?? 0));
      });
      for (const [block, [start, end]] of ranges) {
        for (let at = start; at < end; at++) total.counts.add(block, slots[at] ?? 0, values[at] ?? 0);
      }
    }
  }
}

const figuresIn = ({ slots, levelPlaces, origins, latencies }: KeptMinute): number =>
  slots.length +
  levelPlaces.length +
  origins.length * ORIGIN_SERVER_SLOT_COUNT +
  latencies.reduce((sum, { buckets }) => sum + buckets.length, 0);
