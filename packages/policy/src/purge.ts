import type { ServerSettings, VhostOptions } from "@basalt/config";
import type { KeyRules } from "./cacheKey.ts";
import { hostNameOf } from "./vhostTable.ts";

/** A virtual host as far as the targets of a call need it. */
export interface PurgeHost {
  readonly name: string;
  readonly keyRules: Pick<KeyRules, "canonicalUrl">;
  readonly options: Pick<VhostOptions, "applyQueryStringCollective">;
}

/** URLs and patterns are canonical: they compare with the URLs of stored objects as they are (PRG-10). */
export type PurgeTarget =
  | { readonly kind: "url"; readonly vhost: string; readonly url: string }
  /** The URL with every query string and without (KEY-07). */
  | { readonly kind: "collective"; readonly vhost: string; readonly url: string }
  /** `isRoot`: the whole content of the host (PRG-04). */
  | { readonly kind: "pattern"; readonly vhost: string; readonly pattern: string; readonly isRoot: boolean }
  /** Objects of the host that have one of the tags. */
  | { readonly kind: "tag"; readonly vhost: string; readonly tags: readonly string[] }
  | { readonly kind: "unknownHost"; readonly host: string }
  /** No host was named before it. */
  | { readonly kind: "malformed"; readonly text: string };

/**
 * Targets of a purge, expire, expireafter or hardpurge call: everything after `url=` (PRG-05 to PRG-09). `selectHost`
 * is the look-up of PRG-12 and gets a lower-case name without port. Empty when the text names nothing.
 */
export const parsePurgeTargets = (text: string, selectHost: (host: string) => PurgeHost | undefined): PurgeTarget[] => {
  const targets: PurgeTarget[] = [];
  let latest: { readonly name: string; readonly host: PurgeHost | undefined } | undefined;
  for (const piece of decodeWhole(text).split("|")) {
    const target = piece.trim().replace(/%7C/gi, "|");
    if (target === "") continue;
    const { host, url } = splitTarget(target);
    if (host !== undefined) {
      const name = hostNameOf(host);
      latest = { name, host: selectHost(name) };
    }
    if (latest === undefined) targets.push({ kind: "malformed", text: target });
    else if (latest.host === undefined) targets.push({ kind: "unknownHost", host: latest.name });
    else targets.push(resolveTarget(url, latest.host));
  }
  return targets;
};

/**
 * The raw text is the target (OPEN 4 of spec 03, reading A), unless its first slash is written `%2F`: then the caller
 * has encoded the whole, and it is decoded once. `%7C` left after that stands for a bar and separates nothing (OPEN 3).
 */
const decodeWhole = (text: string): string => {
  const encodedSlash = text.search(/%2F/i);
  const slash = text.indexOf("/");
  if (encodedSlash < 0 || (slash >= 0 && slash < encodedSlash)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Scheme (PRG-08) removed; `host` undefined when the target begins with its path (PRG-07). */
const splitTarget = (target: string): { readonly host: string | undefined; readonly url: string } => {
  const rest = target.replace(/^https?:\/\//i, "");
  if (rest.startsWith("/")) return { host: undefined, url: rest };
  const end = rest.search(/[/?]/);
  if (end < 0) return { host: rest, url: "/" };
  const url = rest.slice(end);
  return { host: rest.slice(0, end), url: url.startsWith("/") ? url : `/${url}` };
};

const resolveTarget = (sent: string, host: PurgeHost): PurgeTarget => {
  const url = host.keyRules.canonicalUrl(sent);
  if (url.includes("*")) {
    const pattern = url.replace(/\*{2,}/g, "*");
    return { kind: "pattern", vhost: host.name, pattern, isRoot: pattern === "/*" };
  }
  const isCollective = host.options.applyQueryStringCollective && !url.includes("?");
  return { kind: isCollective ? "collective" : "url", vhost: host.name, url };
};

export type PurgeVerb = "purge" | "expire" | "expireafter" | "hardpurge";

export interface PurgeOptions {
  readonly purge2Expire: VhostOptions["purge2Expire"];
  readonly rootPurgeExpire: VhostOptions["rootPurgeExpire"];
  /** `<Cache><Purge>` (PRG-25). */
  readonly purge: ServerSettings["cache"]["purge"];
}

/**
 * What a call does to a target: another verb than asked for, or nothing. The guard of the root (PRG-02) judges the
 * verb as asked (OPEN 1, reading A), then Purge2Expire converts (PRG-01), then `Hard` (PRG-25, OPEN 8). While every
 * origin server is excluded purge and expire do nothing (PRG-16).
 */
export const decidePurge = (
  verb: PurgeVerb,
  target: PurgeTarget,
  options: PurgeOptions,
  originsExcluded = false,
): PurgeVerb | "refused" => {
  if (target.kind === "unknownHost" || target.kind === "malformed") return "refused";
  if (verb === "expireafter" || verb === "hardpurge") return verb;
  const isRoot = target.kind === "pattern" && target.isRoot;
  if (isRoot && !isRootAllowed(verb, options.rootPurgeExpire)) return "refused";
  const effective = verb === "purge" ? convertPurge(target, options) : verb;
  return originsExcluded && effective !== "hardpurge" ? "refused" : effective;
};

const isRootAllowed = (verb: "purge" | "expire", guard: PurgeOptions["rootPurgeExpire"]): boolean =>
  guard === "ON" || guard === (verb === "purge" ? "PURGE" : "EXPIRE");

const convertPurge = (target: PurgeTarget, options: PurgeOptions): "purge" | "expire" | "hardpurge" => {
  const isPattern = target.kind === "pattern";
  const converts =
    options.purge2Expire === "ALL" ||
    (options.purge2Expire === "PATTERN" && isPattern) ||
    (options.purge2Expire === "ROOT" && isPattern && target.isRoot);
  if (converts) return "expire";
  return options.purge === "Hard" ? "hardpurge" : "purge";
};
