import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MemoryPlan, type MemoryPlanInput, planMemory, planTierBytes } from "../src/memoryPlan.ts";

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

const planFor = (gibibytes: number, changes: Partial<MemoryPlanInput> = {}): MemoryPlan =>
  planMemory({
    physicalBytes: gibibytes * GIBIBYTE,
    systemMemoryRatio: 100,
    contentMemoryRatio: 50,
    systemFreeMemoryRatio: 40,
    ...changes,
  });

/** As spec 20.1 prints it: two decimals, in GB from 1 GB on. */
const printed = (byteCount: number): string =>
  byteCount < GIBIBYTE ? `${(byteCount / MEBIBYTE).toFixed(2)} MB` : `${(byteCount / GIBIBYTE).toFixed(2)} GB`;

describe("the plan by physical memory", () => {
  it.each([
    [1, "409.60 MB", "188.37 MB", 219_469, 5_000],
    [2, "819.20 MB", "446.74 MB", 520_494, 10_000],
    [4, "1.60 GB", "963.49 MB", 1_122_544, 20_000],
    [8, "3.20 GB", "2.05 GB", 2_440_422, 20_000],
    [16, "6.40 GB", "4.45 GB", 5_303_733, 20_000],
    [32, "12.80 GB", "9.25 GB", 11_030_356, 20_000],
    [64, "25.60 GB", "18.85 GB", 22_483_603, 20_000],
    [128, "51.20 GB", "38.05 GB", 45_390_095, 20_000],
  ])("OPT-01 OPT-02 OPT-03 OPT-20 is, for %i GB, the row of spec 20.1", (gibibytes, free, contents, count, sockets) => {
    const plan = planFor(gibibytes);
    expect([printed(plan.freeBytes), printed(plan.contentBytes), plan.cachingCount, plan.sessions]).toEqual([
      free,
      contents,
      count,
      sockets,
    ]);
  });

  it("OPT-15 gives half of an 8 GB host the row of 4 GB", () => {
    expect(planFor(8, { systemMemoryRatio: 50 })).toEqual(planFor(4));
    expect(printed(planFor(8, { systemMemoryRatio: 50 }).contentBytes)).toBe("963.49 MB");
  });

  it("OPT-16 gives 60 % of a 16 GB host's own memory to contents", () => {
    expect(Math.abs(planFor(16, { contentMemoryRatio: 60 }).contentBytes / GIBIBYTE - 5.33)).toBeLessThan(0.011);
  });

  it("OPT-17 leaves 20 % of 16 GB to the system, and never more than 40 %", () => {
    expect(printed(planFor(16, { systemFreeMemoryRatio: 20 }).freeBytes)).toBe("3.20 GB");
    expect(planFor(16, { systemFreeMemoryRatio: 90 })).toEqual(planFor(16));
  });

  it("OPT-20 OPT-03 reckons with the configured sessions, with those of the memory when there are none", () => {
    const configured = planFor(8, { sessions: 10_000 });
    expect(configured.sessions).toBe(10_000);
    expect(configured.contentBytes - planFor(8).contentBytes).toBe((20_000 * 20 * 1024) / 2);
    expect(planFor(8, { sessions: 0 })).toEqual(planFor(8));
  });

  it("OPT-03 gives a host too small for the plan a little", () => {
    expect(planFor(0.125).contentBytes).toBe(16 * MEBIBYTE);
    expect(planFor(0.125, { sessions: 100_000 }).contentBytes).toBe(16 * MEBIBYTE);
  });

  it("OPT-03 counts contents, the server itself and its sessions together", () => {
    const plan = planFor(1);
    expect(plan.serverBytes - plan.contentBytes).toBe(140 * MEBIBYTE + 5_000 * 20 * 1024);
  });

  it("OPT-02 OPT-03 never plans with more than there is, and more memory never gives less", () => {
    // From 8 GB on the number of sessions, which the plan takes off, stays the same.
    const size = fc.integer({ min: 8 * 1024, max: 1024 * 1024 });
    fc.assert(
      fc.property(size, size, fc.integer({ min: 1, max: 100 }), (one, other, contentMemoryRatio) => {
        const smaller = planFor(Math.min(one, other) / 1024, { contentMemoryRatio });
        const larger = planFor(Math.max(one, other) / 1024, { contentMemoryRatio });
        expect(larger.contentBytes).toBeGreaterThanOrEqual(smaller.contentBytes);
        expect(larger.contentBytes + larger.freeBytes).toBeLessThanOrEqual(Math.max(one, other) * MEBIBYTE);
      }),
    );
  });
});

describe("the memory tier of a worker", () => {
  it.each([
    [1, 1],
    [2, 2],
    [4, 4],
    [16, 16],
    [64, 32],
  ])("OPT-16 is its part of half of the contents, with %i GB and %i workers", (gibibytes, workers) => {
    const plan = planFor(gibibytes);
    expect(planTierBytes(plan, workers)).toBe(Math.floor(plan.contentBytes / 2 / workers));
  });

  it("OPT-03 gives way where the processes themselves need what the plan has, but never to nothing", () => {
    const plan = planFor(8);
    const many = planTierBytes(plan, 16);
    expect(many).toBeLessThan(plan.contentBytes / 2 / 16);
    expect((many + 112 * MEBIBYTE) * 16 + 136 * MEBIBYTE).toBeLessThanOrEqual(plan.serverBytes);
    expect(planTierBytes(plan, 200)).toBe(4 * MEBIBYTE);
    expect(planTierBytes(plan, 0)).toBe(planTierBytes(plan, 1));
  });
});
