import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CacheControl, parseCacheControl } from "../src/index.ts";

const cases: readonly (readonly [value: string | undefined, said: Partial<CacheControl>])[] = [
  [undefined, { maxAge: undefined, noCache: false, noCacheFields: [] }],
  ["", { maxAge: undefined }],
  ["max-age=60", { maxAge: 60, sMaxAge: undefined }],
  ["Max-Age=60 , S-MAXAGE=5", { maxAge: 60, sMaxAge: 5 }],
  ['max-age="60"', { maxAge: 60 }],
  ["max-age=60, max-age=10", { maxAge: 60 }],
  ["max-age=", { maxAge: 0 }],
  ["max-age", { maxAge: 0 }],
  ["max-age=-1", { maxAge: 0 }],
  ["max-age=1.5", { maxAge: 0 }],
  ["max-age=abc", { maxAge: 0 }],
  ["max-age=2147483649", { maxAge: 2 ** 31 }],
  ["max-age=99999999999999999999999", { maxAge: 2 ** 31 }],
  ["max-stale", { maxStale: Number.POSITIVE_INFINITY }],
  ["max-stale=5, min-fresh=6", { maxStale: 5, minFresh: 6 }],
  ["max-stale=x", { maxStale: 0 }],
  ["stale-while-revalidate=7,stale-if-error=8", { staleWhileRevalidate: 7, staleIfError: 8 }],
  ["no-cache", { noCache: true, noCacheFields: [] }],
  ['no-cache="Set-Cookie, X"', { noCache: true, noCacheFields: ["set-cookie", "x"] }],
  ['no-cache="X", no-cache', { noCache: true, noCacheFields: [] }],
  ['no-cache=""', { noCache: true, noCacheFields: [] }],
  ['private="a", private="b,A", no-store', { isPrivate: true, privateFields: ["a", "b"], noStore: true }],
  ["private=x", { isPrivate: true, privateFields: ["x"] }],
  ['x="no-store, private", public', { noStore: false, isPrivate: false, isPublic: true }],
  ['x="a\\"b, no-store", immutable', { noStore: false, immutable: true }],
  ['x="no-store', { noStore: false }],
  [",, no-transform ,", { noTransform: true }],
  [
    "must-revalidate, proxy-revalidate, must-understand, only-if-cached",
    { mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true, onlyIfCached: true },
  ],
];

describe("Cache-Control", () => {
  it.each(cases)("reads `%s`", (value, said) => {
    expect(parseCacheControl(value)).toMatchObject(said);
  });

  it("gives any numbers back, in any order and letter case, among unknown directives", () => {
    const directive = fc.record({ name: fc.constantFrom("max-age", "S-MaxAge", "min-fresh"), delta: fc.nat() });
    fc.assert(
      fc.property(fc.uniqueArray(directive, { selector: ({ name }) => name }), (directives) => {
        const value = directives.map(({ name, delta }) => `x-${name}="a,${name}=9", ${name}=${delta}`).join(" , ");
        const sent = new Map(directives.map(({ name, delta }) => [name, delta]));
        expect(parseCacheControl(value)).toMatchObject({
          maxAge: sent.get("max-age"),
          sMaxAge: sent.get("S-MaxAge"),
          minFresh: sent.get("min-fresh"),
        });
      }),
    );
  });

  it("never throws and never gives a negative or broken number", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (noise) => {
        const { maxAge } = parseCacheControl(`${noise},max-age=${noise}`);
        expect(maxAge === undefined || (maxAge >= 0 && maxAge <= 2 ** 31)).toBe(true);
      }),
    );
  });
});
