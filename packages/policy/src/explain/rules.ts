import type { HeaderRule } from "@basalt/config";
import type { ExplainFact } from "./contract.ts";
import type { Sources } from "./sources.ts";

const ACTION_WORDS = { set: "set", put: "added", append: "appended", unset: "removed" } as const;

const reasonOf = ({ action, line }: HeaderRule, sources: Sources) => ({
  because: `${ACTION_WORDS[action]} by a line of headers.txt`,
  source: sources.condition("headers.txt", line),
});

/** A line of headers.txt that applies, as it is written. */
export const headerRuleFact = (rule: HeaderRule, sources: Sources): ExplainFact => ({
  name: rule.name,
  isField: true,
  value: rule.action === "unset" ? null : rule.value,
  ...reasonOf(rule, sources),
});

/** The last of the lines that has changed a field of that name. */
export const ruleReason = (
  name: string,
  matching: readonly HeaderRule[],
  sources: Sources,
): Pick<ExplainFact, "because" | "source"> | undefined => {
  const rule = matching.findLast((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  return rule === undefined ? undefined : reasonOf(rule, sources);
};

/** Lines that remove a field. */
export const removalFacts = (matching: readonly HeaderRule[], sources: Sources): ExplainFact[] =>
  matching.filter(({ action }) => action === "unset").map((rule) => headerRuleFact(rule, sources));

/** Flat fields as pairs. */
export const pairsOf = (fields: readonly string[]): (readonly [name: string, value: string])[] => {
  const pairs: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) pairs.push([fields[index] ?? "", fields[index + 1] ?? ""]);
  return pairs;
};
