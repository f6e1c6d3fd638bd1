import { type InnerList, parseDictionary, type StructuredItem } from "@basalt/http";

/** Which differences between query strings do not matter. */
export interface NoVarySearch {
  readonly ignoresOrder: boolean;
  /** `allBut`: every parameter is ignored but these; `only`: these are. Names are decoded. */
  readonly ignored: { readonly kind: "allBut" | "only"; readonly names: ReadonlySet<string> };
}

/**
 * No-Vary-Search (draft-ietf-httpbis-no-vary-search 2.1): a dictionary of key-order, params and except. Undefined when
 * absent, malformed, or without effect: then query strings are compared as they are.
 */
export const parseNoVarySearch = (value: string | undefined): NoVarySearch | undefined => {
  const members = value === undefined ? undefined : parseDictionary(value);
  if (members === undefined) return undefined;
  const ignoresOrder = booleanOf(members.get("key-order"));
  const ignored = ignoredOf(members.get("params"), members.get("except"));
  if (ignoresOrder === undefined || ignored === undefined) return undefined;
  if (!ignoresOrder && ignored.kind === "only" && ignored.names.size === 0) return undefined;
  return { ignoresOrder, ignored };
};

type Member = StructuredItem | InnerList | undefined;

/** False when absent, undefined when it is no boolean. */
const booleanOf = (member: Member): boolean | undefined => {
  if (member === undefined) return false;
  return member.kind === "item" && member.value.kind === "boolean" ? member.value.value : undefined;
};

const NOTHING: ReadonlySet<string> = new Set();

/** `except` is meaningful beside a `params` that is true, and void elsewhere. */
const ignoredOf = (params: Member, except: Member): NoVarySearch["ignored"] | undefined => {
  if (params?.kind === "list") {
    const names = except === undefined ? namesOf(params) : undefined;
    return names === undefined ? undefined : { kind: "only", names };
  }
  const ignoresAll = booleanOf(params);
  if (ignoresAll === undefined) return undefined;
  if (!ignoresAll) return except === undefined ? { kind: "only", names: NOTHING } : undefined;
  if (except === undefined) return { kind: "allBut", names: NOTHING };
  const names = except.kind === "list" ? namesOf(except) : undefined;
  return names === undefined ? undefined : { kind: "allBut", names };
};

/** Names are percent-encoded as in a form (2.1.1); undefined when one is no string. */
const namesOf = (list: InnerList): ReadonlySet<string> | undefined => {
  const names = new Set<string>();
  for (const { value } of list.items) {
    if (value.kind !== "string") return undefined;
    names.add(decodeName(value.value));
  }
  return names;
};

const decodeName = (text: string): string =>
  new URLSearchParams(`${text.replaceAll("&", "%26").replaceAll("=", "%3D")}=`).keys().next().value ?? "";

/**
 * A URL whose query string is the same for all that the rule does not tell apart, for use as a key only: parameters
 * are decoded and written anew. Changes its own results no further.
 */
export const canonicalQuery = (url: string, rule: NoVarySearch): string => {
  const start = url.indexOf("?");
  if (start < 0) return url;
  const { kind, names } = rule.ignored;
  const kept = [...new URLSearchParams(url.slice(start + 1))].filter(
    ([name]) => names.has(name) === (kind === "allBut"),
  );
  if (rule.ignoresOrder) kept.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  const query = new URLSearchParams(kept).toString();
  return query === "" ? url.slice(0, start) : `${url.slice(0, start)}?${query}`;
};
