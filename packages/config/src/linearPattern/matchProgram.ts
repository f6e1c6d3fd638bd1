import { unreachable } from "@basalt/types";
import type { Assertion, CharacterSet } from "./patternNode.ts";
import type { Instruction } from "./patternProgram.ts";

/** Positions noted so far; shared between threads, copied when one notes another. */
type Notes = readonly number[];

interface Thread {
  readonly at: number;
  readonly notes: Notes;
}

const UNSET = -1;

const isWord = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || unit === 0x5f || (unit >= 0x61 && unit <= 0x7a);

const holds = (assertion: Assertion, text: string, position: number): boolean => {
  switch (assertion) {
    case "start":
      return position === 0;
    case "end":
      return position === text.length;
    case "wordBoundary":
    case "noWordBoundary": {
      const before = position > 0 && isWord(text.charCodeAt(position - 1));
      const behind = position < text.length && isWord(text.charCodeAt(position));
      return (before !== behind) === (assertion === "wordBoundary");
    }
    default:
      return unreachable(assertion);
  }
};

const isIn = (ranges: CharacterSet["ranges"], unit: number): boolean => {
  for (const [first, last] of ranges) if (unit >= first && unit <= last) return true;
  return false;
};

const CASE_BIT = 0x20;

const otherCase = (unit: number): number => {
  const folded = unit | CASE_BIT;
  return folded >= 0x61 && folded <= 0x7a ? unit ^ CASE_BIT : unit;
};

const accepts = (set: CharacterSet, unit: number, ignoresCase: boolean): boolean =>
  (isIn(set.ranges, unit) || (ignoresCase && isIn(set.ranges, otherCase(unit)))) !== set.negated;

export interface MatchRules {
  readonly groupCount: number;
  readonly ignoresCase: boolean;
}

/**
 * Runs all threads side by side, one character at a time; each place of the program is entered once for a character, by
 * the thread that comes first in the order of preference. So a text costs its length times the program's, whatever both
 * are, and the result is what backtracking would find first. Answers start and end of each group, -1 where it took no
 * part; undefined without a match.
 */
export const matchProgram = (
  program: readonly Instruction[],
  text: string,
  { groupCount, ignoresCase }: MatchRules,
): readonly number[] | undefined => {
  const enteredAt = new Int32Array(program.length).fill(UNSET);
  let position = 0;
  let found: Notes | undefined;

  const enter = (at: number, notes: Notes, threads: Thread[]): void => {
    if (enteredAt[at] === position) return;
    enteredAt[at] = position;
    const instruction = program[at];
    switch (instruction?.kind) {
      case undefined:
        return;
      case "jump":
        enter(instruction.to, notes, threads);
        return;
      case "split":
        enter(instruction.first, notes, threads);
        enter(instruction.second, notes, threads);
        return;
      case "note":
        enter(at + 1, notes.with(instruction.place, position), threads);
        return;
      case "assertion":
        if (holds(instruction.assertion, text, position)) enter(at + 1, notes, threads);
        return;
      case "set":
      case "match":
        threads.push({ at, notes });
        return;
      default:
        unreachable(instruction);
    }
  };

  let threads: Thread[] = [];
  for (;;) {
    if (found === undefined) {
      const fresh = new Array<number>(groupCount * 2 + 2).fill(UNSET);
      enter(0, fresh.with(0, position), threads);
    }
    const next: Thread[] = [];
    const now = position;
    position += 1;
    for (const { at, notes } of threads) {
      const instruction = program[at];
      if (instruction?.kind === "match") {
        // What comes behind in the order of preference no longer counts.
        found = notes.with(1, now);
        break;
      }
      if (instruction?.kind !== "set" || now >= text.length) continue;
      if (accepts(instruction.set, text.charCodeAt(now), ignoresCase)) enter(at + 1, notes, next);
    }
    if (now >= text.length || (found !== undefined && next.length === 0)) return found;
    threads = next;
  }
};
