import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  getField,
  hopByHopNames,
  parseAbsoluteTarget,
  parseAcceptEncoding,
  parseVary,
  removeHopByHop,
} from "../src/index.ts";

describe("Accept-Encoding", () => {
  it.each([
    ["gzip, deflate, br", { gzip: 1, deflate: 1, br: 1 }],
    ["GZIP;Q=0.5 , *;q=0", { gzip: 0.5, "*": 0 }],
    ["gzip;q=0, gzip", { gzip: 0 }],
    ["gzip ; q = 1.000", { gzip: 1 }],
    ["gzip;q=2, br;q=0.1234, zstd;q=-1, x;q=", {}],
    ["gzip;level=9;q=0.2", { gzip: 0.2 }],
    ["gzip;q", { gzip: 1 }],
    ["gzip;qx", { gzip: 1 }],
    ["", {}],
    [",,", {}],
  ])("reads `%s`", (value, weights) => {
    expect(Object.fromEntries(parseAcceptEncoding(value))).toEqual(weights);
  });
});

describe("Vary", () => {
  it.each([
    [undefined, []],
    ["", []],
    ["Accept-Encoding", ["accept-encoding"]],
    ["b, A,,a ", ["a", "b"]],
    ["a, *", "*"],
  ])("reads `%s`", (value, names) => {
    expect(parseVary(value)).toEqual(names);
  });

  it("KEY-10 gives any set of names back as written, in any order and letter case", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.constantFrom(",", " , ", ",,"), fc.boolean(), (names, comma, isUpper) => {
        const text = names.toReversed().join(comma);
        expect(parseVary(isUpper ? text.toUpperCase() : text)).toEqual(names.toSorted());
      }),
    );
  });
});

describe("flat fields", () => {
  it("are found in any letter case and combined", () => {
    const flat = ["A", "1", "b", "2", "a", "3", "Cookie", "x=1", "cookie", "y=2"];
    expect([getField(flat, "a"), getField(flat, "b"), getField(flat, "c")]).toEqual(["1, 3", "2", undefined]);
    expect(getField(flat, "cookie")).toBe("x=1; y=2");
    expect(getField([], "a")).toBeUndefined();
  });
});

describe("hop-by-hop fields", () => {
  it("are the standing ones and those that Connection names", () => {
    const fields = ["Connection", "close, X-Hop", "connection", "x-other", "TE", "trailers", "X-HOP", "1"];
    fields.push("x-Other", "2", "Keep-Alive", "timeout=5", "Proxy-Connection", "x", "Upgrade", "h2c", "Kept", "3");
    expect(removeHopByHop(fields)).toEqual(["Kept", "3"]);
  });

  it("never include what is meant for all recipients, whoever names it", () => {
    const protectedNames = ["Host", "Content-Length", "Cookie", "Authorization", "X-Forwarded-For", "Cache-Control"];
    const fields = ["Connection", protectedNames.join(","), ...protectedNames.flatMap((name) => [name, "x"])];
    expect(removeHopByHop(fields)).toEqual(protectedNames.flatMap((name) => [name, "x"]));
    expect(hopByHopNames(fields).has("host")).toBe(false);
  });

  it("are gone after one removal, and nothing else is", () => {
    const name = fc.constantFrom("a", "B", "TE", "Connection", "Upgrade", "Host", "Via");
    const field = fc.tuple(name, fc.constantFrom("a", "b, host", "close", ""));
    fc.assert(
      fc.property(fc.array(field), (pairs) => {
        const flat = pairs.flat();
        const removed = hopByHopNames(flat);
        const kept = removeHopByHop(flat);
        expect(kept).toEqual(pairs.filter(([sent]) => !removed.has(sent.toLowerCase())).flat());
        expect(removeHopByHop(kept)).toEqual(kept);
      }),
    );
  });
});

describe("HTTP-33 an absolute request target", () => {
  it.each([
    ["http://host/path", { scheme: "http", authority: "host", pathAndQuery: "/path" }],
    ["HTTPS://Host:8443/Path?Q", { scheme: "https", authority: "host:8443", pathAndQuery: "/Path?Q" }],
    ["http://host", { scheme: "http", authority: "host", pathAndQuery: "/" }],
    ["http://host?q=/", { scheme: "http", authority: "host", pathAndQuery: "/?q=/" }],
    ["http://host:", { scheme: "http", authority: "host", pathAndQuery: "/" }],
    ["http://[::1]:80//x", { scheme: "http", authority: "[::1]:80", pathAndQuery: "//x" }],
  ])("splits %s", (target, parts) => {
    expect(parseAbsoluteTarget(target)).toEqual(parts);
  });

  it.each([
    "/path",
    "*",
    "host:80",
    "http:/host",
    "http:///x",
    "http://u@host/",
    "http://a b/",
    "ftp://host/",
    "http://[::g]/",
  ])("refuses %s", (target) => {
    expect(parseAbsoluteTarget(target)).toBeUndefined();
  });
});
