import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARRIVAL_MS, type Fields, responseOf, sharedRules } from "./caching.ts";
import { TTL } from "./settings.ts";

const RULES = sharedRules();
const at = (seconds: number): string => new Date(ARRIVAL_MS + seconds * 1000).toUTCString();
const said = (cacheControl: string): Fields => ({ "cache-control": cacheControl });
const CUSTOM = { seconds: 60, line: 7 };

const ttlOf = (fields: Fields, age = 0, status = 200) => RULES.decideTtl(responseOf(status, fields), age);

describe("the lifetime of a response in a shared cache (RFC 9111 4.2)", () => {
  it.each([
    ["max-age", said("max-age=100"), "cc_maxage", 100],
    ["a large max-age", said("max-age=99999999999"), "cc_maxage", 2 ** 31],
    ["a max-age that is no number", said("max-age=-3600"), "cc_maxage", 0],
    ["s-maxage before max-age", said("max-age=1, s-maxage=100"), "s_maxage", 100],
    ["a short s-maxage before a long max-age", said("s-maxage=1, max-age=100"), "s_maxage", 1],
    ["max-age before Expires", { ...said("max-age=100"), expires: at(-9) }, "cc_maxage", 100],
    ["Expires less Date", { expires: at(50), date: at(20) }, "expires", 30],
    ["Expires less arrival without Date", { expires: at(50) }, "expires", 50],
    ["Expires less arrival with a Date that is none", { expires: at(50), date: "foo" }, "expires", 50],
    ["an Expires before Date", { expires: at(20), date: at(50) }, "expires", 0],
    ["an Expires that is no date", { expires: "0", date: at(0), "last-modified": at(-9999) }, "expires", 0],
    ["two lines of Expires", { expires: `${at(50)}, ${at(60)}` }, "expires", 0],
    ["a tenth of the time since Last-Modified", { "last-modified": at(-1000), date: at(0) }, "heuristic", 100],
    ["a day at most", { "last-modified": at(-99_999_999) }, "heuristic", 86_400],
    ["nothing for a Last-Modified to come", { "last-modified": at(1000) }, "heuristic", 0],
    ["no guess with a cookie", { "last-modified": at(-1000), "set-cookie": "a=1" }, "none", 0],
    ["no guess without a date", { etag: '"a"' }, "none", 0],
    ["no-cache", said("no-cache, max-age=100"), "cc_nocache", 0],
    ["no-cache for one field", said('no-cache="a", max-age=100'), "cc_maxage", 100],
    ["must-revalidate", said("max-age=100, must-revalidate"), "cc_maxage", 100],
    ["CDN-Cache-Control", { ...said("max-age=1"), "cdn-cache-control": "max-age=100" }, "targeted", 100],
    ["CDN-Cache-Control without a lifetime", { expires: at(50), "cdn-cache-control": "public" }, "none", 0],
    ["CDN-Cache-Control: no-cache", { ...said("max-age=9"), "cdn-cache-control": "no-cache" }, "cc_nocache", 0],
    ["Surrogate-Control", { ...said("max-age=1"), "surrogate-control": "max-age=100" }, "targeted", 100],
    ["Age that is no number, which is ignored", { ...said("max-age=100"), age: "abc" }, "cc_maxage", 100],
    ["several ages, of which the first counts", { ...said("max-age=100"), age: "0, 7" }, "cc_maxage", 100],
  ] as const)("%s: %j", (_title, fields, kind, ttl) => {
    expect(ttlOf(fields)).toEqual({ ttl, source: { kind } });
  });

  it("is what the age on arrival leaves of it", () => {
    expect(ttlOf(said("max-age=100"), 30).ttl).toBe(70);
    expect(ttlOf(said("max-age=100"), 100).ttl).toBe(0);
    expect(ttlOf(said("max-age=100"), 2 ** 31).ttl).toBe(0);
    expect(ttlOf({ expires: at(20), date: at(10) }, 15).ttl).toBe(0);
    expect(ttlOf({ "last-modified": at(-1000) }, 30).ttl).toBe(70);
  });

  it("guesses for status codes of RFC 9110 15.1, for others with public only", () => {
    const fields = { "last-modified": at(-1000) };
    expect(ttlOf(fields, 0, 404).ttl).toBe(100);
    expect(ttlOf(fields, 0, 503).ttl).toBe(0);
    expect(ttlOf({ ...fields, ...said("public") }, 0, 599).ttl).toBe(100);
  });

  it("knows no lifetime by status code and no growth", () => {
    for (const status of [200, 301, 404, 500]) expect(ttlOf({}, 0, status).ttl).toBe(0);
    expect(RULES.extendTtl(5000, responseOf(200, said("max-age=7")), 2, undefined, false)).toBe(5);
  });

  it("TTL-19 lets ttl.txt override all but no-cache", () => {
    const decide = (fields: Fields, rules = RULES) => rules.decideTtl(responseOf(200, fields), 9, CUSTOM);
    expect(decide(said("max-age=100"))).toEqual({ ttl: 60, source: { kind: "custom", line: 7 } });
    expect(decide({}).ttl).toBe(60);
    expect(decide(said("no-cache")).ttl).toBe(0);
    expect(RULES.extendTtl(1, responseOf(200, said("max-age=7")), 0, CUSTOM, false)).toBe(60);
  });

  it("TTL-22 follows an order in which ttl.txt comes later or not at all", () => {
    const withPriority = (...priority: (typeof TTL)["priority"][number][]) =>
      sharedRules({ options: { ttl: { ...TTL, priority } } });
    const decide = (fields: Fields, rules = RULES) => rules.decideTtl(responseOf(200, fields), 0, CUSTOM).ttl;
    expect(decide(said("max-age=5"), withPriority("cc_maxage", "custom"))).toBe(5);
    expect(decide({ "last-modified": at(-1000) }, withPriority("cc_maxage", "custom"))).toBe(60);
    expect(decide({ "last-modified": at(-1000) }, withPriority("cc_maxage"))).toBe(100);
  });

  it("agrees with the order of sources of RFC 9111 4.2.1 taken literally", () => {
    const seconds = fc.option(fc.nat(1000), { nil: undefined });
    const world = fc.record({ sMaxAge: seconds, maxAge: seconds, expires: seconds, modified: seconds, cdn: seconds });
    fc.assert(
      fc.property(world, fc.nat(500), (facts, age) => {
        const words = [
          facts.sMaxAge === undefined ? [] : [`s-maxage=${facts.sMaxAge}`],
          facts.maxAge === undefined ? [] : [`max-age=${facts.maxAge}`],
        ].flat();
        const guess = facts.modified === undefined ? undefined : Math.floor(facts.modified / 10);
        const lifetime = facts.cdn ?? facts.sMaxAge ?? facts.maxAge ?? facts.expires ?? guess ?? 0;
        const ttl = ttlOf(
          {
            "cache-control": words.join(","),
            "cdn-cache-control": facts.cdn === undefined ? undefined : `max-age=${facts.cdn}`,
            expires: facts.expires === undefined ? undefined : at(facts.expires),
            "last-modified": facts.modified === undefined ? undefined : at(-facts.modified),
          },
          age,
        ).ttl;
        expect(ttl).toBe(Math.max(0, lifetime - age));
      }),
    );
  });
});

describe("the answer to a renewal in a shared cache", () => {
  it.each([
    [304, "extend"],
    [200, "replace"],
    [301, "replace"],
    [404, "replace"],
    [500, "failure"],
    [503, "failure"],
    [599, "failure"],
  ])("TTL-02 of status %d: %s (RFC 9111 4.3.3)", (status, expected) => {
    expect(RULES.decideRevalidation(status, 200)).toBe(expected);
    expect(RULES.decideRevalidation(status, 404)).toBe(expected);
  });
});
