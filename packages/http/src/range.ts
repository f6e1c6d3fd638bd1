import { trimWhiteSpace } from "./bytes.ts";
import type { ByteRange, RangeSpec } from "./contract.ts";

const UNIT = /^bytes=/i;
const SPEC = /^(?<first>[0-9]*)-(?<last>[0-9]*)$/;

/** Positions beyond what a number holds exactly are beyond any object too. */
const position = (digits: string): number => Math.min(Number(digits), Number.MAX_SAFE_INTEGER);

const parseSpec = (text: string): RangeSpec | undefined => {
  const groups = SPEC.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { first = "", last = "" } = groups;
  if (first === "") return last === "" ? undefined : { kind: "suffix", length: position(last) };
  if (last === "") return { kind: "range", first: position(first), last: undefined };
  return position(last) < position(first) ? undefined : { kind: "range", first: position(first), last: position(last) };
};

/**
 * Ranges asked for by a Range field (RFC 9110 14.2); undefined when the field is to be ignored: another unit than
 * bytes, or one malformed member.
 */
export const parseRange = (value: string): RangeSpec[] | undefined => {
  if (!UNIT.test(value)) return undefined;
  const specs: RangeSpec[] = [];
  for (const member of value.slice("bytes=".length).split(",")) {
    const text = trimWhiteSpace(member);
    if (text === "") continue;
    const spec = parseSpec(text);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs.length === 0 ? undefined : specs;
};

const resolveRange = (spec: RangeSpec, size: number): ByteRange | undefined => {
  if (spec.kind === "suffix") {
    return spec.length === 0 || size === 0 ? undefined : { start: Math.max(0, size - spec.length), end: size };
  }
  if (spec.first >= size) return undefined;
  return { start: spec.first, end: spec.last === undefined ? size : Math.min(size, spec.last + 1) };
};

/** The satisfiable ranges of a representation of `size` bytes, in the order asked for; none: 416. */
export const resolveRanges = (specs: readonly RangeSpec[], size: number): ByteRange[] =>
  specs.map((spec) => resolveRange(spec, size)).filter((range) => range !== undefined);

/**
 * Joins ranges that overlap, touch, or leave at most `gapBytes` between them (RFC 9110 15.3.7.2). What is left keeps
 * the order in which the first member of each was asked for.
 */
export const coalesceRanges = (ranges: readonly ByteRange[], gapBytes = 0): ByteRange[] => {
  const sorted = ranges
    .map((range, order) => ({ start: range.start, end: range.end, order }))
    .sort((left, right) => left.start - right.start);
  const joined: { start: number; end: number; order: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last === undefined || range.start > last.end + gapBytes) {
      joined.push(range);
    } else {
      last.end = Math.max(last.end, range.end);
      last.order = Math.min(last.order, range.order);
    }
  }
  return joined.sort((left, right) => left.order - right.order).map(({ start, end }) => ({ start, end }));
};

export type ContentRange =
  | { readonly kind: "satisfied"; readonly range: ByteRange; readonly size: number | undefined }
  | { readonly kind: "unsatisfied"; readonly size: number };

const CONTENT_RANGE =
  /^bytes (?:(?<first>[0-9]{1,15})-(?<last>[0-9]{1,15})\/(?<size>[0-9]{1,15}|\*)|\*\/(?<whole>[0-9]{1,15}))$/i;

/** A Content-Range field in bytes (RFC 9110 14.4); undefined when it is malformed or contradicts itself. */
export const parseContentRange = (value: string): ContentRange | undefined => {
  const groups = CONTENT_RANGE.exec(value)?.groups;
  if (groups === undefined) return undefined;
  if (groups.whole !== undefined) return { kind: "unsatisfied", size: Number(groups.whole) };
  const range = { start: Number(groups.first), end: Number(groups.last) + 1 };
  const size = groups.size === "*" ? undefined : Number(groups.size);
  if (range.end <= range.start || (size !== undefined && range.end > size)) return undefined;
  return { kind: "satisfied", range, size };
};
