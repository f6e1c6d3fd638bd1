import { describe, expect, it } from "vitest";
import {
  type CustomTtl,
  compileCustomTtl,
  decideRenewal,
  decideRevalidation,
  decideTtl,
  decideUnvalidatable,
  extendTtl,
  failureTtl,
  growthRowOf,
  responseFacts,
  type TtlOptions,
} from "../src/index.ts";
import { DEFAULT_OPTIONS, onUrl, TTL, ttlLines, vhostWith } from "./settings.ts";

const ttlOf = (status: number, cacheControl?: string, custom?: CustomTtl, options: TtlOptions = TTL): number =>
  decideTtl(factsOf(status, cacheControl), options, custom).ttl;

const factsOf = (status: number, cacheControl?: string) =>
  responseFacts(status, cacheControl === undefined ? [] : ["Cache-Control", cacheControl]);

const SIXTY: CustomTtl = { seconds: 60, line: 3 };

/** TTLs given one after the other while the origin confirms the object. */
const growth = (facts: ReturnType<typeof factsOf>, count: number, options: TtlOptions = TTL): number[] => {
  const decision = decideTtl(facts, options);
  const given = [decision.ttl];
  while (given.length < count) given.push(extendTtl(given.at(-1) ?? 0, decision, options));
  return given;
};

describe("facts of a response", () => {
  it("are read from the fields", () => {
    const facts = responseFacts(200, [
      "Last-Modified",
      "Sat, 29 Oct 1994 19:43:31 GMT",
      "DATE",
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Expires",
      "0",
      "Age",
      "17",
      "ETag",
      'W/"x"',
    ]);
    expect(facts).toMatchObject({
      status: 200,
      lastModifiedMs: Date.UTC(1994, 9, 29, 19, 43, 31),
      dateMs: Date.UTC(1994, 10, 6, 8, 49, 37),
      expires: "invalid",
      ageSeconds: 17,
      etag: 'W/"x"',
    });
  });

  it.each([
    ["-1", 0],
    ["1.5", 0],
    ["abc", 0],
    ["", 0],
    ["99999999999999999999", 2 ** 31],
    ["5, 9", 5],
  ])("read an Age of %s as %d", (age, expected) => {
    expect(responseFacts(200, ["Age", age]).ageSeconds).toBe(expected);
  });

  it("take the moment of arrival for a Date that is missing or none (RFC 9110 6.6.1)", () => {
    expect(responseFacts(200, []).dateMs).toBeUndefined();
    expect(responseFacts(200, [], 5000).dateMs).toBe(5000);
    expect(responseFacts(200, ["Date", "foo"], 5000).dateMs).toBe(5000);
    expect(responseFacts(200, ["Date", "Thu, 01 Jan 1970 00:00:01 GMT"], 5000).dateMs).toBe(1000);
  });

  it("know what tells representations apart, and cookies", () => {
    const facts = responseFacts(200, ["Vary", "b, A", "vary", "a", "Set-Cookie", "x=1", "Content-Location", "/b"]);
    expect(facts).toMatchObject({ vary: ["a", "b"], hasSetCookie: true, contentLocation: "/b" });
    expect(responseFacts(200, ["Vary", "a, *"])).toMatchObject({ vary: "*", hasSetCookie: false });
  });

  it("take CDN-Cache-Control, else Surrogate-Control, as targeted", () => {
    const both = ["Surrogate-Control", "max-age=1", "CDN-Cache-Control", "max-age=2"];
    expect(responseFacts(200, both).targeted?.maxAge).toBe(2);
    expect(responseFacts(200, ["Surrogate-Control", "max-age=1"]).targeted?.maxAge).toBe(1);
    expect(
      responseFacts(200, ["CDN-Cache-Control", "max-age=", "Cache-Control", "max-age=1"]).targeted,
    ).toBeUndefined();
  });

  it("drop an ETag that is none", () => {
    expect(responseFacts(200, ["ETag", "unquoted"]).etag).toBeUndefined();
  });
});

