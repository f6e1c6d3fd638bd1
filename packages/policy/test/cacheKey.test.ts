import { FIELD } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileKeyRules, originFormOf } from "../src/index.ts";
import { queryLines, type VhostChanges, vhostWith } from "./settings.ts";

const rulesOf = (changes: VhostChanges = {}) => compileKeyRules(vhostWith(changes));
const keyOf = (changes: VhostChanges, target: string) => rulesOf(changes).canonicalUrl(target);

describe("the URL of the cache key", () => {
  it("KEY-01 is the target itself when no rule applies", () => {
    const target = "/Image/LOGO.png?x=1";
    expect(keyOf({}, target)).toBe(target);
  });

  it("KEY-04 is in lower case with CaseSensitive off, query string too (OPEN 12)", () => {
    expect(keyOf({ options: { caseSensitive: false } }, "/Image/LOGO.png")).toBe("/image/logo.png");
    expect(keyOf({ options: { caseSensitive: false } }, "/A?B=C")).toBe("/a?b=c");
    expect(keyOf({ options: { caseSensitive: true } }, "/Image/LOGO.png")).toBe("/Image/LOGO.png");
  });

  it("KEY-05 ignores the query string with ApplyQueryString off", () => {
    const off: VhostChanges = { options: { applyQueryString: false } };
    expect(keyOf(off, "/view/list.php?type=A")).toBe("/view/list.php");
    expect(keyOf(off, "/view/list.php?type=B")).toBe("/view/list.php");
    expect(keyOf(off, "/a?")).toBe("/a");
  });

  it("KEY-06 turns round what matches querystring.txt", () => {
    const exceptions = queryLines("/private/personal.jsp?login=ok*", "/image/ad.jpg");
    const on: VhostChanges = { conditions: { querystring: exceptions } };
    expect(keyOf(on, "/image/ad.jpg?r=1")).toBe("/image/ad.jpg");
    expect(keyOf(on, "/private/personal.jsp?login=ok&u=1")).toBe("/private/personal.jsp");
    expect(keyOf(on, "/private/personal.jsp?login=no")).toBe("/private/personal.jsp?login=no");
    const off: VhostChanges = { ...on, options: { applyQueryString: false } };
    expect(keyOf(off, "/image/ad.jpg?r=1")).toBe("/image/ad.jpg?r=1");
    expect(keyOf(off, "/other?r=1")).toBe("/other");
  });

  it("KEY-06 works as in A10 of spec 02", () => {
    const rules = rulesOf({
      options: { applyQueryString: false },
      conditions: { querystring: queryLines("/search*") },
    });
    expect(rules.canonicalUrl("/p?x=1")).toBe(rules.canonicalUrl("/p?x=2"));
    expect(rules.canonicalUrl("/search?q=1")).not.toBe(rules.canonicalUrl("/search?q=2"));
  });

  it("KEY-08 keeps parameters without value, empty queries, dot segments and double slashes as sent", () => {
    for (const target of ["/a?x&y=1", "/a?", "/a/../b", "//a//b", "/a%2fb", "/a?b?c=/../"]) {
      expect(keyOf({}, target)).toBe(target);
    }
  });

  it.each([
    [false, { caseSensitive: false }, "/Image/LOGO.png", "/image/logo.png", "/image/logo.png"],
    [false, { caseSensitive: true }, "/Image/LOGO.png", "/Image/LOGO.png", "/Image/LOGO.png"],
    [false, { applyQueryString: false }, "/view/list.php?type=A", "/view/list.php", "/view/list.php"],
    [false, { applyQueryString: true }, "/view/list.php?type=A", "/view/list.php?type=A", "/view/list.php?type=A"],
    [true, { caseSensitive: false }, "/Image/LOGO.png", "/Image/LOGO.png", "/image/logo.png"],
    [true, { caseSensitive: true }, "/Image/LOGO.png", "/Image/LOGO.png", "/Image/LOGO.png"],
    [true, { applyQueryString: false }, "/view/list.php?type=A", "/view/list.php?type=A", "/view/list.php"],
    [true, { applyQueryString: true }, "/view/list.php?type=A", "/view/list.php?type=A", "/view/list.php?type=A"],
  ])("ORG-39 WholeClientRequest %s, %j: %s asks for %s under %s", (whole, options, client, origin, key) => {
    const rules = rulesOf({ options, originOptions: { wholeClientRequest: whole } });
    expect(rules.canonicalUrl(client)).toBe(key);
    expect(rules.originTarget(client, rules.canonicalUrl(client))).toBe(origin);
  });

  it("HTTP-33 takes path and query string of an absolute target", () => {
    expect(originFormOf("http://www.example.com/a?b")).toBe("/a?b");
    expect(originFormOf("http://www.example.com")).toBe("/");
    expect(originFormOf("*")).toBe("*");
    expect(keyOf({}, "http://www.example.com/a?b")).toBe("/a?b");
  });

  it("does not change its own results", () => {
    const target = fc.string({ unit: fc.constantFrom(..."/aB?&=*.%"), maxLength: 20 }).map((text) => `/${text}`);
    const pattern = fc.string({ unit: fc.constantFrom(..."/aB?*"), maxLength: 6 }).map((text) => `/${text}`);
    fc.assert(
      fc.property(target, fc.array(pattern, { maxLength: 3 }), fc.boolean(), fc.boolean(), (url, lines, one, two) => {
        const rules = rulesOf({
          options: { caseSensitive: one, applyQueryString: two },
          conditions: { querystring: queryLines(...lines) },
        });
        const key = rules.canonicalUrl(url);
        expect(rules.canonicalUrl(key)).toBe(key);
        expect(key.startsWith("/")).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the variant", () => {
  const offersGzip = FIELD.ACCEPTS_COMPRESSION | FIELD.ACCEPTS_GZIP;

  it("KEY-02 separates clients that accept compression from those that do not", () => {
    expect(rulesOf().variantOf(offersGzip)).toBe("encoded");
    expect(rulesOf().variantOf(FIELD.COOKIE)).toBe("");
    expect(rulesOf().variantOf(0)).toBe("");
  });

  it("KEY-02 has one object for all with AcceptEncoding off", () => {
    expect(rulesOf({ options: { acceptEncoding: false } }).variantOf(offersGzip)).toBe("");
  });

  it("HTTP-60 asks for the plain object only when this server compresses", () => {
    const { compression } = vhostWith().options;
    const rules = rulesOf({ options: { compression: { ...compression, enabled: true } } });
    expect(rules.variantOf(offersGzip)).toBe("");
  });
});
