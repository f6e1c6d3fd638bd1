import { CACHE_RESULTS, HIT_RESULTS, unreachable } from "@basalt/types";

/** Figures of one thing over one time. */
export interface Figures {
  /** By slot; gauges as the sum of the levels of the seconds. */
  readonly values: Float64Array;
  /** What amounts are divided by; 1 in the figures of the last second. */
  readonly seconds: number;
  /** Levels that were added up. */
  readonly samples: number;
  /** STAT-19: totals carry their values in averages only. */
  readonly isAverage: boolean;
}

/** Where the value of a field comes from. `Facts`: what is known of the thing beside what was counted. */
export type FieldSource<Facts> =
  /** Amount per second (STAT-17). */
  | { readonly kind: "rate"; readonly slots: readonly number[]; readonly minus?: readonly number[] }
  /** Amount of the whole time, in averages; else 0 (STAT-19). */
  | { readonly kind: "total"; readonly slots: readonly number[] }
  /** Amount of `of` for each of `per` (STAT-20). */
  | {
      readonly kind: "mean";
      readonly of: readonly number[];
      readonly per: readonly number[];
      readonly divisor?: number;
    }
  /** Mean of the levels of the seconds (STAT-28). */
  | { readonly kind: "level"; readonly slots: readonly number[] }
  /** STAT-23; the first of the slots of the cache results. */
  | { readonly kind: "requestHitRatio"; readonly results: number }
  /** STAT-25. */
  | { readonly kind: "byteHitRatio"; readonly sent: readonly number[]; readonly received: readonly number[] }
  | { readonly kind: "fact"; readonly read: (facts: Facts, figures: Figures) => number | string; readonly from: string }
  /** STAT OPEN-S3: a container that is empty. */
  | { readonly kind: "empty" };

const RATIO_ONE = 10_000;

const sumOf = ({ values }: Figures, slots: readonly number[]): number => {
  let sum = 0;
  for (const slot of slots) sum += values[slot] ?? 0;
  return sum;
};

/** Truncated, as all integers here (STAT-18); 0 where there is nothing to divide by, and never -0. */
export const divide = (amount: number, by: number): number => (by === 0 ? 0 : Math.trunc(amount / by) + 0);

const HIT_INDEXES: readonly number[] = CACHE_RESULTS.flatMap((result, index) =>
  HIT_RESULTS.has(result) ? [index] : [],
);
/** OPEN-S5: what ended before a decision is no part of the ratio. */
const DECIDED_INDEXES: readonly number[] = CACHE_RESULTS.flatMap((result, index) =>
  result === "TCP_NONE" ? [] : [index],
);

export const requestHitRatio = (figures: Figures, results: number): number => {
  const sum = (indexes: readonly number[]): number =>
    sumOf(
      figures,
      indexes.map((index) => results + index),
    );
  return divide(sum(HIT_INDEXES) * RATIO_ONE, sum(DECIDED_INDEXES));
};

export const byteHitRatio = (sentBytes: number, receivedBytes: number): number =>
  divide((sentBytes - receivedBytes) * RATIO_ONE, sentBytes);

/** Value of a field; undefined for an empty container. */
export const evaluate = <Facts>(
  source: FieldSource<Facts>,
  figures: Figures,
  facts: Facts,
): number | string | undefined => {
  switch (source.kind) {
    case "rate":
      return divide(sumOf(figures, source.slots) - sumOf(figures, source.minus ?? []), figures.seconds);
    case "total":
      return figures.isAverage ? sumOf(figures, source.slots) : 0;
    case "mean":
      return divide(sumOf(figures, source.of), sumOf(figures, source.per) * (source.divisor ?? 1));
    case "level":
      return divide(sumOf(figures, source.slots), figures.samples);
    case "requestHitRatio":
      return requestHitRatio(figures, source.results);
    case "byteHitRatio":
      return byteHitRatio(sumOf(figures, source.sent), sumOf(figures, source.received));
    case "fact":
      return source.read(facts, figures);
    case "empty":
      return undefined;
    default:
      return unreachable(source);
  }
};
