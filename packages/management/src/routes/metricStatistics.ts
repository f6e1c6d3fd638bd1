import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type HistoryPoint,
  type MetricSeries,
  type MetricSet,
  type PointValue,
  seriesOf,
  valuesOf,
  writeLabel,
} from "@basalt/telemetry";
import { type Answer, fail, succeed } from "../answer.ts";
import { asksForHistory, RANGE_WORDS, readHistoryRequest } from "../metricHistoryQuestion.ts";
import { parametersOf, parsePositive } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const METHOD = "metricstatistics";
const SECONDS_PER_MINUTE = 60;
const MOST_SECONDS = 3_600;
const DEFAULT_SECONDS = 300;

const NO_SUCH_HOST = "No virtual host has this name.";
const PERIOD_WRONG = "The parameter period must be 1, or a multiple of 60 up to 3600.";

/** AWS-72: a second, or whole minutes. */
const readPeriod = (text: string | null): number | undefined => {
  if (text === null) return DEFAULT_SECONDS;
  const seconds = parsePositive(text, MOST_SECONDS);
  return seconds === 1 || (seconds !== undefined && seconds % SECONDS_PER_MINUTE === 0) ? seconds : undefined;
};

const listed = (metrics: MetricSet) =>
  Object.entries(metrics).map(([Metric, statistics]) => ({ Metric, ...statistics }));

const POINTS_AT_ONCE = 200;

/** A few points at a time: percentiles of a week take longer than the event loop may be held. */
const calculate = async (points: readonly (HistoryPoint | undefined)[], value: PointValue): Promise<MetricSeries> => {
  const values: (number | null)[] = [];
  for (let at = 0; at < points.length; at += POINTS_AT_ONCE) {
    await nextTurn();
    values.push(...valuesOf(points.slice(at, at + POINTS_AT_ONCE), value));
  }
  return seriesOf(values);
};

/** AWS-78. */
const showHistory = async (parameters: URLSearchParams, { control }: RouteContext): Promise<Answer> => {
  const reading = readHistoryRequest(parameters, control.nowMs());
  if (!reading.ok) return fail(METHOD, 400, reading.message);
  const { vhost, fromMs, toMs, periodSeconds, series, label } = reading.request;
  const points = await control.metricHistory(vhost, { fromMs, toMs, periodSeconds });
  if (points === undefined) return fail(METHOD, 404, NO_SUCH_HOST);
  const timeOf = (index: number): string => new Date(fromMs + index * periodSeconds * 1_000).toISOString();
  const lines = [];
  for (const { metric, value } of series) {
    const { values, ...figures } = await calculate(points, value);
    lines.push({
      Metric: metric,
      Label: writeLabel(label, metric, { values, ...figures }),
      Max: figures.max,
      Min: figures.min,
      Avg: figures.avg,
      Sum: figures.sum,
      Last: figures.last,
      Points: values.map((each, index) => ({ Time: timeOf(index), Value: each })),
    });
  }
  return succeed(METHOD, {
    start: new Date(fromMs).toISOString(),
    end: new Date(toMs).toISOString(),
    period: periodSeconds,
    vhost: vhost ?? null,
    series: lines,
  });
};

const showMetricStatistics = (call: Call, context: RouteContext): Answer | Promise<Answer> => {
  const { control } = context;
  const parameters = parametersOf(call);
  if (asksForHistory(parameters)) return showHistory(parameters, context);
  const period = readPeriod(parameters.get("period"));
  if (period === undefined) return fail(METHOD, 400, PERIOD_WRONG);
  const report = control.metricStatistics(period, parameters.get("vhost") || undefined);
  if (report === undefined) return fail(METHOD, 404, NO_SUCH_HOST);
  const { endedAtMs, seconds, omitted, total, hosts } = report;
  return succeed(METHOD, {
    time: endedAtMs === 0 ? null : new Date(endedAtMs).toISOString(),
    period,
    seconds,
    omitted,
    total: listed(total),
    hosts: hosts.map(({ name, metrics }) => ({ name, metrics: listed(metrics) })),
  });
};

/** AWS-61 to AWS-74, AWS-78. */
export const METRIC_STATISTICS_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/metricstatistics",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Sum, average, minimum, maximum and percentiles of requests, errors, hits and latencies: vhost={name}, period={seconds}; of past times: range={1h to 1w}, start, end, metrics={expressions}, label",
    parameters: [
      { name: "vhost", doc: "Name of a virtual host; all with requests without it." },
      { name: "period", doc: "Seconds: 1, or whole minutes up to now, at most 3600; 300 without it.", kind: "whole" },
      { name: "range", doc: `One of ${RANGE_WORDS}: the past so far, point by point, of one host or of all together.` },
      { name: "start", doc: "Instead of range: seconds since 1970 or an ISO 8601 date, at most a week before end." },
      { name: "end", doc: "As start; now without it." },
      {
        name: "metrics",
        doc: "With range or start: up to ten with commas between them, such as Count, Latency.p99, 5xxError/Count*100.",
      },
      {
        name: "label",
        doc: "Of each line: {label}, {max}, {min}, {avg}, {sum} and {last} stand for its figures.",
      },
    ],
    answers: {
      400: "`period` is neither 1 nor a multiple of 60 up to 3600, or range, dates or metrics cannot be read.",
      404: NO_SUCH_HOST,
    },
    handle: showMetricStatistics,
  },
];
