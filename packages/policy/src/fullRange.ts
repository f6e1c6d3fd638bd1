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
