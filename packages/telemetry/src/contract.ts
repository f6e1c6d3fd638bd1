/**
 * Counters live in one Float64Array per process; a slot is an index. Layout: process-wide slots first, then one block
 * of the same shape per virtual host. Snapshots of the array are what workers send to the primary each second.
 */
export type CounterKind = "counter" | "gauge";

export interface CounterDefinition {
  /** Base name in Prometheus form without prefix, e.g. `client_requests`; `_total` is added for counters. */
  readonly name: string;
  readonly kind: CounterKind;
  readonly unit: "count" | "bytes" | "seconds";
  readonly doc: string;
}
