import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logFileName, parseLogFileName, periodAt, rotationRule } from "../../src/logs/index.ts";

const at = (hour: number, minute: number, second = 0, day = 14): number =>
  new Date(2013, 0, day, hour, minute, second).getTime();

describe("periods", () => {
  it.each([
    ["LOG-14 ten minutes", at(2, 18), 10, at(2, 10), at(2, 20)],
    ["LOG-14 six hours", at(1, 0), 360, at(0, 0), at(6, 0)],
    ["LOG-13 a day", at(23, 59, 59), 1440, at(0, 0), at(0, 0, 0, 15)],
    ["LOG-14 a step that does not divide the day", at(23, 58), 7, at(23, 55), at(0, 0, 0, 15)],
  ])("%s", (_, now, minutes, startMs, endMs) => {
    expect(periodAt(now, minutes)).toEqual({ startMs, endMs });
  });

  it("LOG-14 hold their moment, whatever the clock of the year does", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(2000, 0), max: new Date(2040, 0), noInvalidDate: true }),
        fc.integer({ min: 1, max: 1440 }),
        (date, minutes) => {
          const now = date.getTime();
          const { startMs, endMs } = periodAt(now, minutes);
          expect(startMs).toBeLessThanOrEqual(now);
          expect(endMs).toBeGreaterThan(now);
        },
      ),
    );
  });
});

describe("rules", () => {
  it.each([
    ["time", [1440], { minutes: 1440, bytes: undefined }],
    ["time", [5000], { minutes: 1440, bytes: undefined }],
    ["size", [10], { minutes: undefined, bytes: 10_485_760 }],
    ["both", [1440, 100], { minutes: 1440, bytes: 104_857_600 }],
  ] as const)("LOG-12 LOG-13 Type %s Unit %j", (type, unit, rule) => {
    expect(rotationRule(type, unit)).toEqual(rule);
  });
});

describe("names", () => {
  it.each([
    ["LOG-22", "access", at(0, 0), rotationRule("time", [360]), 1, "access_20130114_0000.log"],
    ["LOG-23", "origin", at(8, 0, 7), rotationRule("size", [1]), 1, "origin_20130114_080007.log"],
    ["LOG-23", "dns", at(8, 0, 7), rotationRule("both", [10, 1]), 3, "dns_20130114_080007_3.log"],
  ])("%s are %s at %i", (_, prefix, ms, rule, ordinal, name) => {
    expect(logFileName(prefix, ms, rule, ordinal)).toBe(name);
    expect(parseLogFileName(prefix, name)).toEqual({ name, startMs: ms, ordinal, isCompressed: false });
    expect(parseLogFileName(prefix, `${name}.gz`)?.isCompressed).toBe(true);
  });

  it("REG-294 REG-296 LOG-22 LOG-23 names have the date and the hour of local time, for every log, on both sides of midnight", () => {
    const rule = rotationRule("time", [60]);
    const named = (prefix: string, ms: number): string => logFileName(prefix, periodAt(ms, 60).startMs, rule);
    const before = process.env.TZ;
    try {
      for (const [zone, late, early] of [
        ["Asia/Seoul", Date.UTC(2013, 0, 14, 14, 59, 59, 999), "20130114_2300"],
        ["America/New_York", Date.UTC(2013, 0, 15, 4, 59, 59, 999), "20130114_2300"],
        ["Asia/Kathmandu", Date.UTC(2013, 0, 14, 18, 14, 59, 999), "20130114_2300"],
      ] as const) {
        process.env.TZ = zone;
        for (const prefix of ["access", "origin", "filesystem"]) {
          expect([zone, named(prefix, late)]).toEqual([zone, `${prefix}_${early}.log`]);
          expect([zone, named(prefix, late + 1)]).toEqual([zone, `${prefix}_20130115_0000.log`]);
        }
      }
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it.each(["access.log", "accessextra_20130114_0000.log", "access_2013_0000.log", "access_20130114_0000.log.gz.tmp"])(
    "of other files mean nothing: %s",
    (name) => {
      expect(parseLogFileName("access", name)).toBeUndefined();
    },
  );
});
