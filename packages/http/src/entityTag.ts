import { trimWhiteSpace } from "./bytes.ts";
import type { EntityTag } from "./contract.ts";

/** A backslash is an ordinary character here: an entity tag is no quoted string. */
const ENTITY_TAG = /^(?<weak>W\/)?(?<opaque>"[!#-~\x80-\xff]*")$/;
const MEMBERS = /(?:^|,)[ \t]*(?<tag>(?:W\/)?"[!#-~\x80-\xff]*")[ \t]*(?=,|$)/g;

/** `["W/"] DQUOTE … DQUOTE` (RFC 9110 8.8.3); undefined when it is none. */
export const parseEntityTag = (text: string): EntityTag | undefined => {
  const groups = ENTITY_TAG.exec(text)?.groups;
  return groups === undefined ? undefined : { weak: groups.weak !== undefined, opaque: groups.opaque ?? "" };
};

/** Value of If-Match or If-None-Match. A malformed member matches nothing, so it is left out. */
export const parseEntityTagList = (value: string): "*" | EntityTag[] => {
  if (trimWhiteSpace(value) === "*") return "*";
  return Array.from(value.matchAll(MEMBERS), (match) => parseEntityTag(match.groups?.tag ?? "")).filter(
    (tag) => tag !== undefined,
  );
};

export const weakMatch = (left: EntityTag, right: EntityTag): boolean => left.opaque === right.opaque;

export const strongMatch = (left: EntityTag, right: EntityTag): boolean =>
  !left.weak && !right.weak && left.opaque === right.opaque;
