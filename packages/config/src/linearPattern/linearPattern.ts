import { matchProgram } from "./matchProgram.ts";
import { PatternSyntaxError, parsePattern } from "./parsePattern.ts";
import { compileProgram, countInstructions } from "./patternProgram.ts";
import { requiredTextOf } from "./requiredText.ts";

/** A compiled regular expression. The time of a match grows with the length of the text only, whatever was written. */
export interface LinearPattern {
  /** Pairs of capturing parentheses. */
  readonly groupCount: number;
  /** Runs of characters that every text with a match contains; empty when none are known. */
  readonly requiredText: readonly string[];
  /**
   * First match anywhere in the text (anchored only by `^` and `$`), chosen as PCRE does: the matched part, then each
   * group, undefined where it took no part. Undefined without a match.
   */
  match(text: string): readonly (string | undefined)[] | undefined;
}

export type PatternOutcome =
  | { readonly ok: true; readonly pattern: LinearPattern }
  /** Completes "The expression …". */
  | { readonly ok: false; readonly reason: string };

const MAX_LENGTH = 1_000;
/** With the longest URL of 1 MiB and every thread alive a match stays below some seconds, with usual ones below 1 ms. */
const MAX_INSTRUCTIONS = 1_000;

/**
 * Compiles a regular expression in the syntax of PCRE, without what would need backtracking: back references, look
 * around, atomic groups, possessive quantifiers. `(?i)` in front ignores case; `.` is any character.
 */
export const compilePattern = (text: string): PatternOutcome => {
  if (text.length > MAX_LENGTH) return { ok: false, reason: `is longer than ${MAX_LENGTH} characters` };
  try {
    const { root, groupCount, ignoresCase } = parsePattern(text);
    if (countInstructions(root) > MAX_INSTRUCTIONS) return { ok: false, reason: "repeats too much within repetitions" };
    const program = compileProgram(root);
    return {
      ok: true,
      pattern: {
        groupCount,
        requiredText: ignoresCase ? [] : requiredTextOf(root),
        match: (subject) => {
          const places = matchProgram(program, subject, { groupCount, ignoresCase });
          if (places === undefined) return undefined;
          return Array.from({ length: groupCount + 1 }, (_, group) => {
            const start = places[group * 2] ?? -1;
            const end = places[group * 2 + 1] ?? -1;
            return start < 0 || end < start ? undefined : subject.slice(start, end);
          });
        },
      },
    };
  } catch (cause) {
    if (cause instanceof PatternSyntaxError) return { ok: false, reason: `cannot be used: ${cause.message}` };
    throw cause;
  }
};
