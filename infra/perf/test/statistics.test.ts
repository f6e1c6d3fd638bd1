import { describe, expect, it } from "vitest";
import { seededRandom } from "../seededRandom.ts";
import { bootstrapInterval, median, quantile } from "../statistics.ts";

describe("statistics of samples", () => {
  it("has the middle, and what lies between two samples", () => {
    expect([median([3, 1, 2]), median([1, 2]), quantile([0, 10], 0.25)]).toEqual([2, 1.5, 2.5]);
  });

  it("says how sure a median is: equal samples leave no doubt, scattered ones do", () => {
    const random = seededRandom(7);
    expect(bootstrapInterval([1, 1, 1], random)).toEqual({ low: 1, high: 1 });
    const scattered = Array.from({ length: 50 }, (_, index) => 0.9 + index / 250);
    const { low, high } = bootstrapInterval(scattered, random);
    expect([low > 0.93, low < 1, high > 1, high < 1.07]).toEqual([true, true, true, true]);
  });
});
