/** Which statistics are asked for. */
export interface StatisticsQuestion {
  readonly span:
    | { readonly kind: "realtime" }
    | { readonly kind: "average" }
    /** The last whole minutes, 1 to 60. */
    | { readonly kind: "minutes"; readonly minutes: number };
  /** Undefined: all virtual hosts. */
  readonly vhosts: readonly string[] | undefined;
}

/** The same figures in both forms, written piece by piece. */
export interface StatisticsAnswer {
  json(): Iterable<string>;
  xml(): Iterable<string>;
}
