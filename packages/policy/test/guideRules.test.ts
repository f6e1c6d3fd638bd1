import { METHOD } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCachingRules, EMPTY_REQUEST, requestOf, responseOf } from "./caching.ts";
import { DEFAULT_OPTIONS, TTL, vhostWith } from "./settings.ts";

const GUIDE = compileCachingRules(vhostWith());
const CUSTOM = { seconds: 60, line: 1 };

describe("the profile guide", () => {
  it.each([
    [200, undefined, undefined, 1800],
    [200, "max-age=100", undefined, 100],
    [200, "max-age=100", CUSTOM, 60],
    [200, "no-cache", undefined, 5],
    [200, "no-cache", CUSTOM, 5],
    [200, "private", CUSTOM, 5],
    [200, "must-revalidate", CUSTOM, 5],
    [301, undefined, undefined, 300],
    [404, undefined, CUSTOM, 60],
    [404, undefined, undefined, 30],
    [500, undefined, undefined, 30],
  ])("TTL-22 decision table of spec 02: %d, Cache-Control %s, ttl.txt %j gives %d s", (status, said, custom, ttl) => {
    expect(GUIDE.decideTtl(responseOf(status, { "cache-control": said }), 999, custom).ttl).toBe(ttl);
  });

  it("TTL-22 decision table of spec 02: 500 while a 200 is stored is as if 304 (TTL-24)", () => {
    expect(GUIDE.decideRevalidation(500, 200)).toBe("extend");
    expect(GUIDE.decideRevalidation(404, 200)).toBe("replace");
  });

  it("TTL-04 grows with each confirmation, TTL-17 not after a forced expiry", () => {
    const response = responseOf(200, {});
    expect(GUIDE.extendTtl(1800, response, 0, undefined, false)).toBe(2160);
    expect(GUIDE.extendTtl(5000, response, 0, undefined, true)).toBe(1800);
    expect(GUIDE.extendTtl(5000, response, 0, CUSTOM, false)).toBe(60);
  });

  it("TTL-06 stores and shares what others may not, parts and interim answers excepted", () => {
    const asked = requestOf(METHOD.GET, { "cache-control": "no-store", authorization: "x" });
    for (const said of ["no-store", "private", "no-cache", "max-age=0"]) {
      const fields = { "cache-control": said, "set-cookie": "a=1", vary: "*" };
      expect(GUIDE.decideStorage(asked, responseOf(599, fields))).toEqual({ kind: "store" });
    }
    expect(GUIDE.decideStorage(asked, responseOf(206, {}))).toEqual({ kind: "pass", reason: "partial" });
    expect(GUIDE.decideStorage(asked, responseOf(304, {}))).toEqual({ kind: "pass", reason: "status" });
    expect(GUIDE.decideStorage(asked, responseOf(103, {}))).toEqual({ kind: "pass", reason: "status" });
  });

  it("TTL-01 serves by the TTL alone, whatever the request asks, TTL-28 then by RefreshExpired", () => {
    const asked = requestOf(METHOD.GET, { "cache-control": "no-cache, max-age=0" });
    const response = responseOf(200, { "cache-control": "no-cache" });
    const behind = compileCachingRules(vhostWith({ options: { refreshExpired: false } }));
    expect(GUIDE.decideReuse(asked, response, 99, -0.001)).toBe("serve");
    expect(GUIDE.decideReuse(asked, response, 99, 0)).toBe("renew");
    expect(behind.decideReuse(asked, response, 99, 0)).toBe("serveAndRenew");
    expect(behind.decideReuse(undefined, responseOf(503, {}), 99, 0)).toBe("renew");
  });

  it("TTL-12 always answers with what is stored when the origin fails", () => {
    const response = responseOf(200, { "cache-control": "must-revalidate" });
    expect(GUIDE.mayServeStaleOnError(EMPTY_REQUEST, response, 1e9, 1e9)).toBe(true);
  });

  it("TTL-02 takes over what a 304 says anew, and tells whether that is anything", () => {
    const stored = ["Content-Type", "text/css", "Date", "a", "Expires", "0"];
    expect(GUIDE.updatedFields(stored, ["Date", "b", "Expires", "0"], 0).isChanged).toBe(false);
    expect(GUIDE.updatedFields(stored, ["Expires", "1"], 0)).toEqual({
      fields: ["Content-Type", "text/css", "Date", "a", "Expires", "1"],
      isChanged: true,
    });
    expect(GUIDE.updatedFields(stored, ["Vary", "a"], 0).isChanged).toBe(true);
  });

  it("HTTP-20 stores standard fields only, and no Date of its own", () => {
    expect(GUIDE.storedFields(["X-A", "1", "Vary", "a", "Set-Cookie", "b"], 0)).toEqual(["Vary", "a"]);
  });

  it("TTL-22 agrees with a naive reading of the priority list", () => {
    const source = fc.constantFrom(...DEFAULT_OPTIONS.ttl.priority);
    const said = fc.record({ noCache: fc.boolean(), maxAge: fc.option(fc.nat(9999), { nil: undefined }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(source),
        fc.constantFrom(200, 204, 301, 404, 500, 599),
        said,
        fc.boolean(),
        (priority, status, { noCache, maxAge }, isCustom) => {
          const rules = compileCachingRules(vhostWith({ options: { ttl: { ...TTL, priority } } }));
          const words = [noCache ? "private" : "", maxAge === undefined ? "" : `max-age=${maxAge}`];
          const byStatus = status < 300 ? 1800 : status < 400 ? 300 : 30;
          const known = { cc_nocache: noCache ? 5 : undefined, custom: isCustom ? 60 : undefined };
          const given = { ...known, cc_maxage: maxAge, rescode: byStatus };
          const expected = priority.map((word) => given[word]).find((ttl) => ttl !== undefined) ?? byStatus;
          const response = responseOf(status, { "cache-control": words.join(",") });
          expect(rules.decideTtl(response, 0, isCustom ? CUSTOM : undefined).ttl).toBe(expected);
        },
      ),
    );
  });
});