describe("the TTL given to a stored response", () => {
  it.each([
    ["TTL-03 gives 1800 s to a 2xx without its own", 200, undefined, 1800],
    ["TTL-06 gives 5 s to no-cache", 200, "no-cache", 5],
    ["TTL-06 gives 5 s to private", 200, "private", 5],
    ["TTL-06 gives 5 s to must-revalidate", 200, "must-revalidate", 5],
    ["TTL-06 gives 5 s to a 404 with no-cache too", 404, "no-cache", 5],
    ["TTL-06 counts no-store as no-cache (OPEN 3, reading B)", 200, "no-store", 5],
    ["TTL-06 ignores max-age beside must-revalidate (OPEN 4, reading A)", 200, "max-age=3600, must-revalidate", 5],
    ["TTL-06 ignores max-age beside private (OPEN 4, reading A)", 200, "private, max-age=3600", 5],
    ["TTL-09 gives 300 s to a redirect", 301, undefined, 300],
    ["TTL-10 gives 30 s to a 404", 404, undefined, 30],
    ["TTL-11 gives 30 s to a 500", 500, undefined, 30],
    ["TTL-16 takes max-age", 200, "max-age=100", 100],
    ["TTL-16 takes max-age whatever the status", 503, "max-age=7", 7],
    ["TTL-16 ignores directives that it does not know", 200, "s-maxage=7, immutable, foo=1", 1800],
    ["TTL-16 lets no-transform and proxy-revalidate be", 200, "no-transform, proxy-revalidate", 1800],
    ["TTL-15 takes max-age=0 as TTL 0", 200, "max-age=0", 0],
  ])("%s", (_title, status, cacheControl, expected) => {
    expect(ttlOf(status, cacheControl)).toBe(expected);
  });

  it("ignores Expires (OPEN 5, reading A)", () => {
    const facts = responseFacts(200, ["Expires", "Sat, 29 Oct 2094 19:43:31 GMT"]);
    expect(decideTtl(facts, TTL).ttl).toBe(1800);
  });

  it.each([
    [200, undefined, 60],
    [200, "max-age=100", 60],
    [200, "no-cache", 5],
    [404, undefined, 60],
    [500, undefined, 60],
  ])("TTL-22 decides for status %d, Cache-Control %s and ttl.txt 60: %d", (status, cacheControl, expected) => {
    expect(ttlOf(status, cacheControl, SIXTY)).toBe(expected);
  });

  it("TTL-22 follows the order of the priority list", () => {
    const without = { ...TTL, priority: ["cc_maxage", "custom", "rescode"] as const };
    expect(ttlOf(200, "max-age=10", SIXTY, without)).toBe(10);
    expect(ttlOf(200, "no-cache", undefined, without)).toBe(1800);
    const maxAgeFirst = { ...TTL, priority: ["cc_nocache", "cc_maxage", "custom", "rescode"] as const };
    expect(ttlOf(200, "max-age=5", { seconds: 600, line: 1 }, maxAgeFirst)).toBe(5);
    const rescodeFirst = { ...TTL, priority: ["rescode", "custom"] as const };
    expect(ttlOf(200, "max-age=5", SIXTY, rescodeFirst)).toBe(1800);
  });

  it("TTL-22 falls back to the status code when nothing in the list applies", () => {
    expect(ttlOf(404, "max-age=5", undefined, { ...TTL, priority: ["custom"] })).toBe(30);
    expect(ttlOf(200, undefined, undefined, { ...TTL, priority: [] })).toBe(1800);
  });

  it("names its source", () => {
    expect(decideTtl(factsOf(200, "no-cache"), TTL).source).toEqual({ kind: "cc_nocache" });
    expect(decideTtl(factsOf(200), TTL, SIXTY).source).toEqual({ kind: "custom", line: 3 });
    expect(decideTtl(factsOf(200, "max-age=1"), TTL).source).toEqual({ kind: "cc_maxage" });
    expect(decideTtl(factsOf(502), TTL).source).toEqual({ kind: "rescode", row: "Res5xx" });
  });
});

