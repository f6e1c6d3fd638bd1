/** A value in a query; undefined is what a row lacks. */
export type Value = string | number | boolean | undefined;

export const SCALAR_FUNCTIONS = [
  ...["abs", "ceil", "floor", "strlen", "tolower", "toupper", "trim", "coalesce", "ispresent", "tonumber"],
] as const;
export type ScalarFunction = (typeof SCALAR_FUNCTIONS)[number];

export type BinaryOperator = "and" | "or" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%";

export type Expression =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "not" | "minus"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** Text that it holds, or an expression that it matches. */
  | { readonly kind: "like"; readonly of: Expression; readonly wanted: string | RegExp }
  | { readonly kind: "in"; readonly of: Expression; readonly list: readonly Expression[] }
  | { readonly kind: "call"; readonly name: ScalarFunction; readonly parts: readonly Expression[] }
  /** The beginning of the part of time that a moment lies in (AWS-88). */
  | { readonly kind: "bin"; readonly of: Expression; readonly widthMs: number };

export interface NamedExpression {
  readonly name: string;
  readonly expression: Expression;
}

export const AGGREGATES = ["count", "count_distinct", "sum", "avg", "min", "max", "pct", "earliest", "latest"] as const;
export type AggregateKind = (typeof AGGREGATES)[number];

export interface NamedAggregate {
  readonly name: string;
  readonly kind: AggregateKind;
  /** Undefined: `count(*)`. */
  readonly of: Expression | undefined;
  /** Of `pct`, 0 to 100. */
  readonly percent: number;
}

export interface SortKey {
  readonly expression: Expression;
  readonly isDescending: boolean;
}

export type Command =
  | { readonly kind: "fields" | "display"; readonly columns: readonly NamedExpression[] }
  | { readonly kind: "filter"; readonly condition: Expression }
  | {
      readonly kind: "parse";
      readonly of: Expression;
      /** Texts between which the values stand: one more than there are names. */
      readonly texts: readonly string[];
      readonly names: readonly string[];
    }
  | { readonly kind: "stats"; readonly aggregates: readonly NamedAggregate[]; readonly by: readonly NamedExpression[] }
  | { readonly kind: "sort"; readonly keys: readonly SortKey[] }
  | { readonly kind: "limit"; readonly rows: number };

/** What was wrong with a query, and at which character of it, counted from 1. */
export class QueryError extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** A query that is sound and comes to more than may be held in memory, or takes too long. */
export class QueryLimitError extends Error {}
