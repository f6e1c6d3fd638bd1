import type { ClientRewrite } from "@basalt/config";
import { type FieldBlock, fieldBlockOf } from "@basalt/http";
import { compileRewriteRules } from "./urlRewrite.ts";

/** What a request is for, by `<Vhosts><URLRewrite>`. */
export interface RewrittenRequest {
  /** In lower case, without port; empty when the rule makes none. */
  readonly host: string;
  /** Path and query string. */
  readonly target: string;
  /** VHT-10: the log has the URL that was asked for. */
  readonly isLoggedAsAsked: boolean;
}

/** `host` in lower case, without port; undefined when no rule matches (VHT-09). */
export type ClientRewriter = (host: string, target: string) => RewrittenRequest | undefined;

/** Subjects that one worker remembers, and the longest of them. */
const REMEMBERED = 4_096;
const LONGEST_REMEMBERED = 512;

/**
 * VHT-01 to VHT-12: the first rule that matches host name, path and query string makes another URL. What became of the
 * subjects asked for again and again is remembered. Undefined without rules.
 */
export const compileClientRewriter = (rules: readonly ClientRewrite[]): ClientRewriter | undefined => {
  if (rules.length === 0) return undefined;
  const find = compileRewriteRules(rules);
  const remembered = new Map<string, RewrittenRequest | undefined>();
  const rewrite = (subject: string): RewrittenRequest | undefined => {
    const made = find(subject);
    if (made === undefined) return undefined;
    return { ...splitUrl(made.text), isLoggedAsAsked: rules[made.rule]?.accessLog === "Pattern" };
  };
  return (host, target) => {
    const subject = host + target;
    if (subject.length > LONGEST_REMEMBERED) return rewrite(subject);
    const known = remembered.get(subject);
    if (known !== undefined || remembered.has(subject)) return known;
    const outcome = rewrite(subject);
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(subject, outcome);
    return outcome;
  };
};

/** VHT-07: what stands before the first `/` is the host. */
const splitUrl = (url: string): { readonly host: string; readonly target: string } => {
  const [, host = "", target = ""] = /^([^/?]*)(.*)$/s.exec(url) ?? [];
  return { host: host.toLowerCase(), target: target.startsWith("/") ? target : `/${target}` };
};

/** VHT-08: whoever looks at the Host field sees the new name. */
export const withHostField = (fields: FieldBlock, host: string): FieldBlock => {
  const flat = ["Host", host];
  for (let index = 0; index < fields.count; index++) {
    if (fields.name(index).toLowerCase() !== "host") flat.push(fields.name(index), fields.value(index));
  }
  return fieldBlockOf(flat);
};
