import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CacheControl, parseCacheControl } from "../src/index.ts";

const NOTHING_SAID = parseCacheControl("");

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
  ["max-age=003600", { maxAge: 3600 }],
  ["max-age='60'", { maxAge: 0 }],
  ["max-age =60", { maxAge: 0 }],
  ["max-age= 60", { maxAge: 0 }],
  ['extension="max-age=3600", max-age=1', { maxAge: 1 }],
  ['max-age="1", extension="max-age=3600"', { maxAge: 1 }],
  ["max-stale", { maxStale: Number.POSITIVE_INFINITY }],
  ["max-stale=5, min-fresh=6", { maxStale: 5, minFresh: 6 }],
  ["max-stale=x", { maxStale: 0 }],
  ["stale-while-revalidate=7,stale-if-error=8", { staleWhileRevalidate: 7, staleIfError: 8 }],
  ["no-cache", { noCache: true, noCacheFields: [] }],
  ['no-cache="Set-Cookie, X"', { noCache: true, noCacheFields: ["set-cookie", "x"] }],
  ['no-cache="X", no-cache', { noCache: true, noCacheFields: [] }],
  ['no-cache=""', { noCache: true, noCacheFields: [] }],
  ['private="a", private="b,A", no-store', { isPrivate: true, privateFields: ["a", "b"], noStore: true }],
  ['private = "a"', { isPrivate: true, privateFields: ["a"] }],
  ["no-store =x", { noStore: true }],
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

const DIRECTIVES: readonly (readonly [keyof CacheControl, string])[] = [
  ["noCache", "no-cache"],
  ["noStore", "no-store"],
  ["noTransform", "no-transform"],
  ["mustRevalidate", "must-revalidate"],
  ["proxyRevalidate", "proxy-revalidate"],
  ["mustUnderstand", "must-understand"],
  ["isPublic", "public"],
  ["isPrivate", "private"],
  ["immutable", "immutable"],
  ["onlyIfCached", "only-if-cached"],
  ["maxAge", "max-age"],
  ["sMaxAge", "s-maxage"],
  ["maxStale", "max-stale"],
  ["minFresh", "min-fresh"],
  ["staleWhileRevalidate", "stale-while-revalidate"],
  ["staleIfError", "stale-if-error"],
];

const writeCacheControl = (said: CacheControl): string =>
  DIRECTIVES.flatMap(([member, name]) => {
    const value = said[member];
    if (value === false || value === undefined) return [];
    if (typeof value === "number") return [value === Number.POSITIVE_INFINITY ? name : `${name}=${value}`];
    const fields = member === "noCache" ? said.noCacheFields : member === "isPrivate" ? said.privateFields : [];
    return [fields.length === 0 ? name : `${name}="${fields.join(", ")}"`];
  }).join(", ");

describe("Cache-Control", () => {
  it.each([
    ["no-cache", { noCache: true }],
    ["no-store", { noStore: true }],
    ["no-transform", { noTransform: true }],
    ["must-revalidate", { mustRevalidate: true }],
    ["proxy-revalidate", { proxyRevalidate: true }],
    ["private", { isPrivate: true }],
    ["max-age=60", { maxAge: 60 }],
    ["unknown", {}],
    ["no-cached, no_store, privat, max-ages=5", {}],
    ['unknown="no-store, max-age=5"', {}],
  ])("REG-46 of `%s` is told this and nothing else: %j", (value, said) => {
    for (const text of [value, value.toUpperCase(), `, ${value} ,`, `${value}, other=1`]) {
      expect(parseCacheControl(text)).toEqual({ ...NOTHING_SAID, ...said });
    }
  });

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

  it("gives any value back as written", () => {
    const seconds = fc.option(fc.integer({ min: 0, max: 2 ** 31 }), { nil: undefined });
    const names = fc.uniqueArray(fc.constantFrom("set-cookie", "x-a", "etag"));
    const flags = fc.record({
      noStore: fc.boolean(),
      noTransform: fc.boolean(),
      mustRevalidate: fc.boolean(),
      proxyRevalidate: fc.boolean(),
      mustUnderstand: fc.boolean(),
      isPublic: fc.boolean(),
      immutable: fc.boolean(),
      onlyIfCached: fc.boolean(),
    });
    const numbers = fc.record({
      maxAge: seconds,
      sMaxAge: seconds,
      maxStale: fc.oneof(seconds, fc.constant(Number.POSITIVE_INFINITY)),
      minFresh: seconds,
      staleWhileRevalidate: seconds,
      staleIfError: seconds,
    });
    const qualified = fc.record({ isSaid: fc.boolean(), names });
    fc.assert(
      fc.property(flags, numbers, qualified, qualified, (said, counted, noCache, isPrivate) => {
        const cacheControl: CacheControl = {
          ...said,
          ...counted,
          noCache: noCache.isSaid,
          noCacheFields: noCache.isSaid ? noCache.names : [],
          isPrivate: isPrivate.isSaid,
          privateFields: isPrivate.isSaid ? isPrivate.names : [],
        };
        expect(parseCacheControl(writeCacheControl(cacheControl))).toEqual(cacheControl);
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
