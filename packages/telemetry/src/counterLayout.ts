import type { PlacedCounter } from "./contract.ts";

interface Described {
  readonly unit?: PlacedCounter["unit"];
  readonly doc: string;
}

/** Hands out slot numbers while the tables are written down, so that a slot and its description never part. */
export class CounterLayout {
  readonly #counters: PlacedCounter[] = [];
  #size = 0;

  counter(name: string, { unit = "count", doc }: Described): number {
    return this.#place({ name, kind: "counter", unit, doc, label: undefined }, 1);
  }

  gauge(name: string, { unit = "count", doc }: Described): number {
    return this.#place({ name, kind: "gauge", unit, doc, label: undefined }, 1);
  }

  /** A counter per label value; add the position of the value to the slot returned. */
  labelled(name: string, label: string, values: readonly string[], { unit = "count", doc }: Described): number {
    return this.#place({ name, kind: "counter", unit, doc, label: { name: label, values } }, values.length);
  }

  /** A slot per bound, one for everything above the last, one for the sum of the observed values. */
  histogram(name: string, bounds: readonly number[], { unit = "count", doc }: Described): number {
    const values = [...bounds.map(String), "+Inf"];
    return this.#place({ name, kind: "histogram", unit, doc, label: { name: "le", values } }, values.length + 1);
  }

  get size(): number {
    return this.#size;
  }

  get counters(): readonly PlacedCounter[] {
    return this.#counters;
  }

  #place(counter: Omit<PlacedCounter, "slot">, width: number): number {
    const slot = this.#size;
    this.#counters.push({ ...counter, slot });
    this.#size += width;
    return slot;
  }
}
