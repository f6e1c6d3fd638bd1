import { trimWhiteSpace } from "./bytes.ts";
import { getField } from "./flatFields.ts";

/** For one connection only, whether or not Connection names them (RFC 9110 7.6.1, 11.7). */
const STANDING = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

/**
 * Meant for all recipients, so that Connection must not name them. A client that could have them removed would strip
 * what the origin decides by: who asks, for what, and from where.
 */
const END_TO_END: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "accept-ranges",
  "age",
  "allow",
  "authorization",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-security-policy",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "expires",
  "forwarded",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "origin",
  "pragma",
  "range",
  "referer",
  "retry-after",
  "server",
  "set-cookie",
  "strict-transport-security",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
]);

/** Names in lower case of the fields that end at this hop: the standing ones and those that Connection names. */
export const hopByHopNames = (fields: readonly string[]): ReadonlySet<string> => {
  const names = new Set<string>(STANDING);
  for (const option of (getField(fields, "connection") ?? "").split(",")) {
    const name = trimWhiteSpace(option).toLowerCase();
    if (name !== "" && !END_TO_END.has(name)) names.add(name);
  }
  return names;
};

/** A flat list (name, value …) without its hop-by-hop fields, order kept. */
export const removeHopByHop = (fields: readonly string[]): string[] => {
  const names = hopByHopNames(fields);
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!names.has(name.toLowerCase())) kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
};
