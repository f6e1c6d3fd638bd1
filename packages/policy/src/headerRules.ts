import type { HeaderRule, VhostSettings } from "@basalt/config";
import { unreachable } from "@basalt/types";
import { type ConditionMatcher, type ConditionRequest, compileCondition } from "./conditions.ts";

/** What values of `$RES` rules may name. */
export interface ResponseRuleFacts {
  /** The result word, such as `TCP_HIT` (HTTP-52). */
  readonly cacheResult: string;
  /** `http` or `https`: what the client speaks (HTTP-51). */
  readonly protocol: string;
}

/** headers.txt of a virtual host (HTTP-42 to HTTP-53, ORG-51 to ORG-53). Fields are flat: name, value, name, value … */
export interface HeaderRules {
  readonly changesRequests: boolean;
  readonly changesResponses: boolean;
  readonly changesOriginRequests: boolean;
  /**
   * True when the response rules do the same for all requests of one object, whatever their status: they look at the path
   * alone and write no variable.
   */
  readonly isResponseConstant: boolean;
  applyToRequest(request: ConditionRequest, fields: readonly string[]): string[];
  applyToResponse(
    request: ConditionRequest,
    status: number,
    fields: readonly string[],
    facts: ResponseRuleFacts,
  ): string[];
  applyToOriginRequest(request: ConditionRequest, fields: readonly string[]): string[];
  /** Whether an OPTIONS request is answered here, because a `$RES` rule for OPTIONS matches it (OPEN 12 of spec 04). */
  answersOptions(request: ConditionRequest): boolean;
  /** The rules that `applyTo…` carries out, in order; `status` counts for responses only. */
  matching(direction: HeaderRule["direction"], request: ConditionRequest, status: number): readonly HeaderRule[];
}

interface CompiledRule {
  readonly rule: HeaderRule;
  readonly matches: ConditionMatcher;
}

/** Undefined when neither `<ModifyHeader>` is ON for a direction that has rules. */
export const compileHeaderRules = (vhost: VhostSettings): HeaderRules | undefined => {
  const { options, originOptions, conditions } = vhost;
  const rulesFor = (direction: HeaderRule["direction"], isEnabled: boolean): readonly CompiledRule[] =>
    conditions.headers
      .filter((rule) => isEnabled && rule.direction === direction)
      .map((rule) => ({ rule, matches: compileCondition(rule.condition, options.caseSensitive) }));
  const rules = {
    request: rulesFor("request", options.modifyHeader.enabled),
    response: rulesFor("response", options.modifyHeader.enabled),
    originRequest: rulesFor("originRequest", originOptions.modifyHeader.enabled),
  };
  if (rules.request.length + rules.response.length + rules.originRequest.length === 0) return undefined;

  const { firstOnly } = options.modifyHeader;
  const isFirstOnly = { request: firstOnly, response: firstOnly, originRequest: originOptions.modifyHeader.firstOnly };

  /** HTTP-43, OPEN 14 reading B: first match per direction; one whose status differs is none. */
  const matching = (
    direction: HeaderRule["direction"],
    request: ConditionRequest,
    status: number,
  ): readonly HeaderRule[] => {
    const found: HeaderRule[] = [];
    for (const { rule, matches } of rules[direction]) {
      if (!isForStatus(rule, status) || !matches(request)) continue;
      found.push(rule);
      if (isFirstOnly[direction]) break;
    }
    return found;
  };

  return {
    changesRequests: rules.request.length > 0,
    changesResponses: rules.response.length > 0,
    changesOriginRequests: rules.originRequest.length > 0,
    isResponseConstant: rules.response.every(({ rule }) => isConstant(rule)),
    applyToRequest: (request, fields) =>
      changeFields(fields, matching("request", request, 0), { cacheResult: "", protocol: request.protocol }),
    applyToResponse: (request, status, fields, facts) =>
      changeFields(fields, matching("response", request, status), facts),
    applyToOriginRequest: (request, fields) =>
      changeFields(fields, matching("originRequest", request, 0), { cacheResult: "", protocol: request.protocol }),
    answersOptions: (request) =>
      request.method === "OPTIONS" &&
      rules.response.some(
        ({ rule, matches }) => namesOptions(rule) && isForStatus(rule, OPTIONS_STATUS) && matches(request),
      ),
    matching,
  };
};

/** Status of an OPTIONS answer that is made here. */
const OPTIONS_STATUS = 200;

const isForStatus = ({ statuses }: HeaderRule, status: number): boolean =>
  statuses === undefined || (status >= statuses.first && status <= statuses.last);

const namesOptions = ({ condition }: HeaderRule): boolean =>
  condition.terms.some((term) => term.kind === "method" && term.method === "OPTIONS" && !term.negated);

/** Age is written anew each second in responses that are kept ready. */
const isConstant = ({ condition, name, value, statuses }: HeaderRule): boolean =>
  statuses === undefined &&
  name.toLowerCase() !== "age" &&
  !hasVariable(value) &&
  condition.terms.every((term) => term.kind === "url" && !term.withQuery);

const PROTOCOL = "#PROTOCOL";
const CACHE_HIT = "#CACHEHIT";

const hasVariable = (value: string): boolean => value.includes(PROTOCOL) || value.includes(CACHE_HIT);

/** What stands for a variable is a word of this program, so the value stays as safe as it was read. */
const expand = (value: string, { cacheResult, protocol }: ResponseRuleFacts): string =>
  hasVariable(value) ? value.replaceAll(PROTOCOL, protocol).replaceAll(CACHE_HIT, cacheResult) : value;

const changeFields = (fields: readonly string[], rules: readonly HeaderRule[], facts: ResponseRuleFacts): string[] =>
  rules.reduce((changed, rule) => changeField(changed, rule, expand(rule.value, facts)), [...fields]);

const changeField = (fields: readonly string[], { action, name }: HeaderRule, value: string): string[] => {
  switch (action) {
    case "set":
      return setField(fields, name, value);
    case "put":
      return [...fields, name, value];
    case "append":
      return appendToField(fields, name, value);
    case "unset":
      return withoutField(fields, name);
    default:
      return unreachable(action);
  }
};

const isNamed = (name: string | undefined, lowerCaseName: string): boolean => name?.toLowerCase() === lowerCaseName;

const withoutField = (fields: readonly string[], name: string): string[] => {
  const lowerCaseName = name.toLowerCase();
  return fields.filter((_, index) => !isNamed(fields[index - (index % 2)], lowerCaseName));
};

/** HTTP-47: one line, where the first one stood. */
const setField = (fields: readonly string[], name: string, value: string): string[] => {
  const lowerCaseName = name.toLowerCase();
  const changed: string[] = [];
  let isWritten = false;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (!isNamed(fields[index], lowerCaseName)) changed.push(fields[index] ?? "", fields[index + 1] ?? "");
    else if (!isWritten) {
      changed.push(name, value);
      isWritten = true;
    }
  }
  if (!isWritten) changed.push(name, value);
  return changed;
};

/** HTTP-49, OPEN 16: the value of the last line of that name, a comma, the new one. */
const appendToField = (fields: readonly string[], name: string, value: string): string[] => {
  const lowerCaseName = name.toLowerCase();
  const changed = [...fields];
  for (let index = changed.length - 2; index >= 0; index -= 2) {
    if (!isNamed(changed[index], lowerCaseName)) continue;
    const before = changed[index + 1] ?? "";
    if (before === "" || value === "") changed[index + 1] = before + value;
    else changed[index + 1] = `${before}, ${value}`;
    return changed;
  }
  return [...changed, name, value];
};
