import { compileMetricMath, type PointValue } from "@basalt/telemetry";
import { parsePositive } from "./query.ts";

/** AWS-78: a picture of past metrics. */
export interface MetricHistoryRequest {
  readonly vhost: string | undefined;
  /** Whole periods. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly periodSeconds: number;
  readonly series: readonly { readonly metric: string; readonly value: PointValue }[];
  readonly label: string;
}

export type MetricHistoryReading =
  | { readonly ok: true; readonly request: MetricHistoryRequest }
  | { readonly ok: false; readonly message: string };

const HOUR = 3_600;
const DAY = 86_400;
const MS = 1_000;

/** With the period that makes some hundred points of it. */
const RANGES: ReadonlyMap<string, { readonly seconds: number; readonly period: number }> = new Map([
  ["1h", { seconds: HOUR, period: 60 }],
  ["3h", { seconds: 3 * HOUR, period: 60 }],
  ["12h", { seconds: 12 * HOUR, period: 300 }],
  ["1d", { seconds: DAY, period: 300 }],
  ["3d", { seconds: 3 * DAY, period: 900 }],
  ["1w", { seconds: 7 * DAY, period: 1_800 }],
]);

/** Single minutes are kept so long. */
const FINE_SECONDS = 3 * HOUR;
const FINE_PERIOD = 60;
const COARSE_PERIOD = 300;
const LONGEST_SECONDS = 7 * DAY;
const MOST_POINTS = 2_100;
const MOST_SERIES = 10;
const MOST_LABEL = 200;

const DEFAULT_METRICS = "Count";
const DEFAULT_LABEL = "{label} max {max} avg {avg} sum {sum}";

export const RANGE_WORDS = [...RANGES.keys()].join(", ");

const refuse = (message: string): MetricHistoryReading => ({ ok: false, message });

/** Seconds since 1970, or a date as in ISO 8601; undefined for anything else. */
const readMoment = (text: string): number | undefined => {
  if (/^\d{1,11}$/.test(text)) return Number(text) * MS;
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
};

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly period: number;
}

const readSpan = (parameters: URLSearchParams, nowMs: number): Span | string => {
  const word = parameters.get("range");
  if (word !== null) {
    const range = RANGES.get(word);
    if (range === undefined) return `The parameter range must be one of ${RANGE_WORDS}.`;
    return { fromMs: nowMs - range.seconds * MS, toMs: nowMs, period: range.period };
  }
  const fromMs = readMoment(parameters.get("start") ?? "");
  const end = parameters.get("end");
  const toMs = end === null ? nowMs : readMoment(end);
  if (fromMs === undefined || toMs === undefined) return "start and end must be seconds since 1970 or ISO 8601 dates.";
  if (toMs <= fromMs) return "end must be after start.";
  if (toMs - fromMs > LONGEST_SECONDS * MS) return "The range must not be longer than a week.";
  const isFine = toMs - fromMs <= FINE_SECONDS * MS && fromMs >= nowMs - FINE_SECONDS * MS;
  const fitting = [COARSE_PERIOD, 900, 1_800].find((period) => toMs - fromMs <= period * MS * 300) ?? 1_800;
  return { fromMs, toMs, period: isFine ? FINE_PERIOD : fitting };
};

const readPeriod = (text: string | null, { fromMs, toMs, period }: Span, nowMs: number): number | string => {
  if (text === null) return period;
  const seconds = parsePositive(text, DAY);
  if (seconds === undefined || seconds % FINE_PERIOD !== 0) return "period must be a multiple of 60, up to a day.";
  const isRecent = fromMs >= nowMs - (FINE_SECONDS + FINE_PERIOD) * MS;
  if (seconds % COARSE_PERIOD !== 0 && !isRecent)
    return "Before the last three hours period must be a multiple of 300.";
  if ((toMs - fromMs) / (seconds * MS) > MOST_POINTS) return `There would be more than ${MOST_POINTS} points.`;
  return seconds;
};

/** Whether parameters ask for a past range, instead of one period up to now. */
export const asksForHistory = (parameters: URLSearchParams): boolean =>
  parameters.has("range") || parameters.has("start");

export const readHistoryRequest = (parameters: URLSearchParams, nowMs: number): MetricHistoryReading => {
  const span = readSpan(parameters, nowMs);
  if (typeof span === "string") return refuse(span);
  const period = readPeriod(parameters.get("period"), span, nowMs);
  if (typeof period === "string") return refuse(period);
  const texts = (parameters.get("metrics") || DEFAULT_METRICS).split(",").map((text) => text.trim());
  if (texts.length > MOST_SERIES) return refuse(`There are more than ${MOST_SERIES} metrics.`);
  const series: { metric: string; value: PointValue }[] = [];
  for (const metric of texts) {
    const outcome = compileMetricMath(metric);
    if (!outcome.ok) return refuse(outcome.message);
    series.push({ metric, value: outcome.value });
  }
  const label = parameters.get("label") || DEFAULT_LABEL;
  if (label.length > MOST_LABEL) return refuse("The label is too long.");
  const periodMs = period * MS;
  return {
    ok: true,
    request: {
      vhost: parameters.get("vhost") || undefined,
      fromMs: Math.floor(span.fromMs / periodMs) * periodMs,
      toMs: Math.ceil(span.toMs / periodMs) * periodMs,
      periodSeconds: period,
      series,
      label,
    },
  };
};
