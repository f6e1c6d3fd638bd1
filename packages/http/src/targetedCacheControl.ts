import { type CacheDirectives, cacheControlOf } from "./cacheControl.ts";
import type { CacheControl } from "./contract.ts";
import { type InnerList, parseDictionary, type StructuredItem } from "./structuredFields.ts";

/**
 * A targeted field such as CDN-Cache-Control (RFC 9213 2.1); undefined when it is absent, empty or malformed, so that
 * Cache-Control counts. Parameters of a directive mean nothing; a directive that is false was not sent.
 */
export const parseTargetedCacheControl = (value: string | undefined): CacheControl | undefined => {
  const members = value === undefined ? undefined : parseDictionary(value);
  if (members === undefined || members.size === 0) return undefined;
  return cacheControlOf(directivesOf(members));
};

/**
 * Surrogate-Control (W3C Edge Architecture 2.0): as a targeted field, names in any letter case. A directive with a
 * parameter that has no value is meant for the device of that name, which is never this one.
 */
export const parseSurrogateControl = (value: string | undefined): CacheControl | undefined => {
  const members = value === undefined ? undefined : parseDictionary(value.toLowerCase());
  if (members === undefined) return undefined;
  const ours = [...members].filter(([, member]) => ![...member.parameters.values()].some(isNamedDevice));
  return ours.length === 0 ? undefined : cacheControlOf(directivesOf(ours));
};

const isNamedDevice = (parameter: { readonly kind: string }): boolean => parameter.kind === "boolean";

/** Directives whose value is an integer; of another type they are ignored (RFC 9213 2.1). */
const SECONDS: ReadonlySet<string> = new Set(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"]);

const directivesOf = (members: Iterable<readonly [string, StructuredItem | InnerList]>): CacheDirectives => {
  const directives = new Map<string, readonly (string | undefined)[]>();
  for (const [name, member] of members) {
    if (SECONDS.has(name) && (member.kind === "list" || member.value.kind !== "integer")) continue;
    if (member.kind === "list") directives.set(name, [""]);
    else if (member.value.kind !== "boolean") directives.set(name, [String(member.value.value)]);
    else if (member.value.value) directives.set(name, [undefined]);
  }
  return directives;
};
