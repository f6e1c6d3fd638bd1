import type { ExpiresBase, VhostSettings } from "@basalt/config";
import { formatHttpDate, getField, listMembers, parseHttpDate } from "@basalt/http";
import { requestOfUrl } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";

/** What a rule of expires.txt looks at. */
export interface ExpiringContent {
  /** Path and query string. */
  readonly url: string;
  readonly contentType: string | undefined;
  readonly lastModifiedMs: number | undefined;
  /** Value of the Cache-Control that would be sent without the rule. */
  readonly cacheControl: string | undefined;
}

export interface ExpiresDecision {
  /** Undefined: no Expires is sent, not even the origin's (HTTP-17). */
  readonly expires: string | undefined;
  /** Undefined: Cache-Control stays. */
  readonly cacheControl: string | undefined;
  /** Of expires.txt. */
  readonly line: number;
}

/** expires.txt of a virtual host (HTTP-13 to HTTP-17); the first matching line decides (OPEN 3). */
export interface ExpiresRules {
  /** Undefined when no line matches: the origin's own fields stand (HTTP-13). */
  decide(content: ExpiringContent, nowMs: number): ExpiresDecision | undefined;
  /** Flat response fields with what the rules say of them; the very same list when no line matches. */
  apply(url: string, fields: readonly string[], nowMs: number): readonly string[];
}

/** The end of the year 9999: an HTTP date has four digits for the year, and Last-Modified may be anything. */
const LAST_DATE_SECONDS = 253_402_300_799;

/** Undefined when `<RefreshExpiresHeader>` is OFF or there is no rule. */
export const compileExpiresRules = (vhost: VhostSettings): ExpiresRules | undefined => {
  const { refreshExpiresHeader, caseSensitive } = vhost.options;
  const rules = compileRuleSet(vhost.conditions.expires, caseSensitive);
  if (!refreshExpiresHeader.enabled || rules.size === 0) return undefined;

  const decide = (content: ExpiringContent, nowMs: number): ExpiresDecision | undefined => {
    const rule = rules.first(requestOfUrl(content.url, content.contentType));
    if (rule === undefined) return undefined;
    const { line, seconds } = rule;
    const nowSeconds = Math.floor(nowMs / 1000);
    const baseSeconds = baseOf(rule.base ?? refreshExpiresHeader.base, content, nowSeconds);
    if (baseSeconds === undefined) return { expires: undefined, cacheControl: undefined, line };
    const expiresSeconds = Math.min(Math.max(nowSeconds, baseSeconds + seconds), LAST_DATE_SECONDS);
    return {
      expires: formatHttpDate(expiresSeconds * 1000),
      cacheControl: withMaxAge(content.cacheControl, expiresSeconds - nowSeconds),
      line,
    };
  };

  return {
    decide,
    apply: (url, fields, nowMs) => {
      const lastModified = getField(fields, "last-modified");
      const content: ExpiringContent = {
        url,
        contentType: getField(fields, "content-type"),
        lastModifiedMs: lastModified === undefined ? undefined : parseHttpDate(lastModified),
        cacheControl: getField(fields, "cache-control"),
      };
      const decision = decide(content, nowMs);
      return decision === undefined ? fields : replaceFields(fields, decision);
    },
  };
};

const baseOf = (base: ExpiresBase, content: ExpiringContent, nowSeconds: number): number | undefined => {
  if (base === "access") return nowSeconds;
  return content.lastModifiedMs === undefined ? undefined : Math.floor(content.lastModifiedMs / 1000);
};

/** OPEN 4: max-age takes the place of the one that is there, the other directives stay. */
const withMaxAge = (cacheControl: string | undefined, seconds: number): string => {
  const wanted = `max-age=${seconds}`;
  const directives = listMembers(cacheControl ?? "");
  const first = directives.findIndex(isMaxAge);
  const others = directives.filter((directive) => !isMaxAge(directive));
  return (first < 0 ? [...others, wanted] : others.toSpliced(first, 0, wanted)).join(", ");
};

const isMaxAge = (directive: string): boolean => /^max-age\s*(?:=|$)/i.test(directive);

const replaceFields = (fields: readonly string[], { expires, cacheControl }: ExpiresDecision): string[] => {
  const replaced: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] ?? "").toLowerCase();
    if (name === "expires" || (name === "cache-control" && cacheControl !== undefined)) continue;
    replaced.push(fields[index] ?? "", fields[index + 1] ?? "");
  }
  if (cacheControl !== undefined) replaced.push("Cache-Control", cacheControl);
  if (expires !== undefined) replaced.push("Expires", expires);
  return replaced;
};
