/** Ranges of UTF-16 code units, both ends included. */
export interface CharacterSet {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

export type Assertion = "start" | "end" | "wordBoundary" | "noWordBoundary";

/** A regular expression as a tree. */
export type PatternNode =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly branches: readonly PatternNode[] }
  /** `group` counts from 1 by the opening parenthesis. */
  | { readonly kind: "capture"; readonly group: number; readonly body: PatternNode }
  | {
      readonly kind: "repeat";
      readonly body: PatternNode;
      readonly min: number;
      /** Undefined: without end. */
      readonly max: number | undefined;
      readonly greedy: boolean;
    };

export interface ParsedPattern {
  readonly root: PatternNode;
  readonly groupCount: number;
  readonly ignoresCase: boolean;
}
