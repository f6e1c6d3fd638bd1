import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Sampler, type SamplingRule } from "../../src/tracing/sampling.ts";

const rule = (perSecond: number, ratePercent: number, matches = (_: string) => true): SamplingRule => ({
  matches,
  perSecond,
  ratePercent,
});

const never = () => 0.999_999;

const sampled = (sampler: Sampler, path: string, nowMs: number, requests: number): number => {
  let count = 0;
  for (let request = 0; request < requests; request++) if (sampler.decide(path, nowMs)) count++;
  return count;
};

describe("sampling", () => {
  it("AWS-99 takes a fixed number of each second", () => {
    const sampler = new Sampler([rule(3, 0)], { workers: () => 1, random: never });
    for (const second of [10, 11, 12, 500]) expect(sampled(sampler, "/", second * 1000, 100)).toBe(3);
    expect(sampled(sampler, "/", 500_999, 100)).toBe(0);
  });

  it("AWS-99 takes a share of the others", () => {
    let turn = 0;
    const sampler = new Sampler([rule(1, 5)], { workers: () => 1, random: () => (turn++ % 100) / 100 });
    expect(sampled(sampler, "/", 1000, 201)).toBe(1 + 10);
  });

  it.each([
    [0, 0],
    [100, 50],
  ])("AWS-99 a rate of %i %% without a number", (rate, expected) => {
    const sampler = new Sampler([rule(0, rate)], { workers: () => 4 });
    expect(sampled(sampler, "/", 1000, 50)).toBe(expected);
  });

  it("AWS-99 the first rule that matches the path decides", () => {
    const rules = [rule(0, 0, (path) => path === "/health"), rule(0, 100, (path) => path.startsWith("/api/"))];
    const sampler = new Sampler(rules, { workers: () => 1, random: never });
    expect(["/health", "/api/a", "/other"].map((path) => sampler.decide(path, 0))).toEqual([false, true, false]);
  });

  it("AWS-99 workers share the number; with fewer than they are, each has its turn", () => {
    const workers = Array.from({ length: 4 }, () => new Sampler([rule(2, 0)], { workers: () => 4, random: never }));
    const bySecond = Array.from({ length: 20 }, (_, second) =>
      workers.map((sampler) => sampled(sampler, "/", second * 1000, 10)).reduce((sum, count) => sum + count),
    );
    expect(bySecond.slice(1).reduce((sum, count) => sum + count)).toBeLessThanOrEqual(19 * 2 + 2);
    expect(bySecond.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(20 * 2 - 2);
  });

  it("AWS-99 no second has more than the number, whatever the clock does", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 })),
        fc.integer({ min: 0, max: 5 }),
        (moments, perSecond) => {
          const sampler = new Sampler([rule(perSecond, 0)], { workers: () => 1, random: never });
          const inOrder = moments.toSorted((one, other) => one - other);
          const bySecond = new Map<number, number>();
          for (const ms of inOrder) {
            const second = Math.floor(ms / 1000);
            if (sampler.decide("/", ms)) bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
          }
          for (const count of bySecond.values()) expect(count).toBeLessThanOrEqual(perSecond);
        },
      ),
    );
  });

  it("AWS-99 a clock that is set back does not stop it", () => {
    const sampler = new Sampler([rule(1, 0)], { workers: () => 1, random: never });
    expect(sampler.decide("/", 9_000_000)).toBe(true);
    expect(sampler.decide("/", 1_000)).toBe(true);
  });
});
