import type { ConditionFiles, VhostOptions } from "@basalt/config";
import { METHOD, type Method } from "@basalt/http";
import { describe, expect, it } from "vitest";
import { compileMethodRules, isNoCacheRequest } from "../src/index.ts";
import { bypassLines, headerTerm, requestFor, urlTerm, vhostWith } from "./settings.ts";

const decide = (
  options: Partial<VhostOptions>,
  bypass: ConditionFiles["bypass"],
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method: Method = METHOD.GET,
) => compileMethodRules(vhostWith({ options, conditions: { bypass } })).decide(method, requestFor(url, { headers }));

const NO_CACHE = { "cache-control": "no-cache" };

describe("methods", () => {
  it.each([
    [METHOD.GET, "cache"],
    [METHOD.HEAD, "cache"],
    [METHOD.POST, "bypass"],
    [METHOD.PUT, "notImplemented"],
    [METHOD.OPTIONS, "bypass"],
    [METHOD.DELETE, "notImplemented"],
    [METHOD.PATCH, "notImplemented"],
    [METHOD.TRACE, "notImplemented"],
    [METHOD.CONNECT, "notImplemented"],
    [METHOD.OTHER, "notImplemented"],
  ])("HTTP-36 treats method %d by default as %s (HTTP-37)", (method, expected) => {
    expect(decide({}, [], "/a", {}, method)).toBe(expected);
    expect(compileMethodRules(vhostWith()).decideByMethod(method)).toBe(expected);
  });

  it("REG-357 BYP-04 and KEY-15 close on a POST that is not bypassed", () => {
    expect(decide({ bypassPostRequest: false }, [], "/a", {}, METHOD.POST)).toBe("close");
    expect(decide({}, bypassLines(["/a", "cache"]), "/a", {}, METHOD.POST)).toBe("close");
    expect(decide({}, bypassLines(["/a", "opposite"]), "/a", {}, METHOD.POST)).toBe("close");
    expect(decide({ bypassPostRequest: false }, bypassLines(["/a", "opposite"]), "/a", {}, METHOD.POST)).toBe("bypass");
  });

  it("BYP-05 bypasses GET and HEAD when asked to (OPEN 2)", () => {
    expect(decide({ bypassGetRequest: true }, [], "/a")).toBe("bypass");
    expect(decide({ bypassGetRequest: true }, [], "/a", {}, METHOD.HEAD)).toBe("bypass");
  });

  it("BYP-17 bypasses PUT with its switch only, whatever bypass.txt says (A9 of spec 06)", () => {
    expect(decide({ bypassPutRequest: true }, [], "/a", {}, METHOD.PUT)).toBe("bypass");
    expect(decide({ bypassPutRequest: true }, bypassLines(["*", "cache"]), "/a", {}, METHOD.PUT)).toBe("bypass");
    expect(decide({}, bypassLines(["*", "bypass"]), "/a", {}, METHOD.PUT)).toBe("notImplemented");
    expect(decide({}, bypassLines(["*", "opposite"]), "/a", {}, METHOD.DELETE)).toBe("notImplemented");
  });

  it("needs no look at the request when no rule could touch it", () => {
    expect(compileMethodRules(vhostWith()).decideByMethod(METHOD.GET)).toBe("cache");
    const rules = compileMethodRules(vhostWith({ conditions: { bypass: bypassLines(["/a", "bypass"]) } }));
    expect(rules.decideByMethod(METHOD.GET)).toBeUndefined();
    const noCache = compileMethodRules(vhostWith({ options: { bypassNoCacheRequest: true } }));
    expect(noCache.decideByMethod(METHOD.GET)).toBeUndefined();
  });
});

