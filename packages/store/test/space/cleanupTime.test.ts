import { epochMs } from "@basalt/types";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { nextCleanupAt } from "../../src/space/cleanupTime.ts";

const zoneBefore = process.env.TZ;

afterEach(() => {
  if (zoneBefore === undefined) delete process.env.TZ;
  else process.env.TZ = zoneBefore;
});

const next = (zone: string, now: string, minuteOfDay: number): string => {
  process.env.TZ = zone;
  return new Date(nextCleanupAt(epochMs(Date.parse(now)), minuteOfDay)).toISOString();
};

describe("the daily moment of cleanup", () => {
  it.each([
    ["later today", "UTC", "2026-03-10T01:00:00Z", 120, "2026-03-10T02:00:00.000Z"],
    ["tomorrow when it has passed", "UTC", "2026-03-10T02:00:00.001Z", 120, "2026-03-11T02:00:00.000Z"],
    ["tomorrow when it is now", "UTC", "2026-03-10T02:00:00Z", 120, "2026-03-11T02:00:00.000Z"],
    ["at midnight", "UTC", "2026-12-31T23:59:59Z", 0, "2027-01-01T00:00:00.000Z"],
    ["by local clocks", "Asia/Seoul", "2026-03-10T14:00:00Z", 23 * 60 + 10, "2026-03-10T14:10:00.000Z"],
    ["on a skipped hour, as much later", "Europe/Berlin", "2026-03-29T00:30:00Z", 150, "2026-03-29T01:30:00.000Z"],
    ["after a skipped hour, once", "Europe/Berlin", "2026-03-29T01:30:00Z", 150, "2026-03-30T00:30:00.000Z"],
    ["on a doubled hour, the first", "Europe/Berlin", "2026-10-24T12:00:00Z", 150, "2026-10-25T00:30:00.000Z"],
    ["after the first of them, not again", "Europe/Berlin", "2026-10-25T00:30:00Z", 150, "2026-10-26T01:30:00.000Z"],
    ["between both of them, not again", "Europe/Berlin", "2026-10-25T01:15:00Z", 150, "2026-10-26T01:30:00.000Z"],
    ["across a day that never was", "Pacific/Apia", "2011-12-30T08:00:00Z", 120, "2011-12-30T12:00:00.000Z"],
  ])("CFG-47 comes %s", (_name, zone, now, minuteOfDay, expected) => {
    expect(next(zone, now, minuteOfDay)).toBe(expected);
  });

  it("CFG-47 is always ahead, and never more than two days", () => {
    const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia");
    const moments = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(zones, moments, fc.integer({ min: 0, max: 1439 }), (zone, now, minuteOfDay) => {
        process.env.TZ = zone;
        const aheadMs = nextCleanupAt(epochMs(now), minuteOfDay) - now;
        expect(aheadMs).toBeGreaterThan(0);
        expect(aheadMs).toBeLessThanOrEqual(48 * 3_600_000);
      }),
      { numRuns: 300 },
    );
  });
});
