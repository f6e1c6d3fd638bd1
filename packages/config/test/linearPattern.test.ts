import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern, type LinearPattern } from "../src/index.ts";

const compile = (text: string): LinearPattern => {
  const outcome = compilePattern(text);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.pattern;
};

describe("regular expressions in linear time", () => {
  it.each<[string, string, readonly (string | undefined)[] | undefined]>([
    ["/download/(.*)", "/download/1.3.4", ["/download/1.3.4", "1.3.4"]],
    ["/img/(.*\\.(jpg|png).*)", "/img/a.jpg?date=1", ["/img/a.jpg?date=1", "a.jpg?date=1", "jpg"]],
    ["a.com/([^/]+)/(.*)", "www.a.com/b/c/d", ["a.com/b/c/d", "b", "c/d"]],
    ["/(.*)\\.mp4\\.m3u8$", "/v.mp4.m3u8", ["/v.mp4.m3u8", "v"]],
    ["^/a", "/b/a", undefined],
    ["b$", "ab", ["b"]],
    ["a|ab", "ab", ["a"]],
    ["(a+?)(a*)", "aaa", ["aaa", "a", "aa"]],
    ["(a)|(b)", "b", ["b", undefined, "b"]],
    ["x{2,3}", "xxxx", ["xxx"]],
    ["x{2,3}?", "xxxx", ["xx"]],
    ["x{2}", "x", undefined],
    ["a{,3}", "a{,3}", ["a{,3}"]],
    ["(?:ab)+c", "ababc", ["ababc"]],
    ["(?<year>\\d{4})", "in 2024", ["2024", "2024"]],
    ["(?i)/IMG/[a-c]+", "/img/ABC", ["/img/ABC"]],
    ["[]a]+", "]a]", ["]a]"]],
    ["[^]]", "]b", ["b"]],
    ["[a-]+", "-a-", ["-a-"]],
    ["[\\d\\-x]+", "a1-x", ["1-x"]],
    ["\\bfoo\\b", "a foo b", ["foo"]],
    ["\\Boo", "foo", ["oo"]],
    ["\\x41\\u0042\\.", "AB.", ["AB."]],
    ["(|a)+", "aa", ["", ""]],
    ["", "abc", [""]],
  ])("ORG-41 VHT-05 %s on %s", (pattern, text, expected) => {
    expect(compile(pattern).match(text)).toEqual(expected);
  });

  it.each([
    ["(a*)*b", "aab", "aab"],
    ["()*x", "x", "x"],
    ["(a|b|)*$", "abab", "abab"],
    ["(a*?)*$", "aa", "aa"],
    ["(?:a?b?)+c", "abbac", "abbac"],
  ])("ORG-41 %s ends its loops although their bodies match nothing", (pattern, text, matched) => {
    expect(compile(pattern).match(text)?.[0]).toBe(matched);
  });

  it.each([
    ["(", "a parenthesis is not closed"],
    [")", "a parenthesis is closed that was not opened"],
    ["[a", "a [ is not closed"],
    ["*a", "nothing stands before *"],
    ["a**", "a quantifier follows a quantifier"],
    ["a*+", "possessive quantifiers cannot be used"],
    ["(a)\\1", "back references cannot be used"],
    ["a(?=b)", "look around, atomic groups and options within a pattern cannot be used"],
    ["(?<!b)a", "look around, atomic groups and options within a pattern cannot be used"],
    ["\\q", "\\q has no meaning"],
    ["a\\", "it ends with \\"],
    ["[z-a]", "a range of [ ] runs backwards"],
    ["[\\d-z]", "a range of [ ] has a whole class as its end"],
    ["[[:alpha:]]", "named classes such as [:alpha:] cannot be used"],
    ["a{5,2}", "a {n,m} runs backwards"],
    ["a{1001}", "something is repeated more than 1000 times"],
    ["^*", "a place such as ^ is repeated"],
    ["\\x4", "hexadecimal digits are missing behind \\x or \\u"],
    ["(".repeat(60), "parentheses are nested deeper than 50"],
  ])("ORG-41 VHT-15 refuses %s", (pattern, reason) => {
    expect(compilePattern(pattern)).toEqual({ ok: false, reason: `cannot be used: ${reason}` });
  });

  it("ORG-41 refuses what would take too much memory", () => {
    expect(compilePattern("((a{100}){100}){100}")).toMatchObject({ ok: false });
    expect(compilePattern("a".repeat(1_001))).toMatchObject({ ok: false });
  });

  it.each(["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*=(.*)*,", "^([a-z]+)*x$", "(a?){30}a{30}b"])(
    "ORG-41 %s does no more than the length of the text times that of the program",
    (pattern) => {
      expect(compile(pattern).match(`${"a".repeat(8_000)}!`)).toBeUndefined();
    },
  );

  /** Bodies of loops match something, since the two disagree, by intention, on what an empty turn does. */
  const atom = fc.oneof(fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\w"));
  const { pattern } = fc.letrec<{ pattern: string; item: string }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      atom,
      fc
        .tuple(atom, fc.constantFrom("*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}", "{2,}?"))
        .map((parts) => parts.join("")),
      fc.array(tie("item"), { minLength: 1, maxLength: 3 }).map((parts) => `(?:${parts.join("|")})`),
      fc
        .tuple(atom, tie("item"), fc.constantFrom("*", "+", "?"))
        .map(([first, rest, times]) => `(?:${first}${rest})${times}`),
      tie("item").map((body) => `(${body})`),
    ),
    pattern: fc
      .tuple(fc.constantFrom("", "^"), fc.array(tie("item"), { minLength: 1, maxLength: 4 }), fc.constantFrom("", "$"))
      .map(([start, items, end]) => start + items.join("") + end),
  }));

  it("ORG-41 finds what a backtracking matcher finds", () => {
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom("a", "b", "c", "-"), maxLength: 8 }), (source, text) => {
        const ours = compile(source).match(text);
        const theirs = new RegExp(source, "s").exec(text);
        expect(ours?.[0]).toBe(theirs?.[0]);
        // JavaScript forgets a group at each turn of a loop around it, PCRE does not.
        const hasLoopedGroup = /\([^?].*\)[*+?{]|\(\?:.*\(.*\)[*+?{]/.test(source);
        if (!hasLoopedGroup) expect(ours).toEqual(theirs === null ? undefined : [...theirs]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("ORG-41 never fails otherwise, whatever is written", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."()[]{}*+?|^$.\\-,:<>=!ab1dwxu"), maxLength: 20 }), (text) => {
        const outcome = compilePattern(text);
        if (outcome.ok) outcome.pattern.match("ab1-ab");
        else expect(outcome.reason).not.toBe("");
      }),
      { numRuns: 3_000 },
    );
  });
});
