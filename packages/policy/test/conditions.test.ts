import type { Condition, ConditionTerm } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { compileCondition } from "../src/index.ts";
import { compileRuleSet } from "../src/ruleSet.ts";
import { headerTerm, onUrl, requestFor, urlTerm } from "./settings.ts";

const matches = (terms: readonly ConditionTerm[], request: ReturnType<typeof requestFor>, caseSensitive = true) =>
  compileCondition({ terms }, caseSensitive)(request);

const ip = (pattern: string, negated = false): ConditionTerm => ({ kind: "ip", pattern, negated });

describe("conditions", () => {
  it.each([
    ["/profile.zip", "/profile.zip", true],
    ["/profile.zip", "/profile.zip?a=1", true],
    ["/personal.jsp?login=ok*", "/personal.jsp?login=ok&x", true],
    ["/personal.jsp?login=ok*", "/personal.jsp", false],
    ["*.jsp", "/a/b.jsp?x=/c.html", true],
    ["/A*", "/a", false],
  ])("CFG-67 compares $URL[%s] with %s: %s (OPEN 11, reading B)", (pattern, url, expected) => {
    expect(matches([urlTerm(pattern)], requestFor(url))).toBe(expected);
  });

  it("CFG-70 follows the case rule of URLs", () => {
    expect(matches([urlTerm("/A*")], requestFor("/abc"), false)).toBe(true);
    expect(matches([urlTerm("/a")], requestFor("/A"), false)).toBe(true);
  });

  it.each([
    [headerTerm("Referer"), { referer: "" }, true],
    [headerTerm("referer"), {}, false],
    [headerTerm("referer", ""), { referer: "" }, true],
    [headerTerm("referer", ""), { referer: "x" }, false],
    [headerTerm("referer", ""), {}, false],
    [headerTerm("cookie", "*ILLEGAL*"), { cookie: "a=ILLEGAL; b" }, true],
    [headerTerm("cookie", "*ILLEGAL*"), { cookie: "a=illegal" }, false],
    [headerTerm("cookie", "*"), {}, false],
  ])("CFG-66 judges %j against %j as %s", (term, headers, expected) => {
    expect(matches([term], requestFor("/", { headers }))).toBe(expected);
  });

  it.each([
    ["192.168.1.1", "192.168.1.1", true],
    ["192.168.2.1-255", "192.168.2.200", true],
    ["192.168.2.1-255", "192.168.2.0", false],
    ["192.168.3.0/24", "192.168.3.77", true],
    ["192.168.8.10/255.255.255.0", "192.168.8.99", true],
    ["192.168.1.1", "::ffff:192.168.1.1", true],
    ["JPN", "192.168.1.1", false],
  ])("CFG-65 compares $IP[%s] with %s: %s", (pattern, clientIp, expected) => {
    expect(matches([ip(pattern)], requestFor("/", { clientIp }))).toBe(expected);
  });

  it("CFG-68 knows method, media type and protocol", () => {
    const request = requestFor("/", { method: "POST", protocol: "https", mimeType: "Image/GIF; x=y" });
    expect(matches([{ kind: "method", method: "post", negated: false }], request)).toBe(true);
    expect(matches([{ kind: "method", method: "GET", negated: false }], request)).toBe(false);
    expect(matches([{ kind: "protocol", protocol: "HTTPS", negated: false }], request)).toBe(true);
    expect(matches([{ kind: "protocol", protocol: "HTTP", negated: false }], request)).toBe(false);
    expect(matches([{ kind: "mime", pattern: "image/*", negated: false }], request)).toBe(true);
    expect(matches([{ kind: "mime", pattern: "*", negated: false }], requestFor("/"))).toBe(false);
  });

  it("CFG-69 negates and joins by AND", () => {
    const terms = [ip("10.0.0.0/8"), headerTerm("referer", undefined, true)];
    expect(matches(terms, requestFor("/", { clientIp: "10.1.1.1" }))).toBe(true);
    expect(matches(terms, requestFor("/", { clientIp: "10.1.1.1", headers: { referer: "x" } }))).toBe(false);
    expect(matches(terms, requestFor("/", { clientIp: "11.1.1.1" }))).toBe(false);
    expect(matches([urlTerm("/a", true)], requestFor("/a"))).toBe(false);
  });
});

describe("the first matching rule", () => {
  const rules = (...conditions: readonly Condition[]) =>
    compileRuleSet(
      conditions.map((condition, index) => ({ condition, line: index + 1 })),
      true,
    );

  it("keeps the order of the file between plain paths and patterns", () => {
    const set = rules(onUrl("/a"), onUrl("/*"), onUrl("/b"), onUrl("/a"));
    expect(set.first(requestFor("/a?x"))?.line).toBe(1);
    expect(set.first(requestFor("/b"))?.line).toBe(2);
  });

  it("prefers a plain path that stands before a pattern only", () => {
    const set = rules(onUrl("/a*"), onUrl("/ab"), onUrl("/c"), onUrl("/c*"));
    expect(set.first(requestFor("/ab"))?.line).toBe(1);
    expect(set.first(requestFor("/c"))?.line).toBe(3);
    expect(set.first(requestFor("/cd"))?.line).toBe(4);
    expect(set.first(requestFor("/d"))).toBeUndefined();
  });
});
