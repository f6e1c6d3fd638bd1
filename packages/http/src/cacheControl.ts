import { trimWhiteSpace } from "./bytes.ts";
import type { CacheControl } from "./contract.ts";
import { listMembers, unquote } from "./listMembers.ts";

/** Largest delta-seconds that is told apart (RFC 9111 1.2.2). */
const MOST_SECONDS = 2 ** 31;

const NOTHING_SAID: CacheControl = Object.freeze({
  noCache: false,
  noCacheFields: [],
  noStore: false,
  noTransform: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  isPublic: false,
  isPrivate: false,
  privateFields: [],
  immutable: false,
  onlyIfCached: false,
  maxAge: undefined,
  sMaxAge: undefined,
  maxStale: undefined,
  minFresh: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
});

/** Arguments by directive in lower case, in the order sent; `undefined` where a directive came without one. */
export type CacheDirectives = ReadonlyMap<string, readonly (string | undefined)[]>;

/** White space beside the equals sign is not the grammar's: it stays with the argument, so that no number has it. */
const readDirectives = (value: string): CacheDirectives => {
  const directives = new Map<string, (string | undefined)[]>();
  for (const member of listMembers(value)) {
    const equals = member.indexOf("=");
    const sentName = equals < 0 ? member : member.slice(0, equals);
    const name = trimWhiteSpace(sentName).toLowerCase();
    const gap = sentName.length === name.length ? "" : " ";
    const argument = equals < 0 ? undefined : gap + unquote(member.slice(equals + 1));
    const said = directives.get(name);
    if (said === undefined) directives.set(name, [argument]);
    else said.push(argument);
  }
  return directives;
};

const deltaSeconds = (directives: CacheDirectives, name: string, withoutArgument = 0): number | undefined => {
  const said = directives.get(name);
  if (said === undefined) return undefined;
  const argument = said[0];
  if (argument === undefined) return withoutArgument;
  return /^[0-9]+$/.test(argument) ? Math.min(Number(argument), MOST_SECONDS) : 0;
};

/** Field names of a qualified directive; none when any mention came without, because that one restricts more. */
const qualifiedFields = (directives: CacheDirectives, name: string): readonly string[] => {
  const fields = new Set<string>();
  for (const argument of directives.get(name) ?? []) {
    const names = listMembers(unquote(trimWhiteSpace(argument ?? "")));
    if (names.length === 0) return [];
    for (const field of names) fields.add(field.toLowerCase());
  }
  return [...fields];
};

/**
 * Combined value of a Cache-Control field. Of a repeated number the first counts (RFC 9111 4.2.1); a number that is
 * none is 0, the most restrictive reading; a larger one than 2^31 is 2^31. `noCache` and `isPrivate` are also true
 * for the qualified forms: a caller that looks no further errs on the safe side; field names are in lower case.
 */
export const parseCacheControl = (value: string | undefined): CacheControl =>
  value === undefined || value === "" ? NOTHING_SAID : cacheControlOf(readDirectives(value));

export const cacheControlOf = (directives: CacheDirectives): CacheControl => ({
  noCache: directives.has("no-cache"),
  noCacheFields: qualifiedFields(directives, "no-cache"),
  noStore: directives.has("no-store"),
  noTransform: directives.has("no-transform"),
  mustRevalidate: directives.has("must-revalidate"),
  proxyRevalidate: directives.has("proxy-revalidate"),
  mustUnderstand: directives.has("must-understand"),
  isPublic: directives.has("public"),
  isPrivate: directives.has("private"),
  privateFields: qualifiedFields(directives, "private"),
  immutable: directives.has("immutable"),
  onlyIfCached: directives.has("only-if-cached"),
  maxAge: deltaSeconds(directives, "max-age"),
  sMaxAge: deltaSeconds(directives, "s-maxage"),
  maxStale: deltaSeconds(directives, "max-stale", Number.POSITIVE_INFINITY),
  minFresh: deltaSeconds(directives, "min-fresh"),
  staleWhileRevalidate: deltaSeconds(directives, "stale-while-revalidate"),
  staleIfError: deltaSeconds(directives, "stale-if-error"),
});
