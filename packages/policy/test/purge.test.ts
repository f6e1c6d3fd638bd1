import { describe, expect, it } from "vitest";
import {
  compileStoredUrls,
  decidePurge,
  type PurgeHost,
  type PurgeOptions,
  type PurgeTarget,
  parsePurgeTargets,
} from "../src/index.ts";
import { DEFAULT_OPTIONS, queryLines, type VhostChanges, vhostWith } from "./settings.ts";

const HOSTS = new Set(["example.com", "www.site1.com", "www.site2.com"]);

const parse = (text: string, changes: VhostChanges = {}): PurgeTarget[] =>
  parsePurgeTargets(text, (name): PurgeHost | undefined => {
    const vhost = vhostWith({ ...changes, name });
    return HOSTS.has(name) ? { name, keyRules: compileStoredUrls(vhost), options: vhost.options } : undefined;
  });

const url = (path: string, vhost = "example.com"): PurgeTarget => ({ kind: "url", vhost, url: path });
const pattern = (text: string, vhost = "example.com"): PurgeTarget => ({
  kind: "pattern",
  vhost,
  pattern: text,
  isRoot: text === "/*",
});

describe("targets of a call", () => {
  it.each([
    ["example.com/logo.jpg", url("/logo.jpg")],
    ["example.com/img/", url("/img/")],
    ["example.com/img/*.jpg", pattern("/img/*.jpg")],
    ["example.com/img/*", pattern("/img/*")],
    ["example.com/a?x=1&y", url("/a?x=1&y")],
    ["EXAMPLE.com:80/a", url("/a")],
    ["example.com", url("/")],
    ["example.com?x=1", url("/?x=1")],
  ])("PRG-05 and PRG-06 read %s", (text, expected) => {
    expect(parse(text)).toEqual([expected]);
  });

  it("PRG-04 knows the whole content from the URL /", () => {
    expect(parse("example.com/*")).toEqual([pattern("/*")]);
    expect(parse("example.com/**")).toEqual([pattern("/*")]);
    expect(parse("example.com/")).toEqual([url("/")]);
  });

  it("PRG-07 splits at bars and carries the latest host on (A11 of spec 03)", () => {
    expect(parse("www.site1.com/image1.jpg|/css/style.css|/script.js")).toEqual([
      url("/image1.jpg", "www.site1.com"),
      url("/css/style.css", "www.site1.com"),
      url("/script.js", "www.site1.com"),
    ]);
    expect(parse("www.site1.com/a.jpg|www.site2.com/page/*.html|/b")).toEqual([
      url("/a.jpg", "www.site1.com"),
      pattern("/page/*.html", "www.site2.com"),
      url("/b", "www.site2.com"),
    ]);
  });

  it("REG-56 PRG-08 ignores the scheme", () => {
    for (const scheme of ["http://", "https://", "HTTP://", ""]) {
      expect(parse(`${scheme}www.site1.com/image.jpg`)).toEqual([url("/image.jpg", "www.site1.com")]);
    }
  });

  it("PRG-09 takes query strings as part of the URL, PRG-22 to the end of the text", () => {
    expect(parse("example.com/x&sec=60")).toEqual([url("/x&sec=60")]);
    expect(parse("example.com/x?u=http://a/b")).toEqual([url("/x?u=http://a/b")]);
  });

  it("PRG-10 applies the key rules of the host", () => {
    expect(parse("example.com/A.JPG", { options: { caseSensitive: false } })).toEqual([url("/a.jpg")]);
    expect(parse("example.com/IMG/*", { options: { caseSensitive: false } })).toEqual([pattern("/img/*")]);
    expect(parse("example.com/a?x=1", { options: { applyQueryString: false } })).toEqual([url("/a")]);
    const exceptions = { conditions: { querystring: queryLines("/ad.jpg") } };
    expect(parse("example.com/ad.jpg?r=1", exceptions)).toEqual([url("/ad.jpg")]);
    expect(parse("example.com/*?x", { options: { applyQueryString: false } })).toEqual([pattern("/*")]);
  });

  it("DIMS-14 DIMS-17 DIMS-19 DRM-03 names what is made of another object as it is kept", () => {
    const dims = { ...DEFAULT_OPTIONS.dims, status: "Active" } as const;
    const drm = { ...DEFAULT_OPTIONS.drm, status: "Active" } as const;
    const on: VhostChanges = { options: { dims, drm } };
    expect(parse("example.com/a.jpg?v=1/dims/trim/", on)).toEqual([url("/a.jpg?v=1/dims/trim/")]);
    const off: VhostChanges = { options: { dims, drm, applyQueryString: false } };
    expect(parse("example.com/a.jpg?v=1/dims/trim/", off)).toEqual([url("/a.jpg/dims/trim/")]);
    expect(parse("example.com/a.mp3?v=1/drm", off)).toEqual([url("/a.mp3/drm")]);
    expect(parse("example.com/a.jpg?v=1/dims/*", off)).toEqual([pattern("/a.jpg/dims/*")]);
    expect(parse("example.com/a.jpg?v=1", off)).toEqual([url("/a.jpg")]);
  });

  it("KEY-07 widens a URL without query string with Collective", () => {
    const on: VhostChanges = { options: { applyQueryStringCollective: true } };
    expect(parse("example.com/l", on)).toEqual([{ kind: "collective", vhost: "example.com", url: "/l" }]);
    expect(parse("example.com/l?x=1", on)).toEqual([url("/l?x=1")]);
    expect(parse("example.com/l*", on)).toEqual([pattern("/l*")]);
  });

  it("PRG-12 reports hosts that nobody serves, and paths before any host", () => {
    expect(parse("nohost.example/a|/b|example.com/c")).toEqual([
      { kind: "unknownHost", host: "nohost.example" },
      { kind: "unknownHost", host: "nohost.example" },
      url("/c"),
    ]);
    expect(parse("/a|example.com/b")).toEqual([{ kind: "malformed", text: "/a" }, url("/b")]);
  });

  it("PRG-05 finds nothing in nothing", () => {
    for (const text of ["", "|", " | "]) expect(parse(text)).toEqual([]);
    expect(parse("example.com/a|")).toEqual([url("/a")]);
  });

  it("PRG-07 takes %7C for a bar that separates nothing (OPEN 3)", () => {
    expect(parse("example.com/a%7Cb|/c%7cd")).toEqual([url("/a|b"), url("/c|d")]);
  });

  it("PRG-05 takes the text raw, decoded once if its first slash is %2F (OPEN 4)", () => {
    expect(parse("example.com/a%20b%2Fc")).toEqual([url("/a%20b%2Fc")]);
    expect(parse("example.com%2Fa%2520b%7C%2Fc")).toEqual([url("/a%20b"), url("/c")]);
    expect(parse("http:%2F%2Fexample.com/a")).toEqual([url("/a")]);
    expect(parse("example.com%2Fa%zz")).toEqual([{ kind: "unknownHost", host: "example.com%2fa%zz" }]);
  });

  it("PRG-09 bears a million bars", () => {
    expect(parse(`example.com/a${"|".repeat(1_000_000)}`)).toEqual([url("/a")]);
  });
});

