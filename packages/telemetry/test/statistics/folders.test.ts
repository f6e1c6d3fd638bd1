import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { folderOf } from "../../src/index.ts";
import { withAncestors } from "../../src/statistics/subjects.ts";

describe("the folder of a path", () => {
  it.each([
    ["/img/detail/a.jpg", 0, "/"],
    ["/img/detail/a.jpg", 1, "/img"],
    ["/img/detail/a.jpg", 2, "/img/detail"],
    ["/img/detail/a.jpg", 9, "/img/detail"],
    ["/a.jpg", 3, "/"],
    ["/", 3, "/"],
    ["//x/y", 2, "//x"],
    ["*", 2, "/"],
    ["", 2, "/"],
  ])("STAT-11 of %s down to depth %i is %s", (path, depth, folder) => {
    expect(folderOf(path, depth)).toBe(folder);
  });

  it("STAT-12 lies in all its ancestors", () => {
    expect(withAncestors("/a/b/c")).toEqual(["/a/b/c", "/a/b", "/a", "/"]);
    expect(withAncestors("/")).toEqual(["/"]);
    expect(withAncestors("*")).toEqual(["*", "/"]);
  });

  it("is a beginning of any path, and its own folder", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(5), (text, depth) => {
        const folder = folderOf(`/${text}`, depth);
        expect(folder === "/" || `/${text}`.startsWith(`${folder}/`)).toBe(true);
        expect(withAncestors(folder).at(-1)).toBe("/");
      }),
    );
  });
});
