import { describe, expect, it } from "vitest";
import { AddressSelector } from "../src/addressSelector.ts";

const tally = (choices: readonly (number | undefined)[]): Map<number | undefined, number> => {
  const counts = new Map<number | undefined, number>();
  for (const choice of choices) counts.set(choice, (counts.get(choice) ?? 0) + 1);
  return counts;
};

const targets = Array.from({ length: 1000 }, (_, nth) => `/image/${nth}.jpg`);

describe("choice of an address", () => {
  it("ORG-30 has no choice among none or one, in any mode", () => {
    for (const mode of ["RoundRobin", "Session", "Hash"] as const) {
      const selector = new AddressSelector(mode, ["a", "b"]);
      expect(selector.choose([], "/")).toBeUndefined();
      expect(selector.choose([1], "/")).toBe(1);
    }
  });

  it("ORG-31 RoundRobin gives 2 servers 5 of 10 requests each", () => {
    const selector = new AddressSelector("RoundRobin", ["a", "b"]);
    expect(targets.slice(0, 10).map((target) => selector.choose([0, 1], target))).toEqual([
      0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
    ]);
  });

  it("ORG-32 Session prefers an address with an idle connection, else goes round", () => {
    const idle = new Set([2]);
    const selector = new AddressSelector("Session", ["a", "b", "c"], (index) => idle.has(index));
    expect([1, 2, 3].map(() => selector.choose([0, 1, 2], "/"))).toEqual([2, 2, 2]);
    idle.clear();
    expect([1, 2, 3].map(() => selector.choose([0, 1, 2], "/"))).toEqual([0, 1, 2]);
  });

  it("ORG-33 Hash sends the same URL to the same server and spreads URLs evenly", () => {
    const selector = new AddressSelector("Hash", ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]);
    const first = targets.map((target) => selector.choose([0, 1, 2, 3], target));
    expect(targets.map((target) => selector.choose([0, 1, 2, 3], target))).toEqual(first);
    for (const count of tally(first).values()) {
      expect(count).toBeGreaterThan(200);
      expect(count).toBeLessThan(300);
    }
  });

  it("ORG-33 Hash moves only the URLs of a lost server", () => {
    const selector = new AddressSelector("Hash", ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]);
    const before = targets.map((target) => selector.choose([0, 1, 2, 3], target));
    const after = targets.map((target) => selector.choose([0, 1, 3], target));
    targets.forEach((_, nth) => {
      if (before[nth] !== 2) expect(after[nth]).toBe(before[nth]);
      else expect(after[nth]).not.toBe(2);
    });
  });
});
