import { createMemoryTier } from "@basalt/store";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBudget, type PinnedVisitor, type TierEntry } from "../src/index.ts";

const KIB = 1024;
const LIMIT = 1024 * KIB;
const FLOOR = LIMIT / 16;

/** A worker's memory: what is pinned is said by the test. */
class Scene {
  readonly tier = createMemoryTier<TierEntry>(LIMIT);
  pinned: { readonly data: Buffer; readonly isKept: boolean }[] = [];
  readonly filling = { pinnedBytes: 0 };
  readonly budget = new MemoryBudget({
    tier: this.tier,
    limitBytes: LIMIT,
    sending: {
      visitPinned: (visit: PinnedVisitor) => {
        for (const { data, isKept } of this.pinned) visit(data, isKept);
      },
    },
    filling: this.filling,
  });

  pin(kibibytes: number, isKept = false): Buffer {
    const data = Buffer.allocUnsafeSlow(kibibytes * KIB);
    this.pinned.push({ data, isKept });
    return data;
  }

  sample(): { readonly pinnedBytes: number; readonly tierLimitBytes: number } {
    this.budget.sample();
    return { pinnedBytes: this.budget.use.pinnedBytes, tierLimitBytes: this.tier.limitBytes };
  }
}

describe("content memory of a worker", () => {
  it("OPT-04 belongs to cached objects as long as nothing else needs it", () => {
    expect(new Scene().sample()).toEqual({ pinnedBytes: 0, tierLimitBytes: LIMIT });
  });

  it("OPT-04 what is pinned takes the place of cached objects, and gives it back", () => {
    const scene = new Scene();
    scene.pin(256);
    scene.filling.pinnedBytes = 64 * KIB;
    expect(scene.sample()).toEqual({ pinnedBytes: 320 * KIB, tierLimitBytes: LIMIT - 320 * KIB });
    scene.pinned = [];
    scene.filling.pinnedBytes = 0;
    expect(scene.sample()).toEqual({ pinnedBytes: 0, tierLimitBytes: LIMIT });
  });

  it("OPT-60 memory that many clients wait for is pinned once, and whole however small the view", () => {
    const scene = new Scene();
    const data = scene.pin(128);
    for (let client = 0; client < 1000; client++) {
      scene.pinned.push({ data: data.subarray(client, client + 1), isKept: false });
    }
    expect(scene.sample().pinnedBytes).toBe(128 * KIB);
  });

  it("OPT-60 an object that is cached and being sent is pinned, but takes nothing from the cache", () => {
    const scene = new Scene();
    scene.pin(512, true);
    scene.pin(100, false);
    expect(scene.sample()).toEqual({ pinnedBytes: 612 * KIB, tierLimitBytes: LIMIT - 100 * KIB });
  });

  it("OPT-61 pinned memory beyond the limit is overuse; a sixteenth stays with cached objects (OPT-62)", () => {
    const scene = new Scene();
    scene.pin(1500);
    expect(scene.sample()).toEqual({ pinnedBytes: 1500 * KIB, tierLimitBytes: FLOOR });
  });

  it("OPT-04 a new limit holds at once, with what was pinned at the last look", () => {
    const scene = new Scene();
    scene.pin(256);
    scene.sample();
    scene.budget.setLimit(2 * LIMIT);
    expect(scene.tier.limitBytes).toBe(2 * LIMIT - 256 * KIB);
    scene.budget.setLimit(LIMIT / 8);
    expect(scene.tier.limitBytes).toBe(FLOOR / 8);
  });

  it("OPT-04 tier and pinned memory together stay within the limit, but for the floor", () => {
    const sizes = fc.array(fc.record({ kibibytes: fc.integer({ min: 0, max: 700 }), isKept: fc.boolean() }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(sizes, (pins) => {
        const scene = new Scene();
        let looseBytes = 0;
        for (const { kibibytes, isKept } of pins) {
          scene.pin(kibibytes, isKept);
          if (!isKept) looseBytes += kibibytes * KIB;
        }
        const { tierLimitBytes } = scene.sample();
        expect(tierLimitBytes + looseBytes).toBeLessThanOrEqual(Math.max(LIMIT, looseBytes + FLOOR));
        expect(tierLimitBytes).toBeGreaterThanOrEqual(FLOOR);
      }),
      { numRuns: 50 },
    );
  });
});

describe("reports to the primary", () => {
  it("OPT-61: the first, then those of a change worth telling", () => {
    const scene = new Scene();
    const report = (): number | undefined => {
      scene.budget.sample();
      return scene.budget.takeReport()?.pinnedBytes;
    };
    expect([report(), report()]).toEqual([0, undefined]);
    scene.pin(16);
    expect(report()).toBeUndefined();
    scene.pin(1);
    expect([report(), report()]).toEqual([17 * KIB, undefined]);
    scene.pinned = [];
    expect(report()).toBe(0);
    scene.budget.setLimit(2 * LIMIT);
    expect(scene.budget.takeReport()).toEqual({ limitBytes: 2 * LIMIT, pinnedBytes: 0 });
  });
});
