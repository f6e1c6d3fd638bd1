import type { MetricSet } from "@basalt/telemetry";
import { type Answer, fail, succeed } from "../answer.ts";
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

const showMetricStatistics = (call: Call, { control }: RouteContext): Answer => {
  const parameters = parametersOf(call);
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

/** AWS-61 to AWS-74. */
export const METRIC_STATISTICS_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/metricstatistics",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Sum, average, minimum, maximum and percentiles of requests, errors, hits and latencies: vhost={name}, period={seconds}",
    parameters: [
      { name: "vhost", doc: "Name of a virtual host; all with requests without it." },
      { name: "period", doc: "Seconds: 1, or whole minutes up to now, at most 3600; 300 without it.", kind: "whole" },
    ],
    answers: { 400: "`period` is neither 1 nor a multiple of 60 up to 3600.", 404: NO_SUCH_HOST },
    handle: showMetricStatistics,
  },
];
