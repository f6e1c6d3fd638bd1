/**
 * Counters live in one Float64Array per process; a slot is an index. Layout: process-wide slots first, then one block
 * of the same shape per virtual host. Snapshots of the array are what workers send to the primary each second.
 */
export type CounterKind = "counter" | "gauge" | "histogram";

export interface CounterDefinition {
  /** Base name in Prometheus form without prefix, e.g. `client_requests`; `_total` is added for counters. */
  readonly name: string;
  readonly kind: CounterKind;
  readonly unit: "count" | "bytes" | "seconds";
  readonly doc: string;
}

/** A definition with its place: `slot` is relative to the process part or to the block of a virtual host. */
export interface PlacedCounter extends CounterDefinition {
  readonly slot: number;
  /** One slot per value, in this order; undefined for a single slot. Histograms: upper bounds in words, then `+Inf`. */
  readonly label: { readonly name: string; readonly values: readonly string[] } | undefined;
}

/** Plain data, crosses process boundaries: the process part, then one block per name in the order of `vhosts`. */
export interface CounterSnapshot {
  readonly vhosts: readonly string[];
  readonly values: Float64Array;
}

/** One disk of the store at one moment. */
export interface DiskFigures {
  readonly path: string;
  readonly state: (typeof DISK_STATES)[number];
  /** What content takes. */
  readonly usedBytes: number;
  /** Null without a quota. */
  readonly quotaBytes: number | null;
  /** Free on its file system. */
  readonly availableBytes: number;
}

/** OPT-77. */
export const DISK_STATES = ["Normal", "Invalid", "Unmounted"] as const;

/** Figures of one process at one moment. */
export interface ProcessFigures {
  /** `primary`, `worker-0`, `transform` … */
  readonly process: string;
  readonly residentBytes: number;
  /** User and system time since the process started. */
  readonly cpuSeconds: number;
  readonly eventLoopLagSeconds?: number;
}
