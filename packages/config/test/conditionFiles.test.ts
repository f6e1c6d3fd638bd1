import { describe, expect, it } from "vitest";
import { accept, onlyVhost, warningsOf } from "./support.ts";

const FOLDER = "svc/www.example.com";
const read = (name: string, text: string) => onlyVhost(accept({ [`${FOLDER}/${name}`]: text })).conditions;
const patternOf = (rule: { readonly condition: { readonly terms: readonly unknown[] } }) => rule.condition.terms[0];

describe("condition files", () => {
  it("CFG-62 belong to the host of their folder; an absent file is empty", () => {
    const files = { "svc/other.example.com/ttl.txt": "/a, 5" };
    expect(onlyVhost(accept(files)).conditions).toEqual({ ttl: [], bypass: [], querystring: [], compression: [] });
  });

  it("CFG-63 skips comments and empty lines, takes CR LF and a byte order mark, and counts lines", () => {
    const { ttl } = read("ttl.txt", "\uFEFF# first\r\n\r\n  # second\r\n/a, 5\r\n\r\n/b,6\r\n");
    expect(ttl.map(({ seconds, line }) => [seconds, line])).toEqual([
      [5, 4],
      [6, 6],
    ]);
  });

  it("TTL-19 CFG-71 reads URLs with seconds or a time expression", () => {
    const text = "*.jsp, 10\n/,5\n/index.html, 5\n/script/*.js, 300\n/image/ad.jpg, 6 hours";
    const { ttl } = read("ttl.txt", text);
    expect(ttl.map((rule) => rule.seconds)).toEqual([10, 5, 5, 300, 21_600]);
    expect(patternOf(ttl[1] ?? { condition: { terms: [] } })).toEqual({
      kind: "url",
      pattern: "/",
      withQuery: false,
      negated: false,
    });
  });

  it("BYP-06 BYP-07 BYP-08 BYP-09 reads the three kinds of lines", () => {
    const text =
      "$IP[192.168.2.1-255]\n!HEADER[referer] & !HEADER[user-agent], bypass\n$HEADER[cookie: *ILLEGAL*], Cache";
    const { bypass } = read("bypass.txt", text);
    expect(bypass.map((rule) => [rule.action, rule.condition.terms.length, rule.line])).toEqual([
      ["opposite", 1, 1],
      ["bypass", 2, 2],
      ["cache", 1, 3],
    ]);
  });

  it("CFG-63 strips a note behind // (OPEN 12)", () => {
    const { bypass } = read("bypass.txt", "/index.html // goes the other way");
    expect(bypass).toHaveLength(1);
  });

  it("KEY-06 reads one URL per line, with its query string", () => {
    const { querystring } = read("querystring.txt", "/private/personal.jsp?login=ok*\n/image/ad.jpg");
    expect(querystring.map(patternOf)).toMatchObject([
      { pattern: "/private/personal.jsp?login=ok*", withQuery: true },
      { pattern: "/image/ad.jpg", withQuery: false },
    ]);
  });

  it("HTTP-58 CMP-20 CMP-21 CMP-22 CMP-23 CMP-24 reads method and level, a number in field 2 as level (OPEN 17)", () => {
    const text = "/sample.css, no\n*.css\n*.htm, gzip\n*.xml, , 9\n*.js, gzip, 5\n*.txt, 3";
    const { compression } = read("compression.txt", text);
    expect(compression.map(({ compress, level }) => [compress, level])).toEqual([
      [false, undefined],
      [true, undefined],
      [true, undefined],
      [true, 9],
      [true, 5],
      [true, 3],
    ]);
  });

  it.each([
    ["ttl.txt", "/a", '"" is not a time expression.'],
    ["ttl.txt", "/a, soon", '"soon" is not a time expression.'],
    ["ttl.txt", "/a, 5, 6", "There are 3 fields, but only 2 can be."],
    ["ttl.txt", "$IP[1.1.1.1], 5", "IP cannot be used here, only URL."],
    ["bypass.txt", "/a, allow", '"allow" is neither cache nor bypass.'],
    ["bypass.txt", "$METHOD[GET]", "METHOD cannot be used here, only URL, IP, HEADER, PROTOCOL."],
    ["bypass.txt", "$HEADER[a", "The bracket of $HEADER[a is not closed."],
    ["querystring.txt", "/a, /b", "There are 2 fields, but only 1 can be."],
    ["compression.txt", "*.js, br", '"br" is none of gzip, no and a level.'],
    ["compression.txt", "*.js, gzip, 10", 'The level "10" is not 1 to 9.'],
    ["compression.txt", "*.js, 5, 6", "The level stands twice."],
    ["querystring.txt", `/${"a".repeat(10_000)}`, "It is longer than 8192 characters."],
  ])("CFG-63 skips a bad line of %s: %s", (name, line, message) => {
    const good = name === "ttl.txt" ? "/good, 5" : "/good";
    const files = { [`${FOLDER}/${name}`]: `${good}\n  ${line}\n${good}` };
    expect(warningsOf(files)).toEqual([`${FOLDER}/${name}:2:3: warning: The line is skipped. ${message}`]);
    const { ttl, bypass, querystring, compression } = onlyVhost(accept(files)).conditions;
    expect([...ttl, ...bypass, ...querystring, ...compression].map((rule) => rule.line)).toEqual([1, 3]);
  });

  it("CFG-62 warns of files that this version does not read", () => {
    expect(warningsOf({ [`${FOLDER}/acl.txt`]: "/a, deny", [`${FOLDER}/tll.txt`]: "/a, 5" })).toEqual([
      `${FOLDER}/acl.txt: warning: Not active in this version.`,
      expect.stringContaining(`${FOLDER}/tll.txt: warning: The file is not read. Did you mean ttl.txt?`),
    ]);
  });
});
