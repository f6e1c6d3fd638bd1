import { createHash } from "node:crypto";
import type { Derivation } from "./contract.ts";

/** What says something of the bytes, which are others now. */
const OF_THE_BYTES: ReadonlySet<string> = new Set([
  "content-length",
  "content-encoding",
  "content-md5",
  "digest",
  "repr-digest",
  "content-digest",
  "accept-ranges",
  "cmsd-static",
]);

/**
 * Fields of what is made of an object, flat, from those of its source. A tag of the origin gets a mark of its own: the
 * bytes are others (RFC 9110 8.8.3).
 */
export const derivedFields = (sourceFields: readonly string[], derivation: Derivation): string[] => {
  const fields: string[] = [];
  let hasVary = false;
  for (let index = 0; index + 1 < sourceFields.length; index += 2) {
    const name = sourceFields[index] ?? "";
    const value = sourceFields[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (OF_THE_BYTES.has(lowerCaseName)) continue;
    if (lowerCaseName === "etag") fields.push(name, markedTag(value, derivation));
    else if (lowerCaseName === "vary" && derivation.variesOn !== undefined) {
      hasVary = true;
      fields.push(name, withName(value, derivation.variesOn));
    } else fields.push(name, value);
  }
  if (derivation.variesOn !== undefined && !hasVary) fields.push("Vary", derivation.variesOn);
  return fields;
};

const withName = (vary: string, name: string): string => {
  const names = vary.split(",").map((member) => member.trim().toLowerCase());
  return names.includes("*") || names.includes(name.toLowerCase()) ? vary : `${vary}, ${name}`;
};

const MARK_CHARACTERS = 8;

const markedTag = (tag: string, { url, selector }: Derivation): string => {
  if (!tag.endsWith('"')) return tag;
  const mark = createHash("sha1").update(`${url} ${selector}`).digest("hex").slice(0, MARK_CHARACTERS);
  return `${tag.slice(0, -1)}-${mark}"`;
};
