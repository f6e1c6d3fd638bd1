import { unreachable } from "@basalt/types";
import type { PatternNode } from "./patternNode.ts";

/** A run that ends is kept; `open` goes on with what comes next. */
interface Runs {
  readonly closed: string[];
  open: string;
}

const close = (runs: Runs): void => {
  if (runs.open !== "") runs.closed.push(runs.open);
  runs.open = "";
};

const onlyCharacterOf = (node: PatternNode): string | undefined => {
  if (node.kind !== "set" || node.set.negated || node.set.ranges.length !== 1) return undefined;
  const [first, last] = node.set.ranges[0] ?? [0, 1];
  return first === last ? String.fromCharCode(first) : undefined;
};

const collect = (node: PatternNode, runs: Runs): void => {
  switch (node.kind) {
    case "set": {
      const character = onlyCharacterOf(node);
      if (character === undefined) close(runs);
      else runs.open += character;
      return;
    }
    case "assertion":
      return;
    case "sequence":
      for (const part of node.parts) collect(part, runs);
      return;
    case "capture":
      collect(node.body, runs);
      return;
    case "choice":
      close(runs);
      return;
    case "repeat":
      close(runs);
      if (node.min > 0) collect(node.body, runs);
      close(runs);
      return;
    default:
      unreachable(node);
  }
};

/** Runs of characters that stand in every text which the expression matches, by case; none need be found. */
export const requiredTextOf = (root: PatternNode): readonly string[] => {
  const runs: Runs = { closed: [], open: "" };
  collect(root, runs);
  close(runs);
  return runs.closed;
};
