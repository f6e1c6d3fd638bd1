import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DiskFailureLimit, type DiskHealth, decideDiskLoss, judgeDiskFailure } from "../src/index.ts";

const DEFAULTS: DiskFailureLimit = { failCount: 10, failSeconds: 60 };

/** Index of the failure that excludes the disk; -1 when none does. */
const excludedAt = (moments: readonly number[], limit: DiskFailureLimit): number => {
  let recentMs: readonly number[] = [];
  for (const [position, moment] of moments.entries()) {
    const verdict = judgeDiskFailure(recentMs, moment, limit);
    if (verdict.isExcluded) return position;
    recentMs = verdict.recentMs;
  }
  return -1;
};

const every = (stepMs: number, count: number): number[] => Array.from({ length: count }, (_, turn) => turn * stepMs);

describe("failures of a disk", () => {
  it.each([
    ["ten at once", every(0, 10), 9],
    ["nine at once", every(0, 9), -1],
    ["one each six seconds", every(6_000, 100), 9],
    ["one each seven seconds", every(7_000, 100), -1],
    ["nine, a pause of a minute, nine more", [...every(1, 9), ...every(1, 9).map((at) => at + 60_100)], -1],
  ])("CFG-42 judges %s", (_, moments, expected) => {
    expect(excludedAt(moments, DEFAULTS)).toBe(expected);
  });

  const limits = fc.record({
    failCount: fc.integer({ min: 1, max: 12 }),
    failSeconds: fc.integer({ min: 1, max: 120 }),
  });
  const moments = fc
    .array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 })
    .map((steps) => steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0)));

  it("CFG-41 excludes at the first failure with enough others in the period before it, and at no other", () => {
    fc.assert(
      fc.property(limits, moments, (limit, failures) => {
        const expected = failures.findIndex(
          (at, position) =>
            failures.slice(0, position + 1).filter((earlier) => earlier > at - limit.failSeconds * 1000).length >=
            limit.failCount,
        );
        expect(excludedAt(failures, limit)).toBe(expected);
      }),
    );
  });

  it("CFG-42 remembers no more failures than it needs", () => {
    fc.assert(
      fc.property(limits, fc.array(fc.nat(), { maxLength: 200 }), fc.nat(), (limit, earlier, at) => {
        const { recentMs } = judgeDiskFailure(earlier, at, limit);
        expect(recentMs.length).toBeLessThanOrEqual(limit.failCount);
        expect(recentMs.at(-1)).toBe(at);
      }),
    );
  });
});

describe("loss of all disks", () => {
  it.each<[Parameters<typeof decideDiskLoss>[0], DiskHealth[], ReturnType<typeof decideDiskLoss>]>([
    ["hang", ["Invalid", "Invalid"], "reinsertAll"],
    ["hang", ["Invalid", "Unmounted"], "reinsertAll"],
    ["hang", ["Unmounted"], "serve"],
    ["bypass", ["Invalid"], "bypass"],
    ["bypass", ["Unmounted", "Unmounted"], "bypass"],
    ["selfkill", ["Invalid", "Unmounted"], "terminate"],
    ["selfkill", ["Unmounted"], "serve"],
    ["selfkill", [], "serve"],
  ])("CFG-43 %s with %j: %s", (onCrash, disks, expected) => {
    expect(decideDiskLoss(onCrash, disks)).toBe(expected);
  });

  it("CFG-43 decides nothing as long as one disk is in use", () => {
    const health = fc.constantFrom<DiskHealth>("Normal", "Invalid", "Unmounted");
    const onCrash = fc.constantFrom("hang" as const, "bypass" as const, "selfkill" as const);
    fc.assert(
      fc.property(onCrash, fc.array(health), fc.array(health), (setting, before, after) => {
        expect(decideDiskLoss(setting, [...before, "Normal", ...after])).toBe("serve");
      }),
    );
  });
});
