import type { Condition } from "@basalt/config";
import { type ConditionMatcher, type ConditionRequest, compileCondition } from "./conditions.ts";

/** Rules of a condition file of which the first matching one decides. */
export interface RuleSet<Rule> {
  readonly size: number;
  first(request: ConditionRequest): Rule | undefined;
}

/** Rules that are one plain path are looked up in a map, however many there are; only the others are tried in turn. */
export const compileRuleSet = <Rule extends { readonly condition: Condition }>(
  rules: readonly Rule[],
  caseSensitive: boolean,
): RuleSet<Rule> => {
  const plainPaths = new Map<string, number>();
  const others: { readonly matches: ConditionMatcher; readonly index: number }[] = [];
  for (const [index, rule] of rules.entries()) {
    const path = plainPathOf(rule.condition);
    if (path === undefined) {
      others.push({ matches: compileCondition(rule.condition, caseSensitive), index });
    } else {
      const key = caseSensitive ? path : path.toLowerCase();
      if (!plainPaths.has(key)) plainPaths.set(key, index);
    }
  }
  const firstIndex = (request: ConditionRequest): number | undefined => {
    const plain =
      plainPaths.size === 0 ? undefined : plainPaths.get(caseSensitive ? request.path : request.path.toLowerCase());
    for (const other of others) {
      if (plain !== undefined && plain < other.index) return plain;
      if (other.matches(request)) return other.index;
    }
    return plain;
  };
  return {
    size: rules.length,
    first: (request) => {
      if (rules.length === 0) return undefined;
      const index = firstIndex(request);
      return index === undefined ? undefined : rules[index];
    },
  };
};

const plainPathOf = (condition: Condition): string | undefined => {
  const [term] = condition.terms;
  if (term === undefined || condition.terms.length > 1 || term.kind !== "url") return undefined;
  return term.negated || term.withQuery || term.pattern.includes("*") ? undefined : term.pattern;
};
