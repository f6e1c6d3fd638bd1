import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideRange, MAX_RANGES, type RangeDecision, type SelectedRepresentation } from "../src/index.ts";

const STORED: SelectedRepresentation = { status: 200, etag: '"a:1"', lastModifiedMs: Date.UTC(2019, 0, 1, 10) };
const OFF = { ifRange: false };
const ON = { ifRange: true };

const decide = (range: string | undefined, size = 100): RangeDecision =>
  decideRange(range, undefined, STORED, size, OFF);

const partial = (...ranges: readonly (readonly [start: number, end: number])[]): RangeDecision => ({
  kind: "partial",
  ranges: ranges.map(([start, end]) => ({ start, end })),
});

const FULL: RangeDecision = { kind: "full" };
const UNSATISFIABLE: RangeDecision = { kind: "unsatisfiable" };

describe("ranges", () => {
  it.each([
    ["bytes=90-200", partial([90, 100])],
    ["bytes=200-", UNSATISFIABLE],
    ["bytes=150-", UNSATISFIABLE],
    ["bytes=0-0", partial([0, 1])],
    ["bytes=0-", partial([0, 100])],
    ["bytes=99-", partial([99, 100])],
    ["bytes=100-", UNSATISFIABLE],
    ["bytes=-5", partial([95, 100])],
    ["bytes=-500", partial([0, 100])],
    ["bytes=-0", UNSATISFIABLE],
  ])("HTTP-30 answers %s of 100 bytes", (range, expected) => {
    expect(decide(range)).toEqual(expected);
  });

  it.each(["bytes=5-2", "bytes=a-b", "bytes", "items=0-1", "bytes=0-1;2", "bytes=--1", ""])(
    "HTTP-30 ignores the malformed %s (OPEN 10)",
    (range) => {
      expect(decide(range)).toEqual(FULL);
    },
  );

  it("HTTP-31 serves several ranges, leaving out what lies beyond the end", () => {
    expect(decide("bytes=0-1,5-6")).toEqual(partial([0, 2], [5, 7]));
    expect(decide("bytes=0-0,99-99")).toEqual(partial([0, 1], [99, 100]));
    expect(decide("bytes=0-0,200-300")).toEqual(partial([0, 1]));
    expect(decide("bytes=200-,300-")).toEqual(UNSATISFIABLE);
  });

  it("HTTP-31 gives the whole to those who ask for too much", () => {
    const many = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i * 4}-${i * 4}`).join(",")}`;
    expect(decide(many(MAX_RANGES)).kind).toBe("partial");
    expect(decide(many(MAX_RANGES + 1))).toEqual(FULL);
    expect(decideRange(many(3), undefined, STORED, 1000, OFF, 2)).toEqual(FULL);
    expect(decide(`bytes=${"0-,".repeat(10)}0-`)).toEqual(FULL);
    expect(decide("bytes=0-9,5-14,10-19,15-24")).toEqual(FULL);
    expect(decide(`bytes=0-${",0-".repeat(100_000)}`)).toEqual(FULL);
  });

  it("HTTP-30 has nothing to give of an empty body", () => {
    expect(decide("bytes=0-", 0)).toEqual(UNSATISFIABLE);
    expect(decide("bytes=-5", 0)).toEqual(UNSATISFIABLE);
  });

  it("HTTP-30 takes ranges of a 200 only", () => {
    expect(decideRange("bytes=0-1", undefined, { ...STORED, status: 404 }, 100, OFF)).toEqual(FULL);
    expect(decide(undefined)).toEqual(FULL);
  });

  it.each([
    ['"a:1"', true],
    ['"x"', false],
    ['W/"a:1"', false],
    ["Tue, 01 Jan 2019 10:00:00 GMT", true],
    ["Tue, 01 Jan 2019 11:00:00 GMT", false],
    ["Tue, 01 Jan 2019 09:00:00 GMT", false],
    ["garbage", false],
  ])("HTTP-29 finds If-Range %s current: %s", (ifRange, isCurrent) => {
    const expected = isCurrent ? partial([0, 2]) : FULL;
    expect(decideRange("bytes=0-1", ifRange, STORED, 100, ON)).toEqual(expected);
    expect(decideRange("bytes=0-1", ifRange, STORED, 100, OFF)).toEqual(partial([0, 2]));
  });

  it("HTTP-29 finds no weak or missing validator current", () => {
    expect(decideRange("bytes=0-1", 'W/"a"', { ...STORED, etag: 'W/"a"' }, 100, ON)).toEqual(FULL);
    expect(decideRange("bytes=0-1", '"a"', { ...STORED, etag: undefined }, 100, ON)).toEqual(FULL);
  });

  it("agrees with a naive reading of single ranges", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.option(fc.nat(50)), fc.nat(40), (first, last, size) => {
        const decision = decide(`bytes=${first}-${last ?? ""}`, size);
        if (last !== null && last < first) {
          expect(decision).toEqual(FULL);
          return;
        }
        const wanted = Array.from({ length: size }, (_, index) => index).filter(
          (index) => index >= first && (last === null || index <= last),
        );
        const expected = wanted.length === 0 ? UNSATISFIABLE : partial([wanted[0] ?? 0, (wanted.at(-1) ?? 0) + 1]);
        expect(decision).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("never leaves the representation, whatever is asked", () => {
    const text = fc.string({ unit: fc.constantFrom(..."0123456789-, bytes="), maxLength: 30 });
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((rest) => `bytes=${rest}`),
        ),
        fc.nat(200),
        (range, size) => {
          const decision = decide(range, size);
          if (decision.kind !== "partial") return;
          for (const { start, end } of decision.ranges) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(size);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
