import type { CountedLatencies } from "../contract.ts";
import { BLOCK_WIDTH } from "../counterAggregate.ts";
import { ORIGIN_SERVER_SLOT_COUNT } from "../counterTable.ts";
import type { Period } from "./period.ts";

/** A minute with nothing but what is not 0. Folders are not kept. */
export class KeptMinute {
  readonly seconds: number;
  /** Ascending; those with any figure. */
  readonly #blocks: Uint32Array;
  /** Where the figures of each block end in the two arrays that follow. */
  readonly #ends: Uint32Array;
  readonly #slots: Uint16Array;
  readonly #values: Float64Array;
  /** Ascending, so that those of a block stand together. */
  readonly #levelPlaces: Uint32Array;
  readonly #levelSums: Float64Array;
  /** By `originKey`. */
  readonly #origins: readonly (readonly [key: string, values: Float64Array])[];
  readonly #latencies: readonly CountedLatencies[];

  constructor({ counts, levels, origins, latencies, seconds }: Period) {
    const slots: number[] = [];
    const values: number[] = [];
    const blocks: number[] = [];
    const ends: number[] = [];
    for (const block of Uint32Array.from(counts.keys).sort()) {
      const start = slots.length;
      counts.find(block)?.forEach((value, slot) => {
        if (value === 0) return;
        slots.push(slot);
        values.push(value);
      });
      if (slots.length === start) continue;
      blocks.push(block);
      ends.push(slots.length);
    }
    this.seconds = seconds;
    this.#blocks = Uint32Array.from(blocks);
    this.#ends = Uint32Array.from(ends);
    this.#slots = Uint16Array.from(slots);
    this.#values = Float64Array.from(values);
    this.#levelPlaces = Uint32Array.from(levels.keys()).sort();
    this.#levelSums = Float64Array.from(this.#levelPlaces, (place) => levels.get(place) ?? 0);
    this.#origins = [...origins.keys].map((key) => [key, origins.find(key)?.slice() ?? new Float64Array(0)]);
    this.#latencies = latencies.rows();
  }

  /** Figures that it holds. */
  get size(): number {
    return (
      this.#slots.length +
      this.#levelPlaces.length +
      this.#origins.length * ORIGIN_SERVER_SLOT_COUNT +
      this.#latencies.reduce((sum, { buckets }) => sum + buckets.length, 0)
    );
  }

  addTo(total: Period): void {
    total.seconds += this.seconds;
    for (const row of this.#latencies) total.latencies.add(row);
    for (const [key, row] of this.#origins) total.addOrigin(key, row);
    this.#levelPlaces.forEach((place, index) => {
      total.levels.set(place, (total.levels.get(place) ?? 0) + (this.#levelSums[index] ?? 0));
    });
    this.forEachBlock((block, slots, values, start, end) => {
      for (let at = start; at < end; at++) total.counts.add(block, slots[at] ?? 0, values[at] ?? 0);
    });
  }

  /** Adds what one block has in these slots. */
  addBlockTo(row: Float64Array, block: number, mask: readonly boolean[]): void {
    const index = positionIn(this.#blocks, block);
    if (this.#blocks[index] === block) {
      const [slots, values, end] = [this.#slots, this.#values, this.#ends[index] ?? 0];
      for (let at = this.#ends[index - 1] ?? 0; at < end; at++) {
        const slot = slots[at] ?? 0;
        if (mask[slot] === true) row[slot] = (row[slot] ?? 0) + (values[at] ?? 0);
      }
    }
    const [places, sums, first] = [this.#levelPlaces, this.#levelSums, block * BLOCK_WIDTH];
    for (let at = positionIn(places, first); at < places.length; at++) {
      const slot = (places[at] ?? 0) - first;
      if (slot >= BLOCK_WIDTH) break;
      if (mask[slot] === true) row[slot] = (row[slot] ?? 0) + (sums[at] ?? 0);
    }
  }

  /** Counters of each block: from `start` to `end` of the two arrays. */
  forEachBlock(
    visit: (block: number, slots: Uint16Array, values: Float64Array, start: number, end: number) => void,
  ): void {
    const [slots, values] = [this.#slots, this.#values];
    let start = 0;
    this.#blocks.forEach((block, index) => {
      const end = this.#ends[index] ?? start;
      visit(block, slots, values, start, end);
      start = end;
    });
  }

  /** Gauges, as sums of the levels of the seconds. */
  forEachLevel(visit: (block: number, slot: number, sum: number) => void): void {
    const sums = this.#levelSums;
    this.#levelPlaces.forEach((place, at) => {
      visit(Math.floor(place / BLOCK_WIDTH), place % BLOCK_WIDTH, sums[at] ?? 0);
    });
  }
}

/** Position of the first of ascending numbers that is not below this one. */
const positionIn = (ascending: Uint32Array, number: number): number => {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
};
