import type { VhostSettings } from "@basalt/config";
import { FIELD, parseAbsoluteTarget } from "@basalt/http";
import { requestOfUrl } from "./conditions.ts";
import { compileSelectedQuery } from "./requestSelection.ts";
import { compileRuleSet } from "./ruleSet.ts";
import { compileThrottlingKeyRemoval } from "./throttlingQuery.ts";
import { compileUrlRewrites } from "./urlRewrite.ts";

/**
 * Which representation of a URL a request is about: empty for the plain one, `encoded` for what the origin gives
 * to those who accept compression (KEY-02).
 */
export type Variant = "" | "encoded";

export interface KeyRules {
  /**
   * The URL part of the cache key (KEY-04 to KEY-06); gives the very same string back when no rule changes it, and
   * changes its own results no further. Dot segments and repeated slashes stay as sent: the origin alone knows
   * whether `/a//b` and `/a/b` are one resource, and the key must separate what the origin may separate.
   */
  canonicalUrl(target: string): string;
  /** What the origin is asked for (ORG-39): the key's URL, or the client's own with WholeClientRequest, rewritten (ORG-41). */
  originTarget(clientTarget: string, canonicalUrl: string): string;
  /** What the origin is asked for past the cache: the client's URL, without what is said to this server alone (BW-34). */
  bypassTarget(clientTarget: string): string;
  /** Takes `FieldBlock.flags` of the request. */
  variantOf(fieldFlags: number): Variant;
}

export const compileKeyRules = (vhost: VhostSettings): KeyRules => {
  const { caseSensitive, applyQueryString, acceptEncoding, compression } = vhost.options;
  const exceptions = compileRuleSet(vhost.conditions.querystring, caseSensitive);
  const keepsEveryQuery = applyQueryString && exceptions.size === 0;
  const rewriteUrl = compileUrlRewrites(vhost.originOptions.urlRewrites);
  const { wholeClientRequest } = vhost.originOptions;
  const withoutThrottling = compileThrottlingKeyRemoval(vhost.options.throttling, caseSensitive);
  const withSelectedQuery = compileSelectedQuery(vhost.options.selection.query, !caseSensitive);
  const hasVariants = acceptEncoding && !compression.enabled;

  const keepsQuery = (url: string): boolean => {
    if (exceptions.size === 0) return applyQueryString;
    return applyQueryString !== (exceptions.first(requestOfUrl(url)) !== undefined);
  };

  return {
    canonicalUrl: (target) => {
      const sent = originFormOf(target);
      const originForm = withoutThrottling === undefined ? sent : withoutThrottling(sent);
      const url = caseSensitive ? originForm : originForm.toLowerCase();
      if (withSelectedQuery !== undefined) return withSelectedQuery(url);
      if (keepsEveryQuery) return url;
      const query = url.indexOf("?");
      return query < 0 || keepsQuery(url) ? url : url.slice(0, query);
    },
    originTarget: (clientTarget, canonicalUrl) =>
      rewriteUrl(wholeClientRequest ? originFormOf(clientTarget) : canonicalUrl),
    bypassTarget: (clientTarget) =>
      withoutThrottling === undefined || wholeClientRequest ? clientTarget : withoutThrottling(clientTarget),
    variantOf: (fieldFlags) => (hasVariants && (fieldFlags & FIELD.ACCEPTS_COMPRESSION) !== 0 ? "encoded" : ""),
  };
};

const SLASH = 47;

/** Path and query string of a request target (HTTP-33); `*` and origin-form are themselves. */
export const originFormOf = (target: string): string => {
  if (target.charCodeAt(0) === SLASH) return target;
  return parseAbsoluteTarget(target)?.pathAndQuery ?? target;
};
