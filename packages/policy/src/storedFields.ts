import { removeHopByHop } from "@basalt/http";
import { TAGS_FIELD_LOWER_CASE } from "./tags.ts";

/** What becomes of an origin's field. Names that are in no list are non-standard (OPEN 6 of spec 04). */
type FieldRule =
  /** Kept; a repetition of the line is kept too. */
  | "list"
  /** Kept once: the first line counts (HTTP-22). */
  | "single"
  /** Never kept: cookies of one client (HTTP-21), framing and Age, which the delivering side writes itself. */
  | "never"
  /** Kept once, with OriginalETag only (ORG-46). */
  | "etag";

const FIELD_RULES: ReadonlyMap<string, FieldRule> = new Map([
  ["cache-control", "list"],
  ["content-disposition", "single"],
  ["content-encoding", "list"],
  ["content-language", "list"],
  ["content-range", "single"],
  ["content-type", "single"],
  ["accept-ranges", "single"],
  ["date", "single"],
  ["etag", "etag"],
  ["expires", "single"],
  ["last-modified", "single"],
  ["location", "single"],
  ["retry-after", "single"],
  ["server", "single"],
  ["vary", "list"],
  ["www-authenticate", "list"],
  [TAGS_FIELD_LOWER_CASE, "single"],
  ["cookie", "never"],
  ["set-cookie", "never"],
  ["set-cookie2", "never"],
  ["age", "never"],
  ["content-length", "never"],
  ["transfer-encoding", "never"],
]);

export const isStandardField = (lowerCaseName: string): boolean => {
  const rule = FIELD_RULES.get(lowerCaseName);
  return rule !== undefined && rule !== "never";
};

/**
 * Fields of an origin's response that are stored (HTTP-20 to HTTP-22), flat, names as sent. Server is stored whatever
 * ServerHeader says: what clients see is decided at delivery, so that a changed setting acts on stored objects.
 */
export const selectStoredFields = (
  fields: readonly string[],
  options: { readonly originalHeader: boolean; readonly originalETag: boolean },
): string[] => {
  const received = removeHopByHop(fields);
  const kept: string[] = [];
  const seen = new Set<string>();
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    const rule = FIELD_RULES.get(lowerCaseName) ?? (options.originalHeader ? "list" : "never");
    if (rule === "never" || (rule === "etag" && !options.originalETag)) continue;
    if (rule !== "list" && seen.has(lowerCaseName)) continue;
    seen.add(lowerCaseName);
    kept.push(name, received[index + 1] ?? "");
  }
  return kept;
};

/** What a 304 says of these describes no body of ours (RFC 9111 3.2). */
const BOUND_TO_THE_BODY: ReadonlySet<string> = new Set(["content-encoding", "content-range", "content-type"]);

/** Stored fields after a 304 (TTL-02): what it repeats is replaced, the rest stays (RFC 9111 3.2). */
export const updateStoredFields = (
  stored: readonly string[],
  received: readonly string[],
  options: { readonly originalHeader: boolean; readonly originalETag: boolean },
): string[] => {
  const news = selectStoredFields(received, options);
  const replaced = new Set<string>();
  const added: string[] = [];
  for (let index = 0; index + 1 < news.length; index += 2) {
    const name = news[index] ?? "";
    if (BOUND_TO_THE_BODY.has(name.toLowerCase())) continue;
    replaced.add(name.toLowerCase());
    added.push(name, news[index + 1] ?? "");
  }
  const updated: string[] = [];
  for (let index = 0; index + 1 < stored.length; index += 2) {
    const name = stored[index] ?? "";
    if (!replaced.has(name.toLowerCase())) updated.push(name, stored[index + 1] ?? "");
  }
  return [...updated, ...added];
};

/** Whether two flat lists differ in the lines of any field but Date; the order of different fields does not matter. */
export const differsBeyondDate = (left: readonly string[], right: readonly string[]): boolean => {
  const leftLines = linesByName(left);
  const rightLines = linesByName(right);
  if (leftLines.size !== rightLines.size) return true;
  for (const [name, lines] of leftLines) if (rightLines.get(name) !== lines) return true;
  return false;
};

const linesByName = (fields: readonly string[]): Map<string, string> => {
  const lines = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] ?? "").toLowerCase();
    if (name !== "date") lines.set(name, `${lines.get(name) ?? ""}\n${fields[index + 1] ?? ""}`);
  }
  return lines;
};