describe("bypass.txt", () => {
  it("BYP-07 turns the default of the method round (A2 of spec 06)", () => {
    const lines = bypassLines(["/img/*", "opposite"]);
    expect(decide({ bypassGetRequest: true }, lines, "/a")).toBe("bypass");
    expect(decide({ bypassGetRequest: true }, lines, "/img/a")).toBe("cache");
    expect(decide({}, lines, "/img/a")).toBe("bypass");
  });

  it("BYP-08 always bypasses and BYP-09 always caches", () => {
    const bare = bypassLines([
      { terms: [headerTerm("referer", undefined, true), headerTerm("user-agent", undefined, true)] },
      "bypass",
    ]);
    expect(decide({}, bare, "/a")).toBe("bypass");
    expect(decide({}, bare, "/a", { "user-agent": "x" })).toBe("cache");
    const cookie = bypassLines([{ terms: [headerTerm("cookie", "*ILLEGAL*")] }, "cache"]);
    expect(decide({ bypassGetRequest: true }, cookie, "/a", { cookie: "ILLEGAL=1" })).toBe("cache");
    expect(decide({ bypassGetRequest: true }, cookie, "/a")).toBe("bypass");
  });

  it("REG-116 BYP-06 takes all conditions, joined by AND (A5 of spec 06)", () => {
    const lines = bypassLines([{ terms: [headerTerm("cookie", "*login=1*"), urlTerm("*.jsp")] }, "bypass"]);
    expect(decide({}, lines, "/a.jsp", { cookie: "login=1" })).toBe("bypass");
    expect(decide({}, lines, "/a.jsp")).toBe("cache");
    expect(decide({}, lines, "/a.html", { cookie: "login=1" })).toBe("cache");
  });

  it("BYP-10 ranks bypass above cache above unmarked, in any order of lines (A3 of spec 06)", () => {
    const lines = bypassLines(["/a*", "cache"], ["/a1", "bypass"], ["/a2", "opposite"]);
    for (const file of [lines, lines.toReversed()]) {
      expect(decide({}, file, "/a1")).toBe("bypass");
      expect(decide({}, file, "/a2")).toBe("cache");
    }
  });

  it.each([
    [
      "OPT-91 pages of an account, by the cookie of a login",
      "/home",
      { cookie: "a=1; login=token" },
      METHOD.GET,
      "bypass",
    ],
    ["OPT-91 the same page without a login", "/home", { cookie: "a=1" }, METHOD.GET, "cache"],
    ["OPT-92 every page of a payment", "/payment/step2", {}, METHOD.GET, "bypass"],
    ["OPT-94 interfaces that write", "/api/items", {}, METHOD.POST, "bypass"],
    ["OPT-95 first come, first served", "/ticket/next", {}, METHOD.GET, "bypass"],
  ] as const)("%s", (_, url, headers, method, expected) => {
    const lines = bypassLines(
      [{ terms: [headerTerm("cookie", "*login=*")] }, "bypass"],
      ["/payment/*", "bypass"],
      ["/ticket/*", "bypass"],
    );
    expect(decide({}, lines, url, headers, method)).toBe(expected);
  });

  it("BYP-10 looks at no-cache first (A4 of spec 06)", () => {
    const lines = bypassLines(["/a", "cache"]);
    expect(decide({ bypassNoCacheRequest: true }, lines, "/a", NO_CACHE)).toBe("bypass");
    expect(decide({ bypassNoCacheRequest: true }, lines, "/a")).toBe("cache");
  });
});

describe("a client that wants no cached answer", () => {
  it.each([
    [{ "cache-control": "no-cache" }, true],
    [{ "cache-control": "max-age=0" }, true],
    [{ "cache-control": "No-Cache, foo" }, true],
    [{ pragma: "no-cache" }, true],
    [{ pragma: "x, No-Cache" }, true],
    [{ "cache-control": "max-age=1" }, false],
    [{ "cache-control": "no-store" }, false],
    [{ pragma: "x" }, false],
    [{}, false],
  ])("REG-29 BYP-03 and TTL-37 read %j as %s", (headers, expected) => {
    expect(isNoCacheRequest(requestFor("/", { headers }))).toBe(expected);
  });

  it("BYP-03 is bypassed with BypassNoCacheRequest only", () => {
    expect(decide({ bypassNoCacheRequest: true }, [], "/a", { pragma: "no-cache" })).toBe("bypass");
    expect(decide({}, [], "/a", { pragma: "no-cache" })).toBe("cache");
  });
});