describe("the TTL of a confirmed response", () => {
  it("TTL-04 grows by Ratio (OPEN 1, reading A)", () => {
    expect(growth(factsOf(200), 4)).toEqual([1800, 2160, 2592, 3111]);
  });

  it("TTL-04 grows even from one second, since fractions are rounded up", () => {
    expect(growth(factsOf(200), 4, { ...TTL, res2xx: { seconds: 1, ratio: 20, max: 3 } })).toEqual([1, 2, 3, 3]);
  });

  it("TTL-05 does not grow above Max", () => {
    expect(growth(factsOf(200), 40).at(-1)).toBe(86400);
  });

  it("TTL-07 leaves no-cache at 5 s with the defaults, and grows by a ratio of its own", () => {
    expect(growth(factsOf(200, "no-cache"), 3)).toEqual([5, 5, 5]);
    const growing = { ...TTL, noCache: { seconds: 10, ratio: 50, max: 20, maxAge: 0 } };
    expect(growth(factsOf(200, "private"), 4, growing)).toEqual([10, 15, 20, 20]);
  });

  it("TTL-05 bounds growth only: max-age and ttl.txt are given again unchanged (OPEN 2, reading B)", () => {
    expect(growth(factsOf(200, "max-age=100000"), 2)).toEqual([100000, 100000]);
    const custom = decideTtl(factsOf(200), TTL, { seconds: 90000, line: 1 });
    expect(extendTtl(90000, custom, TTL)).toBe(90000);
  });

  it("TTL-09, TTL-10 and TTL-11 have no growth", () => {
    expect(growth(factsOf(301), 2)).toEqual([300, 300]);
    expect(growth(factsOf(404), 2)).toEqual([30, 30]);
    expect(growth(factsOf(500), 2)).toEqual([30, 30]);
  });

  it("TTL-17 starts again from the base value after a forced expiry", () => {
    expect(extendTtl(5000, decideTtl(factsOf(200), TTL), TTL, true)).toBe(1800);
    expect(extendTtl(1800, decideTtl(factsOf(200), TTL), TTL)).toBe(2160);
  });

  it("never falls below the base value, whatever was given before", () => {
    expect(extendTtl(3, decideTtl(factsOf(200), TTL), TTL)).toBe(1800);
  });

  it("tells which row governs growth", () => {
    expect(growthRowOf({ kind: "cc_nocache" })).toBe("NoCache");
    expect(growthRowOf({ kind: "rescode", row: "Res2xx" })).toBe("Res2xx");
    expect(growthRowOf({ kind: "rescode", row: "Res4xx" })).toBeUndefined();
    expect(growthRowOf({ kind: "custom", line: 1 })).toBeUndefined();
  });
});

describe("an answer to a renewal", () => {
  const on = { ttlExtensionBy4xx: true, ttlExtensionBy5xx: true };
  const off = { ttlExtensionBy4xx: false, ttlExtensionBy5xx: false };

  it.each([
    ["TTL-02 a 304 extends", 304, 200, off, "extend"],
    ["TTL-02 a 304 extends a stored 404", 304, 404, off, "extend"],
    ["TTL-02 a 200 replaces", 200, 200, on, "replace"],
    ["TTL-23 a 4xx replaces by default", 404, 200, DEFAULT_OPTIONS, "replace"],
    ["TTL-23 a 4xx extends with ON", 404, 200, on, "extend"],
    ["TTL-24 a 5xx extends by default", 503, 200, DEFAULT_OPTIONS, "extend"],
    ["TTL-24 a 5xx replaces with OFF", 503, 200, off, "replace"],
    ["TTL-24 a 5xx replaces what is no 2xx", 503, 404, on, "replace"],
    ["TTL-09 a redirect replaces", 301, 200, on, "replace"],
  ])("%s", (_title, status, storedStatus, options, expected) => {
    expect(decideRevalidation(status, storedStatus, options)).toBe(expected);
  });

  it("TTL-28 lets clients wait with RefreshExpired ON only, TTL-26 always for a stored 5xx", () => {
    expect(decideRenewal(200, { refreshExpired: true })).toBe("wait");
    expect(decideRenewal(200, { refreshExpired: false })).toBe("background");
    expect(decideRenewal(503, { refreshExpired: false })).toBe("wait");
  });
});

