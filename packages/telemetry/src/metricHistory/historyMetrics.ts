import type { LatencySide } from "../statistics/latencySketch.ts";
import type { MetricName } from "../statistics/metricStatistics.ts";
import type { CountName, MetricRecord } from "./metricRecord.ts";

/** What history is asked for by these names: those of AWS-61 to AWS-68, and traffic. */
export type HistoryMetricName =
  | MetricName
  | "BytesSent"
  | "BytesReceived"
  | "OriginCount"
  | "OriginBytesSent"
  | "OriginBytesReceived";

type Source =
  | { readonly kind: "count"; readonly count: CountName }
  | { readonly kind: "latency"; readonly side: LatencySide };

const count = (name: CountName): Source => ({ kind: "count", count: name });

const SOURCES: Readonly<Record<HistoryMetricName, Source>> = {
  Count: count("requests"),
  "4xxError": count("clientErrors"),
  "5xxError": count("serverErrors"),
  CacheHitCount: count("hits"),
  CacheMissCount: count("misses"),
  ThrottleCount: count("throttled"),
  ClientAbortedCount: count("aborted"),
  BytesSent: count("sentBytes"),
  BytesReceived: count("receivedBytes"),
  OriginCount: count("originRequests"),
  OriginBytesSent: count("originSentBytes"),
  OriginBytesReceived: count("originReceivedBytes"),
  Latency: { kind: "latency", side: "client" },
  IntegrationLatency: { kind: "latency", side: "origin" },
};

export const HISTORY_METRICS: readonly string[] = Object.keys(SOURCES);

/** A part of the time that is asked for: what was counted in it, and for how long. */
export interface HistoryPoint {
  readonly record: MetricRecord;
  readonly seconds: number;
}

/** Null where there is no value: of a mean without samples. */
export type PointValue = (point: HistoryPoint) => number | null;

const HUNDREDTHS_PER_MS = 100;
const SECONDS_PER_MINUTE = 60;

const rate = (sum: number, seconds: number): number | null => (seconds === 0 ? null : sum / seconds);

const countStatistic = (name: CountName, statistic: string): PointValue | undefined => {
  const sumOf = ({ record }: HistoryPoint): number => record.count(name);
  switch (statistic) {
    case "":
    case "Sum":
      return sumOf;
    case "SampleCount":
      return ({ record }) => record.count("requests");
    case "Average":
      return (point) => rate(sumOf(point), point.record.count("requests"));
    case "PerSecond":
      return (point) => rate(sumOf(point), point.seconds);
    case "PerMinute":
      return (point) => rate(sumOf(point) * SECONDS_PER_MINUTE, point.seconds);
    default:
      return undefined;
  }
};

const QUANTILES: ReadonlyMap<string, number> = new Map([
  ["p50", 0.5],
  ["p90", 0.9],
  ["p95", 0.95],
  ["p99", 0.99],
  ["p99.9", 0.999],
]);

const latencyStatistic = (side: LatencySide, statistic: string): PointValue | undefined => {
  const measured =
    (read: (sketch: MetricRecord["client"]) => number): PointValue =>
    ({ record }) =>
      record[side].count === 0 ? null : read(record[side]) / HUNDREDTHS_PER_MS;
  switch (statistic) {
    case "":
    case "Average":
      return measured(({ sum, count: samples }) => sum / samples);
    case "Sum":
      return ({ record }) => record[side].sum / HUNDREDTHS_PER_MS;
    case "SampleCount":
      return ({ record }) => record[side].count;
    case "Minimum":
      return measured(({ minimum }) => minimum);
    case "Maximum":
      return measured(({ maximum }) => maximum);
    default: {
      const share = QUANTILES.get(statistic);
      return share === undefined ? undefined : measured((sketch) => sketch.quantile(share));
    }
  }
};

const isMetric = (name: string): name is HistoryMetricName => Object.hasOwn(SOURCES, name);

/**
 * How to read a metric such as `Count`, `Latency.p99` or `BytesSent.PerSecond` of a point. Without a statistic it is the
 * sum of what is counted and the mean of a latency, in ms. Undefined: there is no such metric or statistic.
 */
export const readMetric = (text: string): PointValue | undefined => {
  const dot = text.indexOf(".");
  const name = dot < 0 ? text : text.slice(0, dot);
  const statistic = dot < 0 ? "" : text.slice(dot + 1);
  if (!isMetric(name) || (dot >= 0 && statistic === "")) return undefined;
  const source = SOURCES[name];
  return source.kind === "count" ? countStatistic(source.count, statistic) : latencyStatistic(source.side, statistic);
};
