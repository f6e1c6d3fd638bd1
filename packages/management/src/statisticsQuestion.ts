import type { JsonValue } from "./answer.ts";

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

/** The same figures in both forms. */
export interface StatisticsAnswer {
  json(): JsonValue;
  xml(): string;
}
