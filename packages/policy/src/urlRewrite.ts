import { compilePattern, type LinearPattern, type UrlRewrite } from "@basalt/config";
import { EdgeError } from "@basalt/types";
import { compileCandidates } from "./candidates.ts";

interface CompiledRewrite {
  readonly pattern: LinearPattern;
  readonly template: readonly (string | number)[];
}

/**
 * `<URLRewrite>` of a host (ORG-41): path and query string that the origin is asked for instead of those given. The first
 * rule that matches anywhere in the URL decides (VHT-05); what it makes takes the place of all of it (VHT-07).
 */
export const compileUrlRewrites = (rules: readonly UrlRewrite[]): ((url: string) => string) => {
  if (rules.length === 0) return (url) => url;
  const find = compileRewriteRules(rules);
  return (url) => {
    const made = find(url);
    return made === undefined ? url : asTarget(made.text);
  };
};

/** What the first rule that matches makes of a text; `rule` is its place among the rules. */
export interface Rewritten {
  readonly text: string;
  readonly rule: number;
}

/** VHT-03: the first rule that matches counts. Rules whose text cannot stand in the subject are not compared. */
export const compileRewriteRules = (rules: readonly UrlRewrite[]): ((subject: string) => Rewritten | undefined) => {
  const compiled = rules.map(compileRewrite);
  const mayMatch = compileCandidates(compiled.map(({ pattern }) => pattern.requiredText));
  return (subject) => {
    for (const rule of mayMatch(subject)) {
      const { pattern, template } = compiled[rule] ?? {};
      const groups = pattern?.match(subject);
      if (groups === undefined || template === undefined) continue;
      return {
        text: template
          .map((part) => expand(part, subject, groups))
          .join("")
          .replace("?&", "?"),
        rule,
      };
    }
    return undefined;
  };
};

const compileRewrite = ({ pattern, replace }: UrlRewrite): CompiledRewrite => {
  const outcome = compilePattern(pattern);
  if (!outcome.ok) throw new EdgeError("INTERNAL", { detail: `<Pattern> ${outcome.reason}` });
  const parts = replace.split(/(#[0-9])/).filter((part) => part !== "");
  return {
    pattern: outcome.pattern,
    template: parts.map((part) => (/^#[0-9]$/.test(part) ? Number(part.slice(1)) : encodeLiteral(part))),
  };
};

const expand = (part: string | number, url: string, groups: readonly (string | undefined)[]): string => {
  if (typeof part === "string") return part;
  return part === 0 ? url : (groups[part] ?? "");
};

/** What cannot stand in a request target, which the rest of a result is made of. */
const encodeLiteral = (text: string): string => text.replace(/[^\x21-\x7e]|#/gu, (character) => encode(character));

const encode = (character: string): string =>
  [...Buffer.from(character, "utf8")].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

const asTarget = (url: string): string => (url.startsWith("/") ? url : `/${url}`);
