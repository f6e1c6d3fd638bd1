import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob, matchesGlob } from "../src/index.ts";

/** Says the same by trying everything: for short inputs only. */
const matchesNaively = (pattern: string, text: string): boolean => {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    return matchesNaively(pattern.slice(1), text) || (text !== "" && matchesNaively(pattern, text.slice(1)));
  }
  return text !== "" && text[0] === pattern[0] && matchesNaively(pattern.slice(1), text.slice(1));
};

const fewLetters = (alphabet: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), maxLength });

describe("patterns", () => {
  it.each([
    ["*.jsp", "/a/b.jsp", true],
    ["abc*", "abc", true],
    ["*", "", true],
    ["**", "/x", true],
    ["/img/*", "/img/", true],
    ["/img/*", "/img/a/b.jpg", true],
    ["/img/*", "/img", false],
    ["*aba", "ab", false],
    ["aba*aba", "ababa", false],
    ["aba*aba", "abaaba", true],
    ["/a*b*c", "/abc", true],
    ["/a*b*c", "/acb", false],
    ["/exact", "/exact", true],
    ["/exact", "/exactly", false],
    ["", "", true],
    ["", "a", false],
    ["/a.c", "/abc", false],
    ["/[a]+(x)*", "/[a]+(x)y", true],
  ])("CFG-70 reads %s against %s as %s", (pattern, text, expected) => {
    expect(compileGlob(pattern, true)(text)).toBe(expected);
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it("CFG-70 leaves case to the rule given", () => {
    expect(compileGlob("/IMG/*.Jpg", true)("/img/a.jpg")).toBe(false);
    expect(compileGlob("/IMG/*.Jpg", false)("/img/A.JPG")).toBe(true);
    expect(compileGlob("/IMG", false)("/img")).toBe(true);
  });

  it("agrees with a naive matcher", () => {
    fc.assert(
      fc.property(fewLetters("ab*", 8), fewLetters("ab", 10), (pattern, text) => {
        const expected = matchesNaively(pattern, text);
        expect(matchesGlob(pattern, text)).toBe(expected);
        expect(compileGlob(pattern, true)(text)).toBe(expected);
        expect(compileGlob(pattern.toUpperCase(), false)(text)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("survives a pattern that ruins backtracking matchers", () => {
    const pattern = `${"*a".repeat(2000)}*b`;
    expect(matchesGlob(pattern, "a".repeat(8000))).toBe(false);
    expect(matchesGlob(`*${"a".repeat(500)}b`, "a".repeat(8000))).toBe(false);
  });
});
