import { CACHE_RESULTS, type CacheResult, HIT_RESULTS } from "@basalt/types";
import { cacheResultSlot, clientResponseClassSlot, VHOST_SLOT } from "../counterTable.ts";
import type { LatencySummary } from "./latencySketch.ts";

/** AWS-70: what is said of a metric in one period. Of what is counted each request is a sample of 0 or 1. */
export interface MetricStatistics {
  readonly Unit: "Count" | "Milliseconds";
  readonly SampleCount: number;
  readonly Sum: number;
  readonly Average: number;
  readonly Minimum: number;
  readonly Maximum: number;
  /** Of counts: the sum as a rate, by the time that it is for (AWS-74). */
  readonly PerSecond?: number;
  readonly PerMinute?: number;
  /** AWS-71; of latencies. */
  readonly p50?: number;
  readonly p90?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly "p99.9"?: number;
}

/** AWS-61 to AWS-68, under these names. */
export type MetricName =
  | "Count"
  | "4xxError"
  | "5xxError"
  | "CacheHitCount"
  | "CacheMissCount"
  | "ThrottleCount"
  | "ClientAbortedCount"
  | "Latency"
  | "IntegrationLatency";

export type MetricSet = Readonly<Record<MetricName, MetricStatistics>>;

export interface MetricReport {
  /** End of the period; 0 before the first second is over. */
  readonly endedAtMs: number;
  /** That have been counted: fewer than asked for soon after a start. */
  readonly seconds: number;
  /** Of all hosts that were asked for. */
  readonly total: MetricSet;
  /** Those with requests, the most first. */
  readonly hosts: readonly { readonly name: string; readonly metrics: MetricSet }[];
  /** Hosts with requests that are left out because there are too many. */
  readonly omitted: number;
}

export interface MeasuredHost {
  readonly name: string;
  /** By slot of VHOST_SLOT. */
  readonly values: Float64Array;
  readonly client: LatencySummary;
  readonly origin: LatencySummary;
}

const HUNDREDTHS_PER_MS = 100;
const SECONDS_PER_MINUTE = 60;

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

const counted = (sum: number, requests: number, seconds: number): MetricStatistics => ({
  Unit: "Count",
  SampleCount: requests,
  Sum: sum,
  Average: requests === 0 ? 0 : rounded(sum / requests, 4),
  Minimum: requests > 0 && sum >= requests ? 1 : 0,
  Maximum: sum > 0 ? 1 : 0,
  PerSecond: seconds === 0 ? 0 : rounded(sum / seconds, 2),
  PerMinute: seconds === 0 ? 0 : rounded((sum * SECONDS_PER_MINUTE) / seconds, 2),
});

const measured = (latencies: LatencySummary): MetricStatistics => {
  const { count, sum, minimum, maximum } = latencies;
  const ms = (hundredths: number): number => rounded(hundredths / HUNDREDTHS_PER_MS, 2);
  return {
    Unit: "Milliseconds",
    SampleCount: count,
    Sum: ms(sum),
    Average: count === 0 ? 0 : ms(sum / count),
    Minimum: ms(minimum),
    Maximum: ms(maximum),
    p50: ms(latencies.quantile(0.5)),
    p90: ms(latencies.quantile(0.9)),
    p95: ms(latencies.quantile(0.95)),
    p99: ms(latencies.quantile(0.99)),
    "p99.9": ms(latencies.quantile(0.999)),
  };
};

/** What the origin answered although the cache was asked first (AWS-65). */
export const MISS_RESULTS: readonly CacheResult[] = ["TCP_MISS", "TCP_REFRESH_MISS", "TCP_CLIENT_REFRESH_MISS"];

export const metricsOf = ({ values, client, origin }: Omit<MeasuredHost, "name">, seconds: number): MetricSet => {
  const at = (slot: number): number => values[slot] ?? 0;
  const results = (wanted: readonly CacheResult[]): number =>
    wanted.reduce((sum, result) => sum + at(cacheResultSlot(result)), 0);
  const requests = at(VHOST_SLOT.clientRequests);
  const count = (sum: number): MetricStatistics => counted(sum, requests, seconds);
  return {
    Count: count(requests),
    "4xxError": count(at(clientResponseClassSlot(400))),
    "5xxError": count(at(clientResponseClassSlot(500))),
    CacheHitCount: count(results(CACHE_RESULTS.filter((result) => HIT_RESULTS.has(result)))),
    CacheMissCount: count(results(MISS_RESULTS)),
    ThrottleCount: count(at(VHOST_SLOT.clientThrottled)),
    ClientAbortedCount: count(at(VHOST_SLOT.clientAborted)),
    Latency: measured(client),
    IntegrationLatency: measured(origin),
  };
};

export const requestsOf = ({ values }: Pick<MeasuredHost, "values">): number => values[VHOST_SLOT.clientRequests] ?? 0;
