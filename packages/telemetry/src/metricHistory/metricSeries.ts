import type { HistoryPoint, PointValue } from "./historyMetrics.ts";
import { MetricRecord } from "./metricRecord.ts";

/** A record of a past time as it was kept. */
export interface KeptRecord {
  readonly endedAtMs: number;
  readonly record: MetricRecord;
}

export interface HistoryQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly periodSeconds: number;
}

/** What is kept of one host, or of all; `all` says when the server counted at all. */
export interface KeptHistory {
  readonly coarse: readonly KeptRecord[];
  readonly fine: readonly KeptRecord[];
  readonly allCoarse: readonly KeptRecord[];
  readonly allFine: readonly KeptRecord[];
}

/** AWS-78: one line of a picture. */
export interface MetricSeries {
  /** One value for each period; null where nothing was counted or there is none. */
  readonly values: readonly (number | null)[];
  readonly max: number | null;
  readonly min: number | null;
  readonly avg: number | null;
  readonly sum: number | null;
  readonly last: number | null;
}

const MS_PER_SECOND = 1_000;
/** Records end at whole minutes of the process, some milliseconds beside those of the clock. */
const SLACK_MS = 5_000;

const beganMs = ({ endedAtMs, record }: KeptRecord): number => endedAtMs - record.spanMs;

/** The fine records for the times that no coarse one tells of: what is new, and what a crash left without. */
const uncovered = (fine: readonly KeptRecord[], coarse: readonly KeptRecord[]): readonly KeptRecord[] => {
  let at = 0;
  return fine.filter((one) => {
    const middleMs = (beganMs(one) + one.endedAtMs) / 2;
    while (at < coarse.length && (coarse[at]?.endedAtMs ?? 0) + SLACK_MS < one.endedAtMs) at += 1;
    const cover = coarse[at];
    return cover === undefined || middleMs < beganMs(cover) - SLACK_MS;
  });
};

/** Number of the period that a record counts in, by its middle; undefined: in none of those asked for. */
const periodOf = ({ fromMs, toMs, periodSeconds }: HistoryQuestion, one: KeptRecord): number | undefined => {
  const middleMs = (beganMs(one) + one.endedAtMs) / 2;
  if (middleMs < fromMs || middleMs >= toMs) return undefined;
  return Math.floor((middleMs - fromMs) / (periodSeconds * MS_PER_SECOND));
};

/** Undefined where the server counted nothing; zeros where it did, and the host had nothing. */
export const pointsOf = (
  question: HistoryQuestion,
  { coarse, fine, allCoarse, allFine }: KeptHistory,
): readonly (HistoryPoint | undefined)[] => {
  const { fromMs, toMs, periodSeconds } = question;
  const count = Math.max(0, Math.ceil((toMs - fromMs) / (periodSeconds * MS_PER_SECOND)));
  const spans = new Array<number>(count).fill(0);
  const records = Array.from({ length: count }, () => new MetricRecord());
  for (const one of [...allCoarse, ...uncovered(allFine, allCoarse)]) {
    const period = periodOf(question, one);
    if (period !== undefined) spans[period] = (spans[period] ?? 0) + one.record.spanMs;
  }
  // What covers a time is told by the records of all: a host has none of the times in which it had nothing.
  for (const one of [...coarse, ...uncovered(fine, allCoarse)]) {
    const period = periodOf(question, one);
    if (period !== undefined) records[period]?.add(one.record);
  }
  return records.map((record, index) => {
    const spanMs = spans[index] ?? 0;
    return spanMs === 0 ? undefined : { record, seconds: spanMs / MS_PER_SECOND };
  });
};

const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

/** Of a number of points, which need not be all of a line. */
export const valuesOf = (
  points: readonly (HistoryPoint | undefined)[],
  value: PointValue,
): readonly (number | null)[] =>
  points.map((point) => {
    const found = point === undefined ? null : value(point);
    return found === null ? null : rounded(found);
  });

export const seriesOf = (values: readonly (number | null)[]): MetricSeries => {
  const known = values.filter((one) => one !== null);
  const sum = known.reduce((total, one) => total + one, 0);
  const isEmpty = known.length === 0;
  return {
    values,
    max: isEmpty ? null : known.reduce((most, one) => Math.max(most, one)),
    min: isEmpty ? null : known.reduce((least, one) => Math.min(least, one)),
    avg: isEmpty ? null : rounded(sum / known.length),
    sum: isEmpty ? null : rounded(sum),
    last: known.at(-1) ?? null,
  };
};

const MOST_LABEL = 500;

/** `{label}`, `{max}`, `{min}`, `{avg}`, `{sum}` and `{last}` in a label stand for these. */
export const writeLabel = (template: string, name: string, { max, min, avg, sum, last }: MetricSeries): string => {
  const words: Readonly<Record<string, string | number | null>> = { label: name, max, min, avg, sum, last };
  return template
    .slice(0, MOST_LABEL)
    .replace(/\{(label|max|min|avg|sum|last)\}/g, (_, word: string) => String(words[word] ?? "-"));
};
