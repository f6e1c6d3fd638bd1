import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { patternBody, patternBytes, verifyPattern } from "../src/index.ts";

describe("pattern bodies", () => {
  it("any slice equals the same part of the whole", () => {
    const whole = patternBytes(7, 0, 300_000);
    fc.assert(
      fc.property(fc.nat(300_000), fc.nat(300_000), (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        expect(patternBytes(7, start, end).equals(whole.subarray(start, end))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("differ by seed and by position, so that a shifted or foreign slice is noticed", () => {
    expect(patternBytes(1, 0, 64)).not.toEqual(patternBytes(2, 0, 64));
    for (const shift of [1, 65_536, 131_072, 16 << 20]) {
      expect(verifyPattern(1, shift, patternBytes(1, 0, 1_000))).toBeDefined();
    }
  });

  it("names the first wrong byte", () => {
    const slice = patternBytes(3, 100_000, 200_000);
    expect(verifyPattern(3, 100_000, slice)).toBeUndefined();
    slice[12_345] = (slice[12_345] ?? 0) ^ 1;
    expect(verifyPattern(3, 100_000, slice)).toBe(112_345);
  });

  it("digests without holding the whole", () => {
    const body = patternBody(3_000_001, 9);
    expect(body.digest()).toBe(
      createHash("sha256")
        .update(patternBytes(9, 0, 3_000_001))
        .digest("hex"),
    );
    expect(body.slice(2_999_999, 9_000_000)).toHaveLength(2);
  });
});
