import { formatHttpDate, getField, parseCacheControl, parseHttpDate, removeHopByHop } from "@basalt/http";
import type { UpdatedFields } from "./contract.ts";
import { differsBeyondDate } from "./storedFields.ts";

/** Written anew at each delivery, or about the connection to the proxy (RFC 9111 3.1). */
const NEVER_STORED: ReadonlySet<string> = new Set(["age", "content-length", "proxy-authentication-info"]);

/** Fields that the response keeps from others (RFC 9111 5.2.2.4, 5.2.2.7), in lower case. */
const withheldNames = (fields: readonly string[]): ReadonlySet<string> => {
  const { noCacheFields, privateFields } = parseCacheControl(getField(fields, "cache-control"));
  return new Set([...noCacheFields, ...privateFields]);
};

/**
 * Every end-to-end field (RFC 9111 3.1), Set-Cookie too (7.3), save what the response itself withholds from caches. A
 * Date that is missing or invalid is the moment of arrival (RFC 9110 6.6.1).
 */
export const sharedStoredFields = (fields: readonly string[], receivedAtMs: number): string[] => {
  const withheld = withheldNames(fields);
  const kept: string[] = [];
  let hasDate = false;
  const received = removeHopByHop(fields);
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? "";
    const value = received[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (NEVER_STORED.has(lowerCaseName) || withheld.has(lowerCaseName)) continue;
    if (lowerCaseName === "date") {
      if (hasDate || parseHttpDate(value) === undefined) continue;
      hasDate = true;
    }
    kept.push(name, value);
  }
  return hasDate ? kept : ["Date", formatHttpDate(receivedAtMs), ...kept];
};

/** Fields of a response that are for its own request alone, flat: what the response withholds from caches. */
export const withheldFields = (fields: readonly string[]): readonly string[] => {
  const withheld = withheldNames(fields);
  if (withheld.size === 0) return NONE;
  const own: string[] = [];
  const received = removeHopByHop(fields);
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (withheld.has(lowerCaseName) && !NEVER_STORED.has(lowerCaseName)) own.push(name, received[index + 1] ?? "");
  }
  return own;
};

const NONE: readonly string[] = [];

/** What describes the bytes that are stored stays as it was when they arrived (RFC 9111 3.2). */
const BOUND_TO_THE_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-range",
  "content-md5",
  "content-digest",
  "repr-digest",
]);

/**
 * RFC 9111 3.2: each field that the news bring replaces all lines of its name, the others stay. The tag that the
 * origin confirmed stays too; one is taken only where none was known.
 */
export const sharedUpdatedFields = (
  stored: readonly string[],
  received: readonly string[],
  receivedAtMs: number,
): UpdatedFields => {
  const news = sharedStoredFields(received, receivedAtMs);
  const withheld = withheldNames(received);
  const hasTag = getField(stored, "etag") !== undefined;
  const replaced = new Set<string>();
  const added: string[] = [];
  for (let index = 0; index + 1 < news.length; index += 2) {
    const name = news[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (BOUND_TO_THE_BODY.has(lowerCaseName) || (lowerCaseName === "etag" && hasTag)) continue;
    replaced.add(lowerCaseName);
    added.push(name, news[index + 1] ?? "");
  }
  const fields: string[] = [];
  for (let index = 0; index + 1 < stored.length; index += 2) {
    const name = stored[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (replaced.has(lowerCaseName) || withheld.has(lowerCaseName)) continue;
    fields.push(name, stored[index + 1] ?? "");
  }
  fields.push(...added);
  return { fields, isChanged: differsBeyondDate(stored, fields) };
};
