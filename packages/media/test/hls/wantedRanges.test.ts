import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gatherPieces, joinGaps, mergeRanges } from "../../src/hls/wantedRanges.ts";

const range = (start: number, end: number) => ({ start, end });
const ranges = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 3_000_000 }), fc.integer({ min: 0, max: 200_000 }))
    .map(([start, length]) => range(start, start + length)),
  { maxLength: 40 },
);
const bytesOf = (list: readonly { start: number; end: number }[]): number =>
  list.reduce((sum, { start, end }) => sum + end - start, 0);

describe("ranges that are asked of the origin", () => {
  it("neighbours and overlaps are one range", () => {
    expect(mergeRanges([range(10, 20), range(0, 5), range(5, 7), range(15, 30), range(40, 40)])).toEqual([
      range(0, 7),
      range(10, 30),
    ]);
  });

  it("MEDIA-42 short gaps are closed, the shortest first, until they add a tenth", () => {
    const wanted = [range(0, 1000), range(1060, 2000), range(2050, 3000), range(3300, 4000)];
    expect(joinGaps(wanted)).toEqual([range(0, 3000), range(3300, 4000)]);
    expect(joinGaps([range(0, 1_000_000), range(1_070_000, 2_000_000)])).toHaveLength(2);
    expect(joinGaps([range(0, 1_000_000), range(1_060_000, 2_000_000)])).toEqual([range(0, 2_000_000)]);
  });

  it("MEDIA-42 they hold what is wanted, in order and apart, and never much more", () => {
    fc.assert(
      fc.property(ranges, (given) => {
        const merged = mergeRanges(given);
        const joined = joinGaps(merged);
        expect(bytesOf(joined)).toBeLessThanOrEqual(bytesOf(merged) * 1.1);
        for (const [index, { start }] of joined.entries()) expect(start).toBeGreaterThan(joined[index - 1]?.end ?? -1);
        for (const { start, end } of given.filter((each) => each.end > each.start))
          expect(joined.some((each) => each.start <= start && each.end >= end)).toBe(true);
      }),
    );
  });
});

describe("pieces that are at hand", () => {
  const file = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
  const piece = (start: number, end: number) => ({ start, bytes: file.subarray(start, end) });

  it("one piece for each range, whatever the pieces are", () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 0, max: 998 }), fc.integer({ min: 1, max: 500 }), (given, start, length) => {
        const bounds = [0, ...given.sort((one, other) => one - other), 1000];
        const pieces = bounds.slice(1).map((end, index) => piece(bounds[index] ?? 0, end));
        const end = Math.min(1000, start + length);
        const gathered = gatherPieces([range(start, end)], pieces.reverse());
        expect(gathered).toEqual([{ start, bytes: file.slice(start, end) }]);
      }),
    );
  });

  it("a hole, a missing beginning and a missing end are told", () => {
    expect(gatherPieces([range(0, 100)], [piece(0, 50), piece(60, 100)])).toBeUndefined();
    expect(gatherPieces([range(0, 100)], [piece(1, 100)])).toBeUndefined();
    expect(gatherPieces([range(0, 100)], [piece(0, 99)])).toBeUndefined();
    expect(gatherPieces([range(0, 100), range(200, 300)], [piece(0, 1000)])).toHaveLength(2);
    expect(gatherPieces([], [])).toEqual([]);
  });
});
