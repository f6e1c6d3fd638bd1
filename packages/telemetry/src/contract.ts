import type { LatencyRow, LatencySide } from "./statistics/latencySketch.ts";

/**
 * Counters live in one Float64Array per process; a slot is an index. Layout: process-wide slots first, then blocks of one
 * shape, for a virtual host or a part of one. What has changed is what workers report to the primary.
 */
export type CounterKind = "counter" | "gauge" | "histogram";

export interface CounterDefinition {
  /** Base name in Prometheus form without prefix, e.g. `client_requests`; `_total` is added for counters. */
  readonly name: string;
  readonly kind: CounterKind;
  /** `hundredths`: of a millisecond. */
  readonly unit: "count" | "bytes" | "seconds" | "hundredths";
  readonly doc: string;
}

/** Whose traffic it is: what `<ClientLocal>` and `<OriginLocal>` decide about. */
export type CounterSide = "client" | "origin" | "edge";

/** A definition with its place: `slot` is relative to the process part or to the block of a virtual host. */
export interface PlacedCounter extends CounterDefinition {
  readonly slot: number;
  readonly width: number;
  readonly side: CounterSide;
  readonly isInternal: boolean;
  /** One slot per value, in this order; undefined for a single slot. Histograms: upper bounds in words, then `+Inf`. */
  readonly label: { readonly name: string; readonly values: readonly string[] } | undefined;
  /** Of histograms: the slots that hold the sum of what was observed, `perUnit` times as large. */
  readonly sum?: { readonly slot: number; readonly width: number; readonly perUnit: number };
}

/**
 * What a process has counted since its last report; plain data, crosses process boundaries. Counters as differences,
 * gauges as they are, and only what has changed.
 */
export interface CounterReport {
  /** Shape of the blocks: reports of a process of another version are ignored. */
  readonly layout: number;
  /** Keys of blocks (`blockKey`); the process part has the key "". */
  readonly blocks: readonly string[];
  /** Where each block ends in `slots` and `values`. */
  readonly ends: Uint32Array;
  readonly slots: Uint16Array;
  readonly values: Float64Array;
  /** Client traffic by folder: TRAFFIC_SLOT_COUNT values for each key, all of them differences. */
  readonly folders: readonly string[];
  readonly folderValues: Float64Array;
  /** Exchanges by virtual host and origin: ORIGIN_SERVER_SLOT_COUNT values for each key, all of them differences. */
  readonly origins: readonly string[];
  readonly originValues: Float64Array;
  /** Distributions of the latencies since the last report. */
  readonly latencies: readonly CountedLatencies[];
}

/** Latencies of one block of counters. Plain data. */
export interface CountedLatencies extends LatencyRow {
  readonly side: LatencySide;
  /** Key of the block. */
  readonly block: string;
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
