import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileKeyRules, compileUrlRewrites } from "../src/index.ts";
import { vhostWith } from "./settings.ts";

const rewrite = (url: string, ...rules: readonly (readonly [pattern: string, replace: string])[]): string =>
  compileUrlRewrites(rules.map(([pattern, replace]) => ({ pattern, replace })))(url);

describe("ORG-41: URLRewrite towards the origin", () => {
  it.each([
    ["a capture", "/download/(.*)", "/#1", "/download/1.3.4", "/1.3.4"],
    [
      "the query string too",
      "/img/(.*\\.(jpg|png).*)",
      "/#1/STON/composite/watermark1",
      "/img/image.jpg?date=20140326",
      "/image.jpg?date=20140326/STON/composite/watermark1",
    ],
    ["no match", "/download/(.*)", "/#1", "/a/b", "/a/b"],
    [
      "the whole URL (VHT-06)",
      "/(.*)_(.*)_(.*)",
      "/x#0/#1/#2/#3",
      "/video.mp4_10_20",
      "/x/video.mp4_10_20/video.mp4/10/20",
    ],
    ["a match in the middle replaces all of it (VHT-07)", "b/c", "/new", "/a/b/c/d", "/new"],
    ["a group that took no part", "/a(x)?", "/b#1c", "/a", "/bc"],
    ["`?&` (VHT-12)", "/p/(.*)\\.(mp3|m4a)$", "/#1.#2?&end=30&boost=10", "/p/audio.m4a", "/audio.m4a?end=30&boost=10"],
    ["a sharp that names no group", "/a", "/b#c", "/a", "/b%23c"],
    ["characters that no target may hold", "/a", "/b c\u00e9\u20ac", "/a", "/b%20c%C3%A9%E2%82%AC"],
    ["a result without its slash", "/a/(.*)", "#1", "/a/b", "/b"],
    ["a sign that other languages expand", "/a/(.*)", "/$1$&#1", "/a/b", "/$1$&b"],
  ])("%s", (_, pattern, replace, url, expected) => expect(rewrite(url, [pattern, replace])).toBe(expected));

  it("takes the first rule that matches, and no other after it", () => {
    const rules = [
      ["^/c", "/1"],
      ["^/a", "/b"],
      ["^/b", "/c"],
    ] as const;
    expect(["/a", "/b", "/c", "/d"].map((url) => rewrite(url, ...rules))).toEqual(["/b", "/c", "/1", "/d"]);
  });

  it("leaves every URL as it is without rules", () => {
    fc.assert(fc.property(fc.webPath(), (url) => rewrite(url) === url));
  });

  it("makes a target of whatever it is given", () => {
    const target = fc.stringMatching(/^\/[\x21-\x7e]{0,20}$/);
    const rule = fc.tuple(fc.constantFrom("(.*)", "/(.)(.*)", "a|b", "$"), fc.string());
    fc.assert(
      fc.property(target, rule, (url, [pattern, replace]) => /^\/[\x21-\x7e]*$/.test(rewrite(url, [pattern, replace]))),
    );
  });
});

describe("the URL sent to the origin (OPEN 13)", () => {
  const rules = (wholeClientRequest: boolean) =>
    compileKeyRules(
      vhostWith({
        options: { caseSensitive: false, applyQueryString: false },
        originOptions: {
          wholeClientRequest,
          urlRewrites: [
            { pattern: "^/Img/(.*)", replace: "/client/#1" },
            { pattern: "^/img/(.*)", replace: "/key/#1" },
          ],
        },
      }),
    );

  it("ORG-41 rewrites the key's URL, and the key stays", () => {
    const url = rules(false).canonicalUrl("/Img/A.png?x=1");
    expect([url, rules(false).originTarget("/Img/A.png?x=1", url)]).toEqual(["/img/a.png", "/key/a.png"]);
  });

  it("VHT-17 ORG-41 has priority over WholeClientRequest: its URL is what is rewritten", () => {
    expect(rules(true).originTarget("/Img/A.png?x=1", "/img/a.png")).toBe("/client/A.png?x=1");
    expect(rules(true).originTarget("http://www.example.com/Img/A.png", "/img/a.png")).toBe("/client/A.png");
  });
});
