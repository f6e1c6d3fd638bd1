import type { Condition } from "@basalt/config";
import { type AddressTable, compileAddressTable } from "./addressTable.ts";
import { type ConditionMatcher, type ConditionRequest, compileCondition } from "./conditions.ts";

/** Rules of a condition file of which the first matching one decides. */
export interface RuleSet<Rule> {
  readonly size: number;
  first(request: ConditionRequest): Rule | undefined;
}

/**
 * Rules that are one plain path or one address expression are looked up in tables, however many there are; only the
 * others are tried in turn.
 */
export const compileRuleSet = <Rule extends { readonly condition: Condition }>(
  rules: readonly Rule[],
  caseSensitive: boolean,
): RuleSet<Rule> => {
  const plainPaths = new Map<string, number>();
  const expressions: string[] = [];
  const addressRules: number[] = [];
  const others: { readonly matches: ConditionMatcher; readonly index: number }[] = [];
  for (const [index, rule] of rules.entries()) {
    const path = plainPathOf(rule.condition);
    const expression = addressOf(rule.condition);
    if (expression !== undefined) {
      expressions.push(expression);
      addressRules.push(index);
    } else if (path === undefined) {
      others.push({ matches: compileCondition(rule.condition, caseSensitive), index });
    } else {
      const key = caseSensitive ? path : path.toLowerCase();
      if (!plainPaths.has(key)) plainPaths.set(key, index);
    }
  }
  const addresses = compileAddressTable(expressions);
  const byPath = (request: ConditionRequest): number | undefined =>
    plainPaths.size === 0 ? undefined : plainPaths.get(caseSensitive ? request.path : request.path.toLowerCase());
  const byTables = (request: ConditionRequest): number | undefined => {
    const path = byPath(request);
    const address = addresses.size === 0 ? undefined : addressRules[firstAddress(addresses, request)];
    if (path === undefined || address === undefined) return path ?? address;
    return Math.min(path, address);
  };
  const firstIndex = (request: ConditionRequest): number | undefined => {
    const found = byTables(request);
    for (const other of others) {
      if (found !== undefined && found < other.index) return found;
      if (other.matches(request)) return other.index;
    }
    return found;
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

const firstAddress = (addresses: AddressTable, request: ConditionRequest): number =>
  addresses.firstMatch(request.clientIp, () => request.country);

const addressOf = (condition: Condition): string | undefined => {
  const [term] = condition.terms;
  return term?.kind === "ip" && condition.terms.length === 1 && !term.negated ? term.pattern : undefined;
};

const plainPathOf = (condition: Condition): string | undefined => {
  const [term] = condition.terms;
  if (term === undefined || condition.terms.length > 1 || term.kind !== "url") return undefined;
  return term.negated || term.withQuery || term.pattern.includes("*") ? undefined : term.pattern;
};
