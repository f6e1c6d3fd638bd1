import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ByteRange,
  coalesceRanges,
  parseContentRange,
  parseRange,
  type RangeSpec,
  resolveRanges,
} from "../src/index.ts";

const resolved = (value: string, size: number): ByteRange[] | undefined => {
  const specs = parseRange(value);
  return specs === undefined ? undefined : resolveRanges(specs, size);
};

describe("Range", () => {
  it.each([
    ["bytes=90-200", [{ start: 90, end: 100 }]],
    ["bytes=200-", []],
    ["bytes=100-", []],
    ["bytes=99-", [{ start: 99, end: 100 }]],
    ["bytes=0-0", [{ start: 0, end: 1 }]],
    ["bytes=-1", [{ start: 99, end: 100 }]],
    ["bytes=-1000", [{ start: 0, end: 100 }]],
    ["bytes=-0", []],
    ["BYTES=0-9", [{ start: 0, end: 10 }]],
    ["bytes=0-99999999999999999999", [{ start: 0, end: 100 }]],
    ["bytes=99999999999999999999-", []],
    ["bytes=0-9,200-300", [{ start: 0, end: 10 }]],
  ])("HTTP-30 resolves `%s` of 100 bytes", (value, ranges) => {
    expect(resolved(value, 100)).toEqual(ranges);
  });

  it("HTTP-31 reads several ranges, in the order asked for", () => {
    expect(resolved("bytes=5-6, 0-1 ,,-1", 10)).toEqual([
      { start: 5, end: 7 },
      { start: 0, end: 2 },
      { start: 9, end: 10 },
    ]);
  });

  it.each([
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-2",
    "bytes=0-1,x",
    "bytes=0-1,5-2",
    "bytes =0-1",
    "bytes= 0 - 1",
    "bytes=0-1;2-3",
    "bytes=+0-1",
    "items=0-1",
    "lines=0-1",
  ])("ignores `%s`", (value) => {
    expect(parseRange(value)).toBeUndefined();
  });

  it("finds nothing satisfiable in an empty representation", () => {
    expect(resolved("bytes=0-,-5", 0)).toEqual([]);
  });

  const position = fc.nat(30);
  const rangeSpec: fc.Arbitrary<RangeSpec> = fc.oneof(
    fc.record({ kind: fc.constant("suffix" as const), length: position }),
    fc.tuple(position, fc.option(position, { nil: undefined })).map(
      ([first, length]): RangeSpec => ({
        kind: "range",
        first,
        last: length === undefined ? undefined : first + length,
      }),
    ),
  );
  const write = (spec: RangeSpec): string =>
    spec.kind === "suffix" ? `-${spec.length}` : `${spec.first}-${spec.last ?? ""}`;
  /** Whether a byte is asked for, straight from RFC 9110 14.1.2. */
  const asksFor = (spec: RangeSpec, at: number, size: number): boolean =>
    spec.kind === "suffix" ? at >= size - spec.length : at >= spec.first && at <= (spec.last ?? size);

  it("gives any ranges back as written", () => {
    fc.assert(
      fc.property(fc.array(rangeSpec, { minLength: 1 }), (specs) => {
        expect(parseRange(`bytes=${specs.map(write).join(", ")}`)).toEqual(specs);
      }),
    );
  });

  it("covers exactly the bytes that a naive model finds, before and after coalescing", () => {
    fc.assert(
      fc.property(fc.array(rangeSpec), fc.nat(40), (specs, size) => {
        const covered = (ranges: readonly ByteRange[]): number[] =>
          Array.from({ length: size + 2 }, (_, at) => at).filter((at) =>
            ranges.some((range) => at >= range.start && at < range.end),
          );
        const expected = Array.from({ length: size }, (_, at) => at).filter((at) =>
          specs.some((spec) => asksFor(spec, at, size)),
        );
        const ranges = resolveRanges(specs, size);
        const joined = coalesceRanges(ranges);
        expect(covered(ranges)).toEqual(expected);
        expect(covered(joined)).toEqual(expected);
        const sorted = joined.toSorted((left, right) => left.start - right.start);
        for (const [index, range] of sorted.entries()) {
          expect(range.end).toBeGreaterThan(range.start);
          if (index > 0) expect(range.start).toBeGreaterThan(sorted[index - 1]?.end ?? Number.NaN);
        }
      }),
    );
  });

  it("HTTP-31 joins ranges over small gaps and keeps the order asked for", () => {
    const ranges = [
      { start: 50, end: 60 },
      { start: 0, end: 10 },
      { start: 15, end: 20 },
      { start: 60, end: 61 },
    ];
    expect(coalesceRanges(ranges)).toEqual([
      { start: 50, end: 61 },
      { start: 0, end: 10 },
      { start: 15, end: 20 },
    ]);
    expect(coalesceRanges(ranges, 5)).toEqual([
      { start: 50, end: 61 },
      { start: 0, end: 20 },
    ]);
    expect(ranges[0]).toEqual({ start: 50, end: 60 });
  });
});

describe("Content-Range", () => {
  it.each([
    ["bytes 90-99/100", { kind: "satisfied", range: { start: 90, end: 100 }, size: 100 }],
    ["bytes 0-0/*", { kind: "satisfied", range: { start: 0, end: 1 }, size: undefined }],
    ["bytes */100", { kind: "unsatisfied", size: 100 }],
  ])("HTTP-30 reads `%s`", (value, range) => {
    expect(parseContentRange(value)).toEqual(range);
  });

  it.each([
    "",
    "bytes",
    "bytes */*",
    "bytes 5-2/10",
    "bytes 0-10/10",
    "bytes 0-1",
    "items 0-1/2",
    "bytes=0-1/2",
    "bytes 0-1/2 ",
  ])("refuses `%s`", (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });
});
