import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTimeExpression } from "../src/index.ts";

describe("time expressions", () => {
  it.each([
    ["OPT-50", "year", 31_536_000],
    ["OPT-51", "month", 2_592_000],
    ["OPT-52", "week", 604_800],
    ["OPT-53", "day", 86_400],
    ["OPT-54", "hour", 3_600],
    ["OPT-55", "minute", 60],
    ["OPT-55", "min", 60],
    ["OPT-56", "second", 1],
    ["OPT-56", "sec", 1],
  ])("%s a %s, in one or many, has %i seconds each", (_id, unit, seconds) => {
    expect(parseTimeExpression(`1${unit}`)).toBe(seconds);
    expect(parseTimeExpression(`2 ${unit}s`)).toBe(2 * seconds);
    expect(parseTimeExpression(`1 ${unit.toUpperCase()}S`)).toBe(seconds);
  });

  it.each([
    ["1year 3months 2weeks 4days 7hours 10mins 36secs", 40_893_036],
    ["6 hours", 21_600],
    ["30min", 1_800],
    ["1 day 12 hours", 129_600],
    ["60 sec", 60],
    ["90", 90],
    ["0", 0],
    ["  1min30 ", 90],
    ["1min1min", 120],
  ])("CFG-71 OPT-57 reads %s", (text, seconds) => {
    expect(parseTimeExpression(text)).toBe(seconds);
  });

  it.each([
    "",
    " ",
    "min",
    "-1",
    "1.5 hours",
    "1 2",
    "1hour2 3",
    "1 fortnight",
    "s",
    "5s",
    "1minss",
    "1e3",
    "1,000",
    "٣",
    "9999999999999999",
  ])("OPT-57 refuses %j", (text) => {
    expect(parseTimeExpression(text)).toBeUndefined();
  });

  it("OPT-57 adds any terms in any order, blanks or not", () => {
    const units = { year: 31_536_000, month: 2_592_000, week: 604_800, day: 86_400, hour: 3_600, minute: 60, sec: 1 };
    const term = fc.record({
      count: fc.integer({ min: 0, max: 10_000 }),
      gap: fc.constantFrom("", " ", "  ", "\t"),
      unit: fc.constantFrom(...Object.entries(units)),
      plural: fc.boolean(),
      upper: fc.boolean(),
      after: fc.constantFrom("", " "),
    });
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
        const text = terms
          .map(({ count, gap, unit: [word], plural, upper, after }) => {
            const name = `${word}${plural ? "s" : ""}`;
            return `${count}${gap}${upper ? name.toUpperCase() : name}${after}`;
          })
          .join("");
        const expected = terms.reduce((sum, { count, unit: [, seconds] }) => sum + count * seconds, 0);
        expect(parseTimeExpression(text)).toBe(expected);
      }),
    );
  });

  it("OPT-57 never throws and never gives anything but a whole number of seconds", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseTimeExpression(text);
        expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
      }),
    );
  });
});
