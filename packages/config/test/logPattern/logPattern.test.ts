import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileLogPattern, splitColumns } from "../../src/index.ts";

const matches = (pattern: string, line: string): boolean => {
  const outcome = compileLogPattern(pattern);
  if (!outcome.ok) throw new Error(outcome.reason);
  switch (outcome.pattern.kind) {
    case "terms":
      return outcome.pattern.matches(line);
    case "columns":
      return outcome.pattern.matches(splitColumns(line));
    case "record":
      return outcome.pattern.matches(JSON.parse(line));
  }
};

describe("words", () => {
  it.each([
    ["", "anything", true],
    ["ERROR", "[ERROR] no", true],
    ["error", "[ERROR] no", false],
    ["ERROR origin", "ERROR of origin", true],
    ["ERROR origin", "ERROR", false],
    ["ERROR -Timeout", "ERROR Connect-Timeout", false],
    ["ERROR -Timeout", "ERROR refused", true],
    ["?ERROR ?WARN", "a WARN b", true],
    ["?ERROR ?WARN", "a NOTICE b", false],
    ['"two words"', "one two words three", true],
    ['"two words"', "two  words", false],
    ['-"two words" ?a', "a two words", false],
    ["a.*b", "axxb", false],
  ])("AWS-80 AWS-81 %j on %j: %s", (pattern, line, expected) => {
    expect(matches(pattern, line)).toBe(expected);
  });
});

const APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';

describe("fields by position", () => {
  it.each([
    ["[host, ident, authuser, date, request, status=4*, bytes]", true],
    ["[host, ident, authuser, date, request, status=404, bytes]", true],
    ["[host, ident, authuser, date, request, status!=404, bytes]", false],
    ["[host, ident, authuser, date, request, status=4* && status!=403, bytes > 1500]", true],
    ["[host, ident, authuser, date, request, status=5* || status=404, bytes]", true],
    ['[host, ident, authuser, date, request="GET *", status, bytes]', true],
    ["[host, ident, authuser, date, request=*1.0, status, bytes]", true],
    ["[..., status=404, bytes]", true],
    ["[host=127.0.0.1, ...]", true],
    ["[host, ..., bytes>=1534]", true],
    ["[host, ident, authuser, date, request, status=404, bytes, more]", false],
    ["[,,,,,status=404,]", true],
    ["[..., status=40, bytes]", false],
  ])("AWS-82 %s: %s", (pattern, expected) => {
    expect(matches(pattern, APACHE)).toBe(expected);
  });

  it("AWS-83 the last name takes the rest", () => {
    const outcome = compileLogPattern("[host, bytes]");
    if (!outcome.ok || outcome.pattern.kind !== "columns") throw new Error("no such pattern");
    const columns = splitColumns("a 20 b401dcd7-aa");
    expect(outcome.pattern.matches(columns)).toBe(true);
    expect(outcome.pattern.reader("bytes")?.(columns)).toBe("20 b401dcd7-aa");
  });

  it("AWS-82 AWS-A15 text in brackets or quotes is one column", () => {
    const outcome = compileLogPattern("[host, ident, authuser, date, request, status, bytes]");
    if (!outcome.ok || outcome.pattern.kind !== "columns") throw new Error("no such pattern");
    const columns = splitColumns(
      '27.0.3.145 - - [10/Aug/2019:07:37:27 +0000] "GET /helloworld HTTP/1.1" 200 20 b401dcd7',
    );
    expect(outcome.pattern.matches(columns)).toBe(true);
    const { reader } = outcome.pattern;
    expect(["host", "date", "request", "status", "bytes"].map((name) => reader(name)?.(columns))).toEqual([
      "27.0.3.145",
      "10/Aug/2019:07:37:27 +0000",
      "GET /helloworld HTTP/1.1",
      "200",
      "20 b401dcd7",
    ]);
  });

  it.each(["[a, b", "[a=]", "[a<x]", "[..., ...]", "[a] b", "[a=1 && b=2]", "[a b]", "[a=1 &&]"])(
    "%s is refused",
    (pattern) => {
      expect(compileLogPattern(pattern)).toMatchObject({ ok: false });
    },
  );
});

const RECORD = JSON.stringify({
  status: 500,
  time: 1500.5,
  path: "/a/b.html",
  tls: null,
  ok: true,
  bad: false,
  list: [{ name: "x" }],
});

describe("fields of JSON", () => {
  it.each([
    ["{ ($.status = 500) && ($.time > 1000) }", true],
    ["{ $.status = 404 || $.status = 500 }", true],
    ["{ $.status != 500 }", false],
    ["{ $.status >= 500 && ($.status < 500 || $.bad IS FALSE) }", true],
    ['{ $.path = "/a/*" }', true],
    ["{ $.path = *.html }", true],
    ['{ $.path = "/A/*" }', false],
    ["{ $.tls IS NULL }", true],
    ["{ $.none IS NULL }", false],
    ["{ $.none NOT EXISTS }", true],
    ["{ $.none != 1 }", false],
    ["{ $.ok IS TRUE }", true],
    ['{ $.list[0].name = "x" }', true],
    ['{ $["list"][1].name = "x" }', false],
    ["{ $.constructor NOT EXISTS }", true],
    ["{ $.__proto__.toString NOT EXISTS }", true],
  ])("AWS-84 %s: %s", (pattern, expected) => {
    expect(matches(pattern, RECORD)).toBe(expected);
  });

  it.each(["{}", "{ $.a }", "{ $.a = }", "{ a = 1 }", "{ ($.a = 1 }", "{ $.a < x }", "{ $.a = 1 } b", "{ $.a = 1 &&}"])(
    "%s is refused",
    (pattern) => {
      expect(compileLogPattern(pattern)).toMatchObject({ ok: false });
    },
  );
});

describe("any text", () => {
  it("is a pattern or is refused, and a pattern reads any line", () => {
    const text = fc.string({ unit: fc.constantFrom(...'[]{}$.="*&|()<>!?- ,ab1\\\n') });
    fc.assert(
      fc.property(text, fc.string(), (pattern, line) => {
        const outcome = compileLogPattern(pattern);
        if (!outcome.ok) return;
        if (outcome.pattern.kind === "terms") outcome.pattern.matches(line);
        else if (outcome.pattern.kind === "columns") outcome.pattern.matches(splitColumns(line));
        else outcome.pattern.matches({ a: [line] });
      }),
    );
  });

  it("long lines and patterns cost little", () => {
    expect(matches(`[a=${"*a".repeat(400)}b, ...]`, "a".repeat(200_000))).toBe(false);
    expect(splitColumns('"'.repeat(50_000)).count).toBeLessThanOrEqual(50_000);
    expect(splitColumns("[ ".repeat(200_000)).count).toBe(200_000);
    expect(splitColumns(`${"[ ".repeat(200_000)}]x`).count).toBe(200_001);
    expect(compileLogPattern("a ".repeat(1_000))).toMatchObject({ ok: false });
  });
});
