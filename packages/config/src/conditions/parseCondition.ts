import { unreachable } from "@basalt/types";
import type { Condition, ConditionTerm } from "../contract.ts";
import { describesAddresses, parseAddressExpression } from "../syntax/addressExpression.ts";
import { suggest } from "../syntax/suggest.ts";
import { findWrapperEnd, opensWrapper } from "./fields.ts";

export type ConditionKind = ConditionTerm["kind"];

export const ALL_CONDITION_KINDS: readonly ConditionKind[] = ["url", "ip", "header", "method", "mime", "protocol"];

export type ConditionOutcome =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly message: string };

type TermOutcome =
  | { readonly ok: true; readonly term: ConditionTerm }
  | { readonly ok: false; readonly message: string };

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const METHODS: readonly string[] = ["GET", "POST", "HEAD", "OPTIONS"];
const PROTOCOLS: readonly string[] = ["HTTP", "HTTPS"];

const refuse = (message: string): TermOutcome => ({ ok: false, message });
const accept = (term: ConditionTerm): TermOutcome => ({ ok: true, term });

const parseUrl = (pattern: string, negated: boolean): TermOutcome => {
  if (pattern === "") return refuse("The URL is empty.");
  if (!/^[/*]/.test(pattern)) return refuse(`The URL ${pattern} begins neither with / nor with *.`);
  if (/\s/.test(pattern)) return refuse(`The URL ${pattern} holds a blank.`);
  return accept({ kind: "url", pattern, withQuery: pattern.includes("?"), negated });
};

const parseIp = (pattern: string, negated: boolean): TermOutcome => {
  if (parseAddressExpression(pattern) !== undefined) return accept({ kind: "ip", pattern, negated });
  return refuse(`${pattern} is not ${describesAddresses}.`);
};

const parseHeader = (argument: string, negated: boolean): TermOutcome => {
  const colon = argument.indexOf(":");
  const name = (colon === -1 ? argument : argument.slice(0, colon)).trim().toLowerCase();
  if (!FIELD_NAME.test(name)) return refuse(`${JSON.stringify(name)} cannot be the name of a header field.`);
  if (colon === -1) return accept({ kind: "header", name, value: { kind: "exists" }, negated });
  const pattern = argument.slice(colon + 1).trim();
  const value = pattern === "" ? ({ kind: "empty" } as const) : ({ kind: "pattern", pattern } as const);
  return accept({ kind: "header", name, value, negated });
};

const parseTermOf = (kind: ConditionKind, argument: string, negated: boolean): TermOutcome => {
  const word = argument.toUpperCase();
  switch (kind) {
    case "url":
      return parseUrl(argument, negated);
    case "ip":
      return parseIp(argument, negated);
    case "header":
      return parseHeader(argument, negated);
    case "method":
      return METHODS.includes(word)
        ? accept({ kind, method: word, negated })
        : refuse(`${argument} is none of the methods ${METHODS.join(", ")}.`);
    case "mime":
      return argument === "" ? refuse("The MIME type is empty.") : accept({ kind, pattern: argument, negated });
    case "protocol":
      return PROTOCOLS.includes(word)
        ? accept({ kind, protocol: word, negated })
        : refuse(`${argument} is none of the protocols ${PROTOCOLS.join(", ")}.`);
    default:
      return unreachable(kind);
  }
};

const describeKinds = (kinds: readonly ConditionKind[]): string => kinds.map((kind) => kind.toUpperCase()).join(", ");

const parseWrapper = (text: string, allowed: readonly ConditionKind[]): TermOutcome => {
  const end = findWrapperEnd(text, 0);
  if (end === -1) return refuse(`The bracket of ${text} is not closed.`);
  if (end < text.length)
    return refuse(`After ${text.slice(0, end)} follows ${text.slice(end)}; & needs blanks around it.`);
  const bracket = text.indexOf("[");
  const word = text.slice(1, bracket).toLowerCase();
  const kind = ALL_CONDITION_KINDS.find((known) => known === word);
  if (kind === undefined) {
    const near = suggest(word, ALL_CONDITION_KINDS);
    const hint = near === undefined ? "" : ` Did you mean ${near.toUpperCase()}?`;
    return refuse(`There is no condition ${word.toUpperCase()}.${hint}`);
  }
  if (!allowed.includes(kind))
    return refuse(`${word.toUpperCase()} cannot be used here, only ${describeKinds(allowed)}.`);
  return parseTermOf(kind, text.slice(bracket + 1, -1).trim(), text.startsWith("!"));
};

const parseTerm = (text: string, allowed: readonly ConditionKind[]): TermOutcome => {
  if (text === "") return refuse("A condition is empty.");
  if (opensWrapper(text, 0)) return parseWrapper(text, allowed);
  if (!allowed.includes("url")) return refuse(`A URL cannot be used here, only ${describeKinds(allowed)}.`);
  return parseUrl(text, false);
};

/** Cuts at `&` with white space on both sides (CFG-69), but not inside `$NAME[…]`. */
const splitTerms = (text: string): readonly string[] => {
  const terms: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; ) {
    const atTermStart = text.slice(start, index).trim() === "";
    const end = atTermStart && opensWrapper(text, index) ? findWrapperEnd(text, index) : -1;
    if (end !== -1) {
      index = end;
      continue;
    }
    if (/^\s&\s/.test(text.slice(index, index + 3))) {
      terms.push(text.slice(start, index).trim());
      start = index + 2;
      index += 2;
    } else {
      index += 1;
    }
  }
  terms.push(text.slice(start).trim());
  return terms;
};

/**
 * A condition by the grammar of CFG-65 to CFG-70; terms joined by AND. `allowed` are the kinds that the file at hand
 * knows.
 */
export const parseCondition = (
  text: string,
  allowed: readonly ConditionKind[] = ALL_CONDITION_KINDS,
): ConditionOutcome => {
  const terms: ConditionTerm[] = [];
  for (const part of splitTerms(text.trim())) {
    const outcome = parseTerm(part, allowed);
    if (!outcome.ok) return outcome;
    terms.push(outcome.term);
  }
  return { ok: true, condition: { terms } };
};
