import { unreachable } from "@basalt/types";
import { type NamedAggregate, QueryLimitError, type Value } from "./contract.ts";
import { compareValues, evaluate, numberOf, type Row, textOf } from "./evaluate.ts";
import { QuantileSketch } from "./quantileSketch.ts";

/** Collects one figure of a group of rows. */
export interface Accumulator {
  add(row: Row): void;
  readonly value: Value;
}

/** Different values of all groups together. */
const MOST_DISTINCT = 200_000;

/** What all groups of a query share. */
export interface AggregateBudget {
  distinct: number;
}

type Part = (row: Row) => Value;

const count = (part: Part | undefined): Accumulator => {
  let rows = 0;
  return {
    add: (row) => {
      if (part === undefined || part(row) !== undefined) rows++;
    },
    get value() {
      return rows;
    },
  };
};

const countDistinct = (part: Part, budget: AggregateBudget): Accumulator => {
  const seen = new Set<string>();
  return {
    add: (row) => {
      const value = part(row);
      if (value === undefined || seen.has(textOf(value))) return;
      if (++budget.distinct > MOST_DISTINCT) throw new QueryLimitError(`more than ${MOST_DISTINCT} different values`);
      seen.add(textOf(value));
    },
    get value() {
      return seen.size;
    },
  };
};

/** Floating point sums of a million figures stay exact to the last digits (Neumaier). */
const total = (part: Part, isAverage: boolean): Accumulator => {
  let sum = 0;
  let rest = 0;
  let rows = 0;
  return {
    add: (row) => {
      const number = numberOf(part(row));
      if (number === undefined) return;
      const next = sum + number;
      rest += Math.abs(sum) >= Math.abs(number) ? sum - next + number : number - next + sum;
      sum = next;
      rows++;
    },
    get value() {
      if (rows === 0) return undefined;
      return isAverage ? (sum + rest) / rows : sum + rest;
    },
  };
};

const extreme = (part: Part, sign: 1 | -1): Accumulator => {
  let best: Value;
  return {
    add: (row) => {
      const value = part(row);
      if (value !== undefined && (best === undefined || compareValues(value, best) * sign > 0)) best = value;
    },
    get value() {
      return numberOf(best) ?? best;
    },
  };
};

const percentile = (part: Part, percent: number): Accumulator => {
  const sketch = new QuantileSketch();
  return {
    add: (row) => {
      const number = numberOf(part(row));
      if (number !== undefined) sketch.add(number);
    },
    get value() {
      return sketch.quantile(percent / 100);
    },
  };
};

/** The value of the row with the least or the greatest moment. */
const byMoment = (part: Part, sign: 1 | -1): Accumulator => {
  let value: Value;
  let bestMs: number | undefined;
  return {
    add: (row) => {
      const moment = numberOf(row.get("@timestamp"));
      const found = part(row);
      if (moment === undefined || found === undefined) return;
      if (bestMs !== undefined && (moment - bestMs) * sign <= 0) return;
      bestMs = moment;
      value = found;
    },
    get value() {
      return value;
    },
  };
};

export const createAccumulator = ({ kind, of, percent }: NamedAggregate, budget: AggregateBudget): Accumulator => {
  const part: Part = (row) => (of === undefined ? undefined : evaluate(of, row));
  switch (kind) {
    case "count":
      return count(of === undefined ? undefined : part);
    case "count_distinct":
      return countDistinct(part, budget);
    case "sum":
      return total(part, false);
    case "avg":
      return total(part, true);
    case "min":
      return extreme(part, -1);
    case "max":
      return extreme(part, 1);
    case "pct":
      return percentile(part, percent);
    case "earliest":
      return byMoment(part, -1);
    case "latest":
      return byMoment(part, 1);
    default:
      return unreachable(kind);
  }
};
