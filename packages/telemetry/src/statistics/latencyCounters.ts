import { blockKey, scopeOf } from "../blockKey.ts";
import type { CountedLatencies } from "../contract.ts";
import { type LatencySide, LatencySketch } from "./latencySketch.ts";

/** Latencies of one process by counter block since its last report: what is not asked for takes no memory. */
export class LatencyCounters {
  readonly #sketches: Readonly<Record<LatencySide, Map<number, LatencySketch>>> = {
    client: new Map(),
    origin: new Map(),
  };

  /** The client sketch that was added to last: requests of a host mostly come one behind the other. */
  #lastBlock = -1;
  #lastSketch = new LatencySketch();

  /** `block`: offset of a block of counters. */
  add(side: LatencySide, block: number, hundredths: number): void {
    if (side === "client" && block === this.#lastBlock) this.#lastSketch.add(hundredths);
    else this.#sketchOf(side, block).add(hundredths);
  }

  #sketchOf(side: LatencySide, block: number): LatencySketch {
    const sketches = this.#sketches[side];
    let sketch = sketches.get(block);
    if (sketch === undefined) {
      sketch = new LatencySketch();
      sketches.set(block, sketch);
    }
    if (side === "client") {
      this.#lastBlock = block;
      this.#lastSketch = sketch;
    }
    return sketch;
  }

  take(keyOf: (block: number) => string): readonly CountedLatencies[] {
    const rows: CountedLatencies[] = [];
    this.#lastBlock = -1;
    for (const side of ["client", "origin"] as const) {
      for (const [block, sketch] of this.#sketches[side]) rows.push({ side, block: keyOf(block), ...sketch.row() });
      this.#sketches[side].clear();
    }
    return rows;
  }
}

const HOST_SCOPE = { isLocal: false, port: undefined } as const;

/** Latencies of virtual hosts within a time. Loopback and HTTPS are in them whatever the statistics leave out. */
export class HostLatencies {
  readonly #sketches: Readonly<Record<LatencySide, Map<string, LatencySketch>>> = {
    client: new Map(),
    origin: new Map(),
  };

  find(side: LatencySide, vhost: string): LatencySketch | undefined {
    return this.#sketches[side].get(vhost);
  }

  add({ side, block, ...row }: CountedLatencies): void {
    const { vhost } = scopeOf(block);
    let sketch = this.#sketches[side].get(vhost);
    if (sketch === undefined) {
      sketch = new LatencySketch();
      this.#sketches[side].set(vhost, sketch);
    }
    sketch.addRow(row);
  }

  rows(): CountedLatencies[] {
    return (["client", "origin"] as const).flatMap((side) =>
      [...this.#sketches[side]].map(([vhost, sketch]) => ({
        side,
        block: blockKey({ vhost, ...HOST_SCOPE }),
        ...sketch.row(),
      })),
    );
  }

  addTo(other: HostLatencies): void {
    for (const row of this.rows()) other.add(row);
  }

  clear(): void {
    this.#sketches.client.clear();
    this.#sketches.origin.clear();
  }
}

export const sumOfLatencies = (sketches: Iterable<LatencySketch | undefined>): LatencySketch => {
  const sum = new LatencySketch();
  for (const sketch of sketches) if (sketch !== undefined) sum.addRow(sketch.row());
  return sum;
};
