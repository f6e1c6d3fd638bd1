import type { ConditionFiles, ExpiresBase } from "@basalt/config";
import { formatHttpDate, parseHttpDate } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileExpiresRules } from "../src/index.ts";
import { onUrl, vhostWith } from "./settings.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const HOUR = 3_600_000;
const DAY_SECONDS = 86_400;

type Line = readonly [match: string, seconds: number, base?: ExpiresBase];

const linesOf = (lines: readonly Line[]): ConditionFiles["expires"] =>
  lines.map(([match, seconds, base], index) => ({
    condition:
      match.includes("/") && !/^[/*]/.test(match)
        ? { terms: [{ kind: "mime", pattern: match, negated: false }] }
        : onUrl(match),
    seconds,
    base,
    line: index + 1,
  }));

const rulesOf = (lines: readonly Line[], base: ExpiresBase = "access", caseSensitive = true) => {
  const options = { refreshExpiresHeader: { enabled: true, base }, caseSensitive };
  const rules = compileExpiresRules(vhostWith({ options, conditions: { expires: linesOf(lines) } }));
  if (rules === undefined) throw new Error("no rules");
  return rules;
};

const at = (ms: number): string => formatHttpDate(ms);
const LAST_MODIFIED = at(NOW - HOUR);

describe("expires.txt", () => {
  it("HTTP-13 is not in force with RefreshExpiresHeader OFF, or without a line", () => {
    const expires = linesOf([["*", 60]]);
    expect(compileExpiresRules(vhostWith({ conditions: { expires } }))).toBeUndefined();
    const options = { refreshExpiresHeader: { enabled: true, base: "access" as const } };
    expect(compileExpiresRules(vhostWith({ options }))).toBeUndefined();
  });

  it("HTTP-13 leaves content that no line names as it is", () => {
    const fields = ["Expires", "0", "Cache-Control", "no-cache"];
    expect(rulesOf([["/a", 60]]).apply("/b", fields, NOW)).toBe(fields);
  });

  it("HTTP-15 takes URLs, patterns and media types; the first line that matches decides (OPEN 3)", () => {
    const rules = rulesOf([
      ["/test.jpg", 1],
      ["image/*", 2],
      ["/test/*.dat", 3],
      ["*", 4],
    ]);
    const secondsOf = (url: string, type?: string) =>
      rules.decide({ url, contentType: type, lastModifiedMs: undefined, cacheControl: undefined }, NOW)?.cacheControl;
    expect(secondsOf("/test.jpg?v=1", "image/jpeg")).toBe("max-age=1");
    expect(secondsOf("/other.jpg", "Image/JPEG; q=1")).toBe("max-age=2");
    expect(secondsOf("/test/a/b.dat", "text/plain")).toBe("max-age=3");
    expect(secondsOf("/test/a/b.txt")).toBe("max-age=4");
  });

  it("HTTP-15 follows CaseSensitive", () => {
    expect(rulesOf([["/A", 60]]).apply("/a", [], NOW)).toEqual([]);
    expect(rulesOf([["/A", 60]], "access", false).apply("/a", [], NOW)).not.toEqual([]);
  });

  it("HTTP-16 access: now and the time", () => {
    expect(rulesOf([["/a", DAY_SECONDS, "access"]]).apply("/a", ["X", "y", "Expires", "0"], NOW + 999)).toEqual([
      "X",
      "y",
      "Cache-Control",
      `max-age=${DAY_SECONDS}`,
      "Expires",
      at(NOW + DAY_SECONDS * 1000),
    ]);
  });

  it("HTTP-15 HTTP-17, A3 of spec 04: modification counts from Last-Modified", () => {
    const rules = rulesOf([["/i.gif", DAY_SECONDS, "modification"]]);
    expect(rules.apply("/i.gif", ["Last-Modified", LAST_MODIFIED], NOW)).toEqual([
      "Last-Modified",
      LAST_MODIFIED,
      "Cache-Control",
      "max-age=82800",
      "Expires",
      at(NOW - HOUR + DAY_SECONDS * 1000),
    ]);
  });

  it("HTTP-17 a moment in the past becomes the present", () => {
    const lastModified = at(NOW - 8760 * HOUR);
    const fields = rulesOf([["*", 1800, "modification"]]).apply("/", ["Last-Modified", lastModified], NOW);
    expect(fields.slice(2)).toEqual(["Cache-Control", "max-age=0", "Expires", at(NOW)]);
  });

  it.each([[[]], [["Last-Modified", "yesterday"]]])(
    "HTTP-17 without Last-Modified there is no Expires, not even the origin's: %j",
    (fields) => {
      const sent = rulesOf([["*", 60, "modification"]]).apply(
        "/",
        [...fields, "Expires", at(NOW), "Cache-Control", "max-age=5"],
        NOW,
      );
      expect(sent).toEqual([...fields, "Cache-Control", "max-age=5"]);
    },
  );

  it("HTTP-14 Base holds for lines that name none", () => {
    const fields = ["Last-Modified", LAST_MODIFIED];
    const decide = (base: ExpiresBase) =>
      rulesOf([["*", 7200]], base)
        .apply("/", fields, NOW)
        .at(-1);
    expect([decide("access"), decide("modification")]).toEqual([at(NOW + 2 * HOUR), at(NOW + HOUR)]);
  });

  it.each([
    [undefined, "max-age=60"],
    ["max-age=5", "max-age=60"],
    ["public, Max-Age=5, no-transform", "public, max-age=60, no-transform"],
    ["no-cache", "no-cache, max-age=60"],
    ["max-age=1, private, max-age=2", "max-age=60, private"],
    ['private="a, max-age=9", s-maxage=3', 'private="a, max-age=9", s-maxage=3, max-age=60'],
    ["max-age", "max-age=60"],
    [",,", "max-age=60"],
  ])("HTTP-16 Cache-Control %s becomes %s (OPEN 4)", (cacheControl, expected) => {
    const content = { url: "/", contentType: undefined, lastModifiedMs: undefined, cacheControl };
    expect(rulesOf([["*", 60]]).decide(content, NOW)?.cacheControl).toBe(expected);
  });

  it("HTTP-16 joins Cache-Control of several lines into one, and puts one Expires for all", () => {
    const fields = ["cache-control", "public", "EXPIRES", "0", "Cache-Control", "max-age=1", "expires", "1"];
    const sent = rulesOf([["*", 60]]).apply("/", fields, NOW);
    expect(sent).toEqual(["Cache-Control", "public, max-age=60", "Expires", at(NOW + 60_000)]);
  });

  it("REG-16 HTTP-16 Expires is always max-age from now, and never before it", () => {
    const seconds = fc.integer({ min: 0, max: 3_153_600_000 });
    const base = fc.constantFrom("access", "modification" as const);
    fc.assert(
      fc.property(
        seconds,
        base,
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 0, max: 4e12 }),
        (time, from, now, modified) => {
          const content = { url: "/", contentType: undefined, lastModifiedMs: modified, cacheControl: undefined };
          const decision = rulesOf([["*", time, from]]).decide(content, now);
          const maxAge = Number(/^max-age=(\d+)$/.exec(decision?.cacheControl ?? "")?.[1]);
          const expires = parseHttpDate(decision?.expires ?? "");
          expect(expires).toBe((Math.floor(now / 1000) + maxAge) * 1000);
          expect(maxAge).toBe(
            from === "access" ? time : Math.max(0, Math.floor(modified / 1000) + time - Math.floor(now / 1000)),
          );
        },
      ),
    );
  });
});