describe("what a call does to a target", () => {
  const options = (changes: Partial<PurgeOptions> = {}): PurgeOptions => ({
    purge2Expire: "NONE",
    rootPurgeExpire: "ON",
    purge: "Normal",
    ...changes,
  });
  const ROOT = pattern("/*");
  const JPG = pattern("/*.jpg");
  const FILE = url("/a.jpg");

  it.each([
    ["NONE", ROOT, "purge"],
    ["NONE", FILE, "purge"],
    ["ROOT", ROOT, "expire"],
    ["ROOT", JPG, "purge"],
    ["ROOT", FILE, "purge"],
    ["PATTERN", ROOT, "expire"],
    ["PATTERN", JPG, "expire"],
    ["PATTERN", FILE, "purge"],
    ["ALL", FILE, "expire"],
  ] as const)("PRG-01 with Purge2Expire %s turns a purge of %j into %s", (purge2Expire, target, expected) => {
    expect(decidePurge("purge", target, options({ purge2Expire }))).toBe(expected);
  });

  it.each([
    ["ON", "purge", "expire"],
    ["PURGE", "purge", "refused"],
    ["EXPIRE", "refused", "expire"],
    ["OFF", "refused", "refused"],
  ] as const)("PRG-02 with RootPurgeExpire %s: purge → %s, expire → %s (A6)", (rootPurgeExpire, purge, expire) => {
    expect(decidePurge("purge", ROOT, options({ rootPurgeExpire }))).toBe(purge);
    expect(decidePurge("expire", ROOT, options({ rootPurgeExpire }))).toBe(expire);
    expect(decidePurge("purge", JPG, options({ rootPurgeExpire }))).toBe("purge");
    expect(decidePurge("expire", FILE, options({ rootPurgeExpire }))).toBe("expire");
    expect(decidePurge("hardpurge", ROOT, options({ rootPurgeExpire }))).toBe("hardpurge");
    expect(decidePurge("expireafter", ROOT, options({ rootPurgeExpire }))).toBe("expireafter");
  });

  it("PRG-02 judges the verb as asked for, before PRG-01 converts it (OPEN 1, reading A)", () => {
    expect(decidePurge("purge", ROOT, options({ rootPurgeExpire: "PURGE", purge2Expire: "ROOT" }))).toBe("expire");
    expect(decidePurge("purge", ROOT, options({ rootPurgeExpire: "EXPIRE", purge2Expire: "ALL" }))).toBe("refused");
  });

  it("PRG-25 makes Hard of what remains a purge (OPEN 8)", () => {
    expect(decidePurge("purge", FILE, options({ purge: "Hard" }))).toBe("hardpurge");
    expect(decidePurge("purge", FILE, options({ purge: "Hard", purge2Expire: "ALL" }))).toBe("expire");
    expect(decidePurge("expire", FILE, options({ purge: "Hard" }))).toBe("expire");
  });

  it("PRG-16 does nothing while all origins are excluded, but for PRG-20 and PRG-23", () => {
    expect(decidePurge("purge", FILE, options(), true)).toBe("refused");
    expect(decidePurge("expire", FILE, options(), true)).toBe("refused");
    expect(decidePurge("expireafter", FILE, options(), true)).toBe("expireafter");
    expect(decidePurge("hardpurge", FILE, options(), true)).toBe("hardpurge");
    expect(decidePurge("purge", FILE, options({ purge: "Hard" }), true)).toBe("hardpurge");
  });

  it("PRG-12 does nothing to a host that nobody serves", () => {
    expect(decidePurge("purge", { kind: "unknownHost", host: "x" }, options())).toBe("refused");
  });
});
