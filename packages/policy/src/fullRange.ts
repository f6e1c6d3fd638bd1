import { getField, parseContentRange } from "@basalt/http";

/** What `<FullRangeInit>` adds to first downloads and renewals (ORG-37), flat. */
export const FULL_RANGE_FIELDS: readonly string[] = ["Range", "bytes=0-"];

/** The part of a head that says what the body is of. */
interface Head {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
}

/**
 * The answer to a request with FULL_RANGE_FIELDS as that to a plain one (ORG-38): a 206 from the first byte to the last
 * is a complete 200. All else stays as it is: a 206 of anything less, or one that contradicts itself, is still a 206
 * and no answer to the request.
 */
export const asWhole = (head: Head): Head =>
  head.status === 206 && isOfWhole(head.fields)
    ? { status: 200, reason: "", fields: withoutContentRange(head.fields) }
    : head;

const isOfWhole = (fields: readonly string[]): boolean => {
  const value = getField(fields, "content-range");
  const said = value === undefined ? undefined : parseContentRange(value);
  if (said?.kind !== "satisfied" || said.range.start !== 0 || said.range.end !== said.size) return false;
  const length = getField(fields, "content-length");
  return length === undefined || length === String(said.size);
};

const withoutContentRange = (fields: readonly string[]): string[] => {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.toLowerCase() !== "content-range") kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
};

/** What asks for the first bytes of a body of which only parts may be wanted (MEDIA-04), flat. */
export const firstPartFields = (byteCount: number): readonly string[] => ["Range", `bytes=0-${byteCount - 1}`];

/**
 * The head of a 206 with these first bytes, or with all there are, as that of the complete 200 that its body is the
 * beginning of. Undefined for anything else.
 */
export const asFirstPart = (
  head: Head,
  byteCount: number,
): { readonly head: Head; readonly isWhole: boolean } | undefined => {
  if (head.status !== 206) return undefined;
  const value = getField(head.fields, "content-range");
  const said = value === undefined ? undefined : parseContentRange(value);
  if (said?.kind !== "satisfied" || said.size === undefined || said.range.start !== 0) return undefined;
  const isWhole = said.range.end === said.size;
  if (!isWhole && said.range.end !== byteCount) return undefined;
  const length = getField(head.fields, "content-length");
  if (length !== undefined && length !== String(said.range.end)) return undefined;
  const fields: string[] = [];
  for (let index = 0; index + 1 < head.fields.length; index += 2) {
    const name = head.fields[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName !== "content-range" && lowerCaseName !== "content-length") {
      fields.push(name, head.fields[index + 1] ?? "");
    }
  }
  fields.push("Content-Length", String(said.size));
  return { head: { status: 200, reason: "", fields }, isWhole };
};