describe("failures of the origin", () => {
  it.each([
    ["TTL-12", "ORIGIN_CONNECT_FAILED", 3],
    ["TTL-12", "ORIGIN_CONNECT_TIMEOUT", 3],
    ["TTL-12", "ORIGIN_UNAVAILABLE", 3],
    ["TTL-13", "ORIGIN_RECEIVE_TIMEOUT", 4],
    ["TTL-13", "ORIGIN_CLOSED", 4],
    ["TTL-13", "ORIGIN_MALFORMED", 4],
    ["TTL-14", "ORIGIN_BUSY", 6],
    ["TTL-12", "CLIENT_GONE", undefined],
    ["TTL-12", "STORE_UNAVAILABLE", undefined],
  ] as const)("%s lets %s stand for %s s", (_id, code, expected) => {
    expect(failureTtl(code, TTL)).toBe(expected);
  });

  it("TTL-25 serves the expired object, or answers the status configured", () => {
    expect(decideUnvalidatable(DEFAULT_OPTIONS)).toEqual({ kind: "serve", ttlSeconds: 3 });
    expect(decideUnvalidatable({ ...DEFAULT_OPTIONS, unvalidatableObjectResCode: 404 })).toEqual({
      kind: "answer",
      status: 404,
    });
  });
});

describe("ttl.txt", () => {
  const guide = compileCustomTtl(
    vhostWith({
      conditions: { ttl: ttlLines(["*.jsp", 10], ["/", 5], ["/index.html", 5], ["/script/*.js", 300], ["/x/*", 600]) },
    }),
  );

  it.each([
    ["/a/b.jsp", 10],
    ["/", 5],
    ["/index.html?x=1", 5],
    ["/script/a/b.js", 300],
    ["/style.css", undefined],
  ])("TTL-19 gives %s %s", (url, seconds) => {
    expect(guide(url)?.seconds).toBe(seconds);
  });

  it("TTL-19 lets the first matching line count and names it", () => {
    const rules = compileCustomTtl(vhostWith({ conditions: { ttl: ttlLines(["/a*", 1], ["/ab", 2]) } }));
    expect(rules("/ab")).toMatchObject({ seconds: 1, line: 1 });
  });

  it("TTL-20 acts on an object when its next TTL is given", () => {
    const edited = compileCustomTtl(
      vhostWith({ conditions: { ttl: [{ condition: onUrl("/a"), seconds: 9, line: 1 }] } }),
    );
    const decision = decideTtl(factsOf(200), TTL, edited("/a"));
    expect(extendTtl(1800, decision, TTL)).toBe(9);
  });

  it("TTL-21 does not cover / by *.html", () => {
    const rules = compileCustomTtl(vhostWith({ conditions: { ttl: ttlLines(["*.html", 7]) } }));
    expect(rules("/")).toBeUndefined();
    expect(rules("/index.html")?.seconds).toBe(7);
  });

  it("TTL-19 follows CaseSensitive", () => {
    const rules = compileCustomTtl(
      vhostWith({ options: { caseSensitive: false }, conditions: { ttl: ttlLines(["/Img/*", 7], ["/LOGO.png", 8]) } }),
    );
    expect(rules("/img/a")?.seconds).toBe(7);
    expect(rules("/logo.png")?.seconds).toBe(8);
  });
});
