import type { ClientRewrite } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCandidates } from "../src/candidates.ts";
import { compileClientRewriter } from "../src/index.ts";

const rule = (pattern: string, replace: string, accessLog: ClientRewrite["accessLog"] = "Replace"): ClientRewrite => ({
  pattern,
  replace,
  accessLog,
});

/** Host and target joined, as the examples are written. */
const rewrite = (url: string, ...rules: readonly ClientRewrite[]): string => {
  const slash = url.indexOf("/");
  const made = compileClientRewriter(rules)?.(url.slice(0, slash), url.slice(slash));
  return made === undefined ? "unchanged" : `${made.host}${made.target}`;
};

const IMAGES = "img/(.*\\.(jpg|png).*)";

describe("URLRewrite of client requests", () => {
  it.each([
    [
      "VHT-E1",
      "www.exmaple.com/([^/]+)/(.*)",
      "#1.exmaple.com/#2",
      "www.exmaple.com/baseball/logo.jpg",
      "baseball.exmaple.com/logo.jpg",
    ],
    [
      "STAT-91: the hosts of one view, each below its name",
      "sports.com/([^/]+)/(.*)",
      "#1.com/#2",
      "sports.com/baseball/standing/list.html",
      "baseball.com/standing/list.html",
    ],
    [
      "VHT-E2",
      "example.com/([^/]+)/(.*)",
      "example.com/#1.php?id=#2",
      "example.com/releasenotes/1.3.4",
      "example.com/releasenotes.php?id=1.3.4",
    ],
    [
      "VHT-E3",
      "example.com/download/(.*)",
      "download.example.com/#1",
      "example.com/download/1.3.4",
      "download.example.com/1.3.4",
    ],
    [
      "VHT-E4, VHT-16",
      `example.com/${IMAGES}`,
      "example.com/#1/STON/composite/watermark1",
      "example.com/img/image.jpg?date=20140326",
      "example.com/image.jpg?date=20140326/STON/composite/watermark1",
    ],
    [
      "VHT-E5, VHT-12",
      "example.com/preview/(.*)\\.(mp3|mp4|m4a)$",
      "example.com/#1.#2?&end=30&boost=10&bandwidth=2000&ratio=100",
      "example.com/preview/audio.m4a",
      "example.com/audio.m4a?end=30&boost=10&bandwidth=2000&ratio=100",
    ],
    [
      "VHT-E6",
      "example.com/(.*)\\.mp4\\.m3u8$",
      "example.com/#1.mp4/mp4hls/index.m3u8",
      "example.com/video.mp4.m3u8",
      "example.com/video.mp4/mp4hls/index.m3u8",
    ],
    [
      "VHT-E7",
      "example.com/(.*)_(.*)_(.*)",
      "example.com/#0/#1/#2/#3",
      "example.com/video.mp4_10_20",
      "example.com/example.com/video.mp4_10_20/video.mp4/10/20",
    ],
    [
      "VHT-E8",
      `^image.example.com/${IMAGES}`,
      "image.example.com/#1/STON/composite/watermark1",
      "image.example.com/img/a.jpg",
      "image.example.com/a.jpg/STON/composite/watermark1",
    ],
    [
      "VHT-E8, VHT-14 with ^",
      `^image.example.com/${IMAGES}`,
      "image.example.com/#1",
      "myimage.example.com/img/a.jpg",
      "unchanged",
    ],
    [
      "VHT-14 without ^",
      `image.example.com/${IMAGES}`,
      "image.example.com/#1",
      "myimage.example.com/img/a.jpg",
      "image.example.com/a.jpg",
    ],
    ["VHT-E9", "sports.com/(.*)/(.*)", "#1.com/#2", "sports.com/baseball/list.html", "baseball.com/list.html"],
    [
      "VHT-E9, greedy (OPEN A)",
      "sports.com/(.*)/(.*)",
      "#1.com/#2",
      "sports.com/baseball/standing/list.html",
      "baseball/standing.com/list.html",
    ],
    ["VHT-06, a group that took no part", "a.com/(x)?y", "b.com/#1z", "a.com/y", "b.com/z"],
    ["VHT-07, a match in the middle", "com/b", "b.com/new", "a.com/b/c?d", "b.com/new"],
    ["VHT-07, a host alone", "a.com/.*", "b.com", "a.com/b", "b.com/"],
    ["VHT-07, a path alone", "a.com/(.*)", "/x/#1", "a.com/b", "/x/b"],
    ["VHT-07, a query string behind the host", "a.com/(.*)", "b.com?#1", "a.com/b", "b.com/?b"],
    ["VHT-04, no decoding", "a.com/a b", "b.com/", "a.com/a%20b", "unchanged"],
  ])("%s", (_, pattern, replace, url, expected) => {
    expect(rewrite(url, rule(pattern, replace))).toBe(expected);
  });

  it("VHT-03 applies the first rule that matches, and no other to its result", () => {
    const rules = [rule("^a.com/", "b.com/"), rule("^b.com/", "c.com/"), rule("^a.com/x", "d.com/")];
    expect(["a.com/x", "b.com/x", "d.com/x"].map((url) => rewrite(url, ...rules))).toEqual([
      "b.com/",
      "c.com/",
      "unchanged",
    ]);
  });

  it("VHT-10 says of each rule which URL is logged", () => {
    const rewriter = compileClientRewriter([rule("^a.com", "x.com/", "Pattern"), rule("^b.com", "x.com/")]);
    expect([rewriter?.("a.com", "/")?.isLoggedAsAsked, rewriter?.("b.com", "/")?.isLoggedAsAsked]).toEqual([
      true,
      false,
    ]);
  });

  it("VHT-01 costs nothing without rules", () => expect(compileClientRewriter([])).toBeUndefined());

  it("gives the same answer again, from memory or not", () => {
    const rewriter = compileClientRewriter([rule("^a.com/(.*)", "b.com/#1")]);
    const targets = Array.from({ length: 5_000 }, (_, index) => `/${index % 4_500}`);
    expect(targets.every((target) => rewriter?.("a.com", target)?.target === target)).toBe(true);
    expect(targets.every((target) => rewriter?.("z.com", target) === undefined)).toBe(true);
    const long = `/${"x".repeat(8_000)}`;
    expect(rewriter?.("a.com", long)).toEqual({ host: "b.com", target: long, isLoggedAsAsked: false });
  });

  it("compares of thousands of rules those whose text is in the URL, and finds what all would find", () => {
    const names = fc.constantFrom(
      "abcd",
      "abce",
      "bcd",
      "xabcdx",
      "a.cd",
      "(?i)ABCD",
      "[a]bcd",
      "(abcd|bbbb)",
      "ab(cd)+",
    );
    const url = fc.stringMatching(/^\/[a-ex]{0,12}$/);
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 12 }), url, (patterns, target) => {
        const rules = patterns.map((pattern, index) => rule(pattern, `r${index}/`));
        const expected = rules.find((each) => rewrite(`h${target}`, each) !== "unchanged");
        const index = expected === undefined ? undefined : rules.indexOf(expected);
        expect(rewrite(`h${target}`, ...rules)).toBe(index === undefined ? "unchanged" : `r${index}/`);
      }),
      { numRuns: 500 },
    );
    const many = Array.from({ length: 3_000 }, (_, index) => [`old.example.com/path${index}/`]);
    expect([...compileCandidates(many)("old.example.com/path1234/a.html")]).toContain(1_234);
    expect([...compileCandidates(many)("old.example.com/path1234/a.html")].length).toBeLessThan(40);
  });
});
