import { createHmac, timingSafeEqual } from "node:crypto";
import type { AccessOptions, SigningKey } from "@basalt/config";
import { compilePathPatterns } from "./accessPaths.ts";

/**
 * Signed URLs. One query parameter holds `{expiry}.{key}.{signature}` or `{expiry}.{key}.{prefix}.{signature}`: the
 * expiry in seconds since 1970, the id of the key, for a scope the path prefix in base64url, and in base64url the
 * HMAC-SHA256 of `{p or s}\n{path or prefix}\n{expiry}` under the key.
 */
export type SignatureVerdict = "valid" | "expired" | "invalid";

export interface SignatureDecision {
  readonly verdict: SignatureVerdict;
  /** Path and query string without the parameter. */
  readonly target: string;
  /** The parameter as it was sent; empty where there was none. */
  readonly parameter: string;
}

export interface SignedUrls {
  /** Undefined for URLs that need no signature. */
  verify(target: string, nowMs: number): SignatureDecision | undefined;
}

type SignedUrlSettings = AccessOptions["signedUrls"];

const macOf = (secret: string, kind: "p" | "s", scope: string, expiry: number): Buffer =>
  createHmac("sha256", secret).update(`${kind}\n${scope}\n${expiry}`, "latin1").digest();

const TOKEN = /^(\d{1,12})\.([A-Za-z0-9_-]{1,64})\.(?:([A-Za-z0-9_-]{1,2000})\.)?([A-Za-z0-9_-]{43})$/;

const MS_PER_SECOND = 1000;

/** What an origin may resolve to something outside of the prefix. */
const leavesPrefix = (path: string): boolean => /(?:^|[/\\])(?:\.|%2e){2}(?:[/\\]|$)|%2f|%5c|\\/i.test(path);

const isScope = (prefix: string): boolean => prefix.startsWith("/") && prefix.endsWith("/");

/** Undefined where nothing needs a signature. */
export const compileSignedUrls = (settings: SignedUrlSettings, caseSensitive: boolean): SignedUrls | undefined => {
  if (!settings.enabled || settings.urls.length === 0) return undefined;
  const patternOf = compilePathPatterns(settings.urls, caseSensitive);
  const keys = new Map<string, SigningKey>();
  for (const key of settings.keys) if (!keys.has(key.id)) keys.set(key.id, key);

  const judge = (path: string, token: string, nowMs: number): SignatureVerdict => {
    const [, expiryText = "", id = "", encodedPrefix, signature = ""] = TOKEN.exec(token) ?? [];
    const key = keys.get(id);
    if (key === undefined) return "invalid";
    const prefix = encodedPrefix === undefined ? undefined : Buffer.from(encodedPrefix, "base64url").toString("latin1");
    if (prefix !== undefined && !(isScope(prefix) && path.startsWith(prefix) && !leavesPrefix(path))) return "invalid";
    const expiry = Number(expiryText);
    const expected = macOf(key.secret, prefix === undefined ? "p" : "s", prefix ?? path, expiry);
    const given = Buffer.from(signature, "base64url");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return "invalid";
    return nowMs < expiry * MS_PER_SECOND ? "valid" : "expired";
  };

  return {
    verify: (target, nowMs) => {
      const question = target.indexOf("?");
      const path = question < 0 ? target : target.slice(0, question);
      if (patternOf(path) < 0) return undefined;
      if (question < 0) return { verdict: "invalid", target, parameter: "" };
      const taken = takeParameter(target.slice(question + 1), settings.parameter);
      if (taken.value === undefined) return { verdict: "invalid", target, parameter: "" };
      const rest = taken.query === "" ? path : `${path}?${taken.query}`;
      const parameter = `${settings.parameter}=${taken.value}`;
      return { verdict: judge(path, taken.value, nowMs), target: rest, parameter };
    },
  };
};

/** The parameter out of a query string; of several only the first counts, and all are taken out. */
const takeParameter = (query: string, name: string): { readonly value: string | undefined; readonly query: string } => {
  const front = `${name}=`;
  let value: string | undefined;
  const rest = query.split("&").filter((pair) => {
    if (!pair.startsWith(front)) return true;
    value ??= pair.slice(front.length);
    return false;
  });
  return { value, query: rest.join("&") };
};

/** What is signed: one path, or all that begin with a prefix which ends in a slash. */
export type SignedScope =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "prefix"; readonly prefix: string };

/** The value of the parameter. Undefined when a prefix does not begin and end with a slash. */
export const signScope = (key: SigningKey, scope: SignedScope, expirySeconds: number): string | undefined => {
  if (scope.kind === "path") {
    return `${expirySeconds}.${key.id}.${macOf(key.secret, "p", scope.path, expirySeconds).toString("base64url")}`;
  }
  const { prefix } = scope;
  if (!isScope(prefix)) return undefined;
  const encoded = Buffer.from(prefix, "latin1").toString("base64url");
  return `${expirySeconds}.${key.id}.${encoded}.${macOf(key.secret, "s", prefix, expirySeconds).toString("base64url")}`;
};
