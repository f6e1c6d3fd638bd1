import { METHOD, type Method } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PassReason } from "../src/index.ts";
import { EMPTY_REQUEST, type Fields, requestOf, responseOf, sharedRules } from "./caching.ts";

const RULES = sharedRules();
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";
const EARLIER = "Wed, 31 Dec 2025 00:00:00 GMT";
const LATER = "Fri, 02 Jan 2026 00:00:00 GMT";

const store = (status: number, fields: Fields, request = EMPTY_REQUEST): "store" | PassReason => {
  const decision = RULES.decideStorage(request, responseOf(status, fields));
  return decision.kind === "store" ? "store" : decision.reason;
};

const said = (cacheControl: string): Fields => ({ "cache-control": cacheControl });

describe("what a shared cache stores (RFC 9111 3)", () => {
  it.each([
    ["explicit freshness", 200, said("max-age=5"), "store"],
    ["explicit freshness of 0", 200, said("max-age=0"), "store"],
    ["s-maxage", 200, said("s-maxage=5"), "store"],
    ["Expires", 200, { expires: LATER }, "store"],
    ["an Expires that is no date", 200, { expires: "0" }, "store"],
    ["a validator to ask with", 200, { etag: '"a"' }, "store"],
    ["a date to guess by", 200, { "last-modified": EARLIER }, "store"],
    ["nothing at all", 200, {}, "no-lifetime"],
    ["no-cache and a tag", 200, { ...said("no-cache"), etag: '"a"' }, "store"],
    ["no-cache and nothing to ask with", 200, said("no-cache, max-age=5"), "no-lifetime"],
    ["no-cache for one field", 200, said('no-cache="a", max-age=5'), "store"],
    ["no-store", 200, said("no-store, max-age=5"), "no-store"],
    ["no-store in any letter case", 200, said("max-age=5, No-StOrE"), "no-store"],
    ["private", 200, said("private, max-age=5"), "private"],
    ["private for one field", 200, said('private="a", max-age=5'), "store"],
    ["must-understand in place of no-store", 200, said("must-understand, no-store, max-age=5"), "store"],
    ["must-understand and an unknown status", 599, said("max-age=5, must-understand"), "not-understood"],
    ["Vary: *", 200, { ...said("max-age=5"), vary: "a, *" }, "vary-any"],
    ["a part", 206, said("max-age=5"), "partial"],
    ["a confirmation", 304, said("max-age=5"), "status"],
    ["an interim answer", 103, said("max-age=5"), "status"],
    ["a cookie beside explicit freshness", 200, { ...said("max-age=5"), "set-cookie": "a=1" }, "store"],
    ["a cookie and a guess", 200, { "last-modified": EARLIER, "set-cookie": "a=1" }, "no-lifetime"],
    ["a cookie and a tag", 200, { etag: '"a"', "set-cookie": "a=1" }, "no-lifetime"],
    ["CDN-Cache-Control over no-store", 200, { ...said("no-store"), "cdn-cache-control": "max-age=5" }, "store"],
    ["CDN-Cache-Control: no-store", 200, { ...said("max-age=5"), "cdn-cache-control": "no-store" }, "no-store"],
    ["a malformed CDN-Cache-Control", 200, { ...said("max-age=5"), "cdn-cache-control": "no-store," }, "store"],
  ] as const)("%s: %d %j gives %s", (_title, status, fields, expected) => {
    expect(store(status, fields)).toBe(expected);
  });

  it.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])("guesses for %d (RFC 9110 15.1)", (status) => {
    expect(store(status, { "last-modified": EARLIER })).toBe("store");
  });

  it.each([201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599, 299])(
    "stores %d with explicit freshness or public only",
    (status) => {
      expect(store(status, { "last-modified": EARLIER })).toBe("status");
      expect(store(status, { etag: '"a"', ...said("no-cache") })).toBe("no-lifetime");
      expect(store(status, { "last-modified": EARLIER, ...said("public") })).toBe("store");
      expect(store(status, said("max-age=5"))).toBe("store");
      expect(store(status, { expires: LATER })).toBe("store");
    },
  );

  it.each([
    ["max-age=5", "authorization"],
    ["max-age=5, public", "store"],
    ["max-age=5, must-revalidate", "store"],
    ["s-maxage=5", "store"],
    ["max-age=5, proxy-revalidate", "authorization"],
  ])("an answer to Authorization with `%s`: %s (RFC 9111 3.5)", (cacheControl, expected) => {
    expect(store(200, said(cacheControl), requestOf(METHOD.GET, { authorization: "x" }))).toBe(expected);
  });

  it("obeys no-store of the request (RFC 9111 5.2.1.5)", () => {
    expect(store(200, said("max-age=5"), requestOf(METHOD.GET, said("no-store")))).toBe("request-no-store");
  });

  it.each([
    [METHOD.HEAD, {}, "store"],
    [METHOD.PUT, {}, "method"],
    [METHOD.DELETE, {}, "method"],
    [METHOD.OTHER, {}, "method"],
    [METHOD.POST, {}, "method"],
    [METHOD.POST, { "content-location": "/a" }, "store"],
  ] as const)("method %d with %j: %s", (method, fields, expected) => {
    expect(store(200, { ...said("max-age=5"), ...fields }, requestOf(method))).toBe(expected);
  });

  it("needs explicit freshness for a POST (RFC 9110 9.3.3)", () => {
    expect(store(200, { etag: '"a"', "content-location": "/a" }, requestOf(METHOD.POST))).toBe("method");
  });

  it("TTL-19 takes a line of ttl.txt for a lifetime, but shares no error and no cookie by it", () => {
    const custom = { seconds: 60, line: 1 };
    const decide = (status: number, fields: Fields) =>
      RULES.decideStorage(EMPTY_REQUEST, responseOf(status, fields), custom);
    expect(decide(200, {})).toEqual({ kind: "store" });
    expect(decide(503, {})).toEqual({ kind: "pass", reason: "status" });
    expect(decide(200, { "set-cookie": "a=1" })).toEqual({ kind: "pass", reason: "no-lifetime" });
    expect(decide(200, said("private"))).toEqual({ kind: "pass", reason: "private" });
  });

  it("KEY-09 stores Vary: * where the operator honours no or some names of Vary", () => {
    for (const varyHeader of [[], ["accept"]]) {
      const rules = sharedRules({ options: { varyHeader } });
      const response = responseOf(200, { vary: "*", ...said("max-age=5") });
      expect(rules.decideStorage(EMPTY_REQUEST, response).kind).toBe("store");
    }
  });

  it("agrees with the conditions of RFC 9111 3 taken one by one", () => {
    const world = fc.record({
      method: fc.constantFrom<Method>(METHOD.GET, METHOD.HEAD, METHOD.PUT, METHOD.OTHER),
      status: fc.constantFrom(101, 200, 206, 299, 304, 403, 404, 503, 599),
      words: fc.uniqueArray(
        fc.constantFrom(
          "no-store",
          "private",
          "public",
          "must-revalidate",
          "must-understand",
          "max-age=9",
          "s-maxage=9",
        ),
      ),
      isRequestNoStore: fc.boolean(),
      isAuthorized: fc.boolean(),
      hasExpires: fc.boolean(),
      hasTag: fc.boolean(),
      hasCookie: fc.boolean(),
      isVaryAny: fc.boolean(),
    });
    fc.assert(
      fc.property(world, (facts) => {
        const has = (word: string) => facts.words.some((each) => each === word);
        const isExplicit = has("max-age=9") || has("s-maxage=9") || facts.hasExpires;
        const isUnderstood = facts.status !== 299 && facts.status !== 599;
        const conditions = [
          facts.method === METHOD.GET || facts.method === METHOD.HEAD,
          facts.status >= 200 && facts.status !== 206 && facts.status !== 304,
          isUnderstood || !has("must-understand"),
          !has("no-store") || has("must-understand"),
          !facts.isRequestNoStore,
          !has("private"),
          !facts.isAuthorized || has("public") || has("must-revalidate") || has("s-maxage=9"),
          !facts.isVaryAny,
          isExplicit || ((facts.status === 200 || facts.status === 404 || has("public")) && facts.hasTag),
          isExplicit || !facts.hasCookie,
        ];
        const fields: Fields = {
          "cache-control": facts.words.join(", "),
          date: DATE,
          expires: facts.hasExpires ? LATER : undefined,
          etag: facts.hasTag ? '"a"' : undefined,
          "set-cookie": facts.hasCookie ? "a=1" : undefined,
          vary: facts.isVaryAny ? "*" : undefined,
        };
        const request = requestOf(facts.method, {
          ...(facts.isRequestNoStore ? said("no-store") : {}),
          ...(facts.isAuthorized ? { authorization: "x" } : {}),
        });
        expect(store(facts.status, fields, request) === "store").toBe(conditions.every(Boolean));
      }),
      { numRuns: 500 },
    );
  });
});
