import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatStructuredString,
  formatTokenOrString,
  type InnerList,
  parseDictionary,
  parseSurrogateControl,
  parseTargetedCacheControl,
  type StructuredItem,
} from "../src/index.ts";

/** Values without their kinds, parameters left out. */
const plain = (member: StructuredItem | InnerList): unknown =>
  member.kind === "list" ? member.items.map(plain) : member.value.value;

const read = (text: string): Record<string, unknown> | undefined => {
  const members = parseDictionary(text);
  return members === undefined
    ? undefined
    : Object.fromEntries([...members].map(([key, member]) => [key, plain(member)]));
};

describe("a structured dictionary", () => {
  it.each([
    ["", {}],
    ["  ", {}],
    ["a", { a: true }],
    ["a=?0, b;x=1;y, *c=-5", { a: false, b: true, "*c": -5 }],
    ["a=1.5 ,\tb=tok/en:1", { a: 1.5, b: "tok/en:1" }],
    ['a="x \\"y\\\\"', { a: 'x "y\\' }],
    ['a=("x" "y";q=1   z)', { a: ["x", "y", "z"] }],
    ["a=();p", { a: [] }],
    ["a=( 1 )", { a: [1] }],
    ["a=1, b=2, a=3", { a: 3, b: 2 }],
    ['a=:aGk=:, b=@-17, c=%"a%c3%a4"', { a: "aGk=", b: "-17", c: "a%c3%a4" }],
    ["a=999999999999999", { a: 999_999_999_999_999 }],
  ])("reads `%s`", (text, expected) => expect(read(text)).toEqual(expected));

  it.each([
    "A=1",
    "1=a",
    "a=",
    "a= 1",
    "a =1",
    "a=1,",
    "a=1,,b",
    "a=1 b=2",
    'a="x',
    'a="ä"',
    "a='x'",
    "a=(1",
    'a=("x""y")',
    "a=1000000000000000",
    "a=1.2345",
    "a=1.",
    "a=1.2.3",
    "a=--1",
    "a=?2",
    "a;B",
    "a;b=",
    'a=%"%C3"',
    "\ta",
  ])("refuses `%s` as a whole", (text) => expect(read(text)).toBeUndefined());

  it("gives any members back as written", () => {
    const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,6}$/);
    const value = fc.oneof(
      fc.integer().map((number) => ({ text: `=${number}`, plain: number as unknown })),
      fc.boolean().map((truth) => ({ text: truth ? "" : "=?0", plain: truth as unknown })),
      fc
        .string({ unit: fc.constantFrom(...' az"\\,;=()') })
        .map((text) => ({ text: `=${formatStructuredString(text)}`, plain: text as unknown })),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name }), (members) => {
        const text = members.map(([name, member]) => `${name}${member.text}`).join(", ");
        expect(read(text)).toEqual(Object.fromEntries(members.map(([name, member]) => [name, member.plain])));
      }),
    );
  });

  it("never throws, whatever it reads", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'aA*=;,()"\\?:@%-.1 \t\xe4') });
    fc.assert(fc.property(noise, (text) => void parseDictionary(text)));
  });

  it("writes tokens as they are, other text as strings, without what those cannot hold", () => {
    expect(["Basalt", "a b", 'x"\\', "ä\r\nb", ""].map(formatTokenOrString)).toEqual([
      "Basalt",
      '"a b"',
      '"x\\"\\\\"',
      '"b"',
      '""',
    ]);
  });
});

describe("targeted cache control (RFC 9213)", () => {
  it.each([
    ["max-age=60, must-revalidate", { maxAge: 60, mustRevalidate: true }],
    ["max-age=60;x=1, no-store=?0", { maxAge: 60, noStore: false }],
    ['private="a, B", stale-if-error=5', { isPrivate: true, privateFields: ["a", "b"], staleIfError: 5 }],
    ["max-age=1.5", { maxAge: undefined }],
    ['max-age="9", no-cache', { maxAge: undefined, noCache: true }],
    ["max-age=-1", { maxAge: 0 }],
    ["max-age=(1)", { maxAge: undefined }],
    ["max-age=99999999999", { maxAge: 2 ** 31 }],
  ])("reads `%s`", (text, said) => expect(parseTargetedCacheControl(text)).toMatchObject(said));

  it.each([undefined, "", " ", "max-age =60", "Max-Age=60", "max-age=60,", "max-age='60'"])(
    "leaves `%s` to Cache-Control",
    (text) => expect(parseTargetedCacheControl(text)).toBeUndefined(),
  );

  it.each([
    ["MaX-aGe=3600", 3600],
    ["foobar, max-age=3600", 3600],
    ["max-age=3600;other-device", undefined],
    ["max-age=5;ext=1", 5],
    ["max-age =100", undefined],
  ])("reads Surrogate-Control `%s`", (text, maxAge) => expect(parseSurrogateControl(text)?.maxAge).toBe(maxAge));
});
