import type { CounterSide, PlacedCounter } from "./contract.ts";

interface Described {
  readonly unit?: PlacedCounter["unit"];
  readonly doc: string;
  /** For the statistics alone; Prometheus says it otherwise, or not yet. */
  readonly isInternal?: boolean;
}

/** Slots whose sum is that of a histogram, so that nobody has to add it up twice. */
interface HistogramSum {
  readonly slot: number;
  readonly width: number;
  /** How many of the slots' unit make one of the histogram's. */
  readonly perUnit: number;
}

/** Hands out slot numbers while the tables are written down, so that a slot and its description never part. */
export class CounterLayout {
  readonly #counters: PlacedCounter[] = [];
  #size = 0;
  #side: CounterSide = "edge";

  /** What is placed from now on is counted by that side. */
  side(side: CounterSide): void {
    this.#side = side;
  }

  counter(name: string, described: Described): number {
    return this.#place({ ...this.#describe(name, described), kind: "counter", label: undefined }, 1);
  }

  gauge(name: string, described: Described): number {
    return this.#place({ ...this.#describe(name, described), kind: "gauge", label: undefined }, 1);
  }

  /** A counter per label value; add the position of the value to the slot returned. */
  labelled(name: string, label: string, values: readonly string[], described: Described): number {
    return this.#place(
      { ...this.#describe(name, described), kind: "counter", label: { name: label, values } },
      values.length,
    );
  }

  /** A slot per bound and one for everything above the last. */
  histogram(name: string, bounds: readonly number[], sum: HistogramSum, described: Described): number {
    const values = [...bounds.map(String), "+Inf"];
    return this.#place(
      { ...this.#describe(name, described), kind: "histogram", label: { name: "le", values }, sum },
      values.length,
    );
  }

  get size(): number {
    return this.#size;
  }

  get counters(): readonly PlacedCounter[] {
    return this.#counters;
  }

  #describe(name: string, { unit = "count", doc, isInternal = false }: Described) {
    return { name, unit, doc, isInternal, side: this.#side };
  }

  #place(counter: Omit<PlacedCounter, "slot" | "width">, width: number): number {
    const slot = this.#size;
    this.#counters.push({ ...counter, slot, width });
    this.#size += width;
    return slot;
  }
}
