import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHttpDate, parseHttpDate } from "../src/index.ts";

const MOMENT_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

describe("HTTP dates", () => {
  it.each([
    ["Sun, 06 Nov 1994 08:49:37 GMT", MOMENT_MS],
    ["Sunday, 06-Nov-94 08:49:37 GMT", MOMENT_MS],
    ["Sun Nov  6 08:49:37 1994", MOMENT_MS],
    ["Wed Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Wed, 31 Dec 1969 23:59:59 GMT", -1000],
    ["Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
    ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
    ["SUN, 06 nov 1994 08:49:37 gmt", MOMENT_MS],
    ["sunday, 06-NOV-94 08:49:37 GMT", MOMENT_MS],
    ["Sunday, 01-Jan-75 00:00:00 GMT", Date.UTC(2075, 0, 1)],
    ["Sunday, 01-Jan-76 00:00:00 GMT", Date.UTC(1976, 0, 1)],
  ])("reads %s", (text, ms) => {
    expect(parseHttpDate(text)).toBe(ms);
  });

  it.each([
    "",
    "0",
    "-1",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 AEST",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08.49.37 GMT",
    "Sun, 06  Nov  1994 08:49:37 GMT",
    "Sun 06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 29 Feb 2023 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT\n",
    "1994-11-06T08:49:37Z",
  ])("refuses `%s`", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it("writes what it reads, to the second, for all years of four digits", () => {
    const moments = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(moments, (ms) => {
        const text = formatHttpDate(ms);
        expect(text).toHaveLength(29);
        expect(parseHttpDate(text)).toBe(Math.floor(ms / 1000) * 1000);
      }),
      { numRuns: 1000 },
    );
  });

  it("writes seconds that share a place in its memory, and moments out of range", () => {
    expect([0, 64_000, 0, 999].map(formatHttpDate)).toEqual([
      "Thu, 01 Jan 1970 00:00:00 GMT",
      "Thu, 01 Jan 1970 00:01:04 GMT",
      "Thu, 01 Jan 1970 00:00:00 GMT",
      "Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
    expect(formatHttpDate(Number.MAX_VALUE)).toBe("Fri, 31 Dec 9999 23:59:59 GMT");
    expect(formatHttpDate(-Number.MAX_VALUE)).toBe("Sat, 01 Jan 0000 00:00:00 GMT");
  });
});
