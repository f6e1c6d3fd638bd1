/** AWS-61 to AWS-68. */
export const METRIC_NAMES = [
  "Count",
  "4xxError",
  "5xxError",
  "CacheHitCount",
  "CacheMissCount",
  "ThrottleCount",
  "ClientAbortedCount",
  "Latency",
  "IntegrationLatency",
] as const;

/** AWS-70, AWS-71. */
export const METRIC_STATISTICS = [
  "Sum",
  "Average",
  "Minimum",
  "Maximum",
  "SampleCount",
  "p50",
  "p90",
  "p95",
  "p99",
  "p99.9",
] as const;

/** AWS-75. */
export interface AlarmSettings {
  readonly name: string;
  /** Empty: all together. */
  readonly vhost: string;
  readonly metric: (typeof METRIC_NAMES)[number];
  readonly statistic: (typeof METRIC_STATISTICS)[number];
  readonly periodMinutes: number;
  /** That must be beyond the threshold in a row. */
  readonly periods: number;
  readonly comparison: "AtLeast" | "Above" | "AtMost" | "Below";
  readonly threshold: number;
  /** What a period without samples counts as. */
  readonly missing: "missing" | "ignore" | "breaching" | "notBreaching";
  /** Gets a POST at each change; empty: none. */
  readonly url: string;
}
