import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockUnionBytes } from "../blockUnion.ts";
import { bodyPieces, bodySeed, isBodyAt } from "../positionedBody.ts";

const bytesOf = (seed: number, first: number, last: number) => Buffer.concat([...bodyPieces(seed, first, last)]);

describe("positioned bodies", () => {
  const places = fc.record({
    seed: fc.nat(),
    first: fc.nat({ max: 20_000_000_000 }),
    length: fc.integer({ min: 1, max: 200_000 }),
  });

  it("are the same bytes however they are cut", () => {
    fc.assert(
      fc.property(places, fc.nat({ max: 199_999 }), ({ seed, first, length }, cut) => {
        const whole = bytesOf(seed, first, first + length - 1);
        const at = cut % length;
        expect(whole.length).toBe(length);
        expect(bytesOf(seed, first + at, first + length - 1).equals(whole.subarray(at))).toBe(true);
        expect(isBodyAt(seed, first + at, whole.subarray(at))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("are not taken for those of another place, another object, or with a bit flipped", () => {
    fc.assert(
      fc.property(places, fc.nat(), ({ seed, first, length }, flip) => {
        const bytes = Buffer.from(bytesOf(seed, first, first + length + 15));
        expect(isBodyAt(seed, first + 1, bytes)).toBe(false);
        expect(isBodyAt(seed + 1, first, bytes)).toBe(false);
        const at = flip % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip % 8));
        expect(isBodyAt(seed, first, bytes)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it("differ by name", () => {
    expect(bodySeed("/body/1/0/a")).not.toBe(bodySeed("/body/1/0/b"));
  });
});

describe("the union of ranges in blocks", () => {
  it.each([
    ["nothing", [], 1000, 0],
    ["a range within a block", [[10, 19]], 1000, 100],
    ["a range over a border", [[99, 100]], 1000, 200],
    [
      "two in one block",
      [
        [0, 9],
        [50, 59],
      ],
      1000,
      100,
    ],
    ["the shorter last block", [[940, 949]], 950, 50],
    ["all", [[0, 949]], 950, 950],
  ] as const)("%s", (_name, ranges, bodyBytes, expected) => {
    expect(
      blockUnionBytes(
        ranges.map(([first, last]) => ({ first, last })),
        bodyBytes,
        100,
      ),
    ).toBe(expected);
  });
});
