import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCachingRules, selectorOf } from "../src/index.ts";
import { type Fields, responseOf, sharedRules } from "./caching.ts";
import { vhostWith } from "./settings.ts";

const of = (names: readonly string[], fields: Fields): string => selectorOf(names, (name) => fields[name]);
const namesOf = (varyHeader: readonly string[], vary: string, profile: "guide" | "rfc9111" = "guide") =>
  compileCachingRules(vhostWith({ options: { varyHeader, cachingProfile: profile } })).selectingFields(
    responseOf(200, { vary }).vary,
  );

describe("fields that select a representation", () => {
  it.each([
    [[], "Accept, User-Agent", []],
    [["*"], "User-Agent, Accept, Accept-Encoding", ["accept", "user-agent"]],
    [["accept-encoding", "accept"], "Accept-Encoding, Accept, User-Agent", ["accept"]],
    [["accept"], "", []],
    [["*"], "Accept, *", "*"],
    [["accept"], "*", []],
    [[], "*", []],
  ])("KEY-09 VaryHeader %j of `%s`: %j", (honoured, vary, expected) => {
    expect(namesOf(honoured, vary)).toEqual(expected);
    expect(namesOf(honoured, vary, "rfc9111")).toEqual(expected);
  });

  it("KEY-02 leaves Accept-Encoding to the variant (OPEN 11)", () => {
    expect(sharedRules().selectingFields(["accept-encoding"])).toEqual([]);
  });
});

describe("the secondary key", () => {
  it("KEY-10 is as in A11 of spec 02", () => {
    const names = namesOf(["accept"], "Accept, User-Agent");
    const key = (accept: string, agent: string) => of(names === "*" ? [] : names, { accept, "user-agent": agent });
    expect(key("a", "x")).not.toBe(key("b", "x"));
    expect(key("a", "x")).toBe(key("a", "y"));
  });

  it.each([
    ["white space about members", "foo", "1,2", " 1, 2 "],
    ["a list in one line or two", "foo", "1, 2", "1,2"],
    ["the case of languages", "accept-language", "en, de;q=0.5", "eN,De;Q=0.5"],
    ["the case of media types", "accept", "Text/HTML", "text/html"],
    ["empty members", "foo", "1,,2,", "1, 2"],
  ])("KEY-10 is the same whatever %s", (_title, name, left, right) => {
    expect(of([name], { [name]: left })).toBe(of([name], { [name]: right }));
  });

  it.each([
    ["other values", "foo", "1", "2"],
    ["letter case of unknown fields", "foo", "a", "A"],
    ["quoted text in Accept", "accept", 'a/b;p="X"', 'a/b;p="x"'],
    ["commas in quotes", "foo", '"a, b"', '"a,b"'],
    ["the order of languages, by which servers break ties", "accept-language", "en, de", "de, en"],
    ["white space within a member", "foo", "a b", "ab"],
    ["a value that is empty or absent", "foo", "", undefined],
    ["commas in cookies, which origins read as they are (AWS-54)", "cookie", "lang=en", "lang=en,"],
  ])("KEY-10 tells apart %s", (_title, name, left, right) => {
    expect(of([name], { [name]: left })).not.toBe(of([name], { [name]: right }));
  });

  it("is empty without names, else 22 characters that fit anywhere", () => {
    expect(of([], { foo: "1" })).toBe("");
    expect(of(["foo"], { foo: "\xe4\n\0".repeat(9999) })).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("KEY-10 is equal exactly for equal values of the named fields", () => {
    const value = fc.option(fc.stringMatching(/^[a-c1-3]{0,2}\n?$/), { nil: undefined });
    const request = fc.record({ a: value, b: value, other: value });
    const names = fc.subarray(["a", "b"]);
    fc.assert(
      fc.property(request, request, names, names, (left, right, leftNames, rightNames) => {
        const text = (fields: Fields, of: readonly string[]) =>
          JSON.stringify(of.map((name) => [name, fields[name] ?? null]));
        const isSame = text(left, leftNames) === text(right, rightNames);
        expect(of(leftNames, left) === of(rightNames, right)).toBe(isSame);
      }),
      { numRuns: 1000 },
    );
  });
});
