import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listedFiles } from "../../src/media/listedFiles.ts";

describe("several films in one path", () => {
  it.each([
    ["/a.mp4,b.mp4", ["/a.mp4", "/b.mp4"]],
    ["/dir/a.mp4,b.mp4,c.m4a", ["/dir/a.mp4", "/dir/b.mp4", "/dir/c.m4a"]],
    ["/dir/a.mp4,low/b.MP4", ["/dir/a.mp4", "/dir/low/b.MP4"]],
    ["/dir/a.mp4,b.mp4,a.mp4", ["/dir/a.mp4", "/dir/b.mp4"]],
    ["/dir/a.mp4,a.mp4", ["/dir/a.mp4"]],
    ["/x,y/a.mp4,b.mp4", ["/x,y/a.mp4", "/x,y/b.mp4"]],
    ["/one,two.mp4,three,four.mp4", ["/one,two.mp4", "/three,four.mp4"]],
    ["/a%2C.mp4,%62.mp4", ["/a%2C.mp4", "/%62.mp4"]],
    ["/a.mp3,b.mp4,c.mp4", ["/a.mp3,b.mp4", "/c.mp4"]],
  ])("reads %s", (path, files) => {
    expect(listedFiles(path)).toEqual(files);
  });

  it.each(["/a.mp4", "/x,y/a.mp4", "/a,1.mp4", "/a.mp3,b.mp4", "/a.mp4,", "/a.mp4,b", "", ","])(
    "takes %s for one file",
    (path) => {
      expect(listedFiles(path)).toBeUndefined();
    },
  );

  it.each([
    "/dir/a.mp4,../b.mp4",
    "/dir/a.mp4,x/../../b.mp4",
    "/dir/a.mp4,%2e%2e/b.mp4",
    "/dir/a.mp4,%2E.%2fb.mp4",
    "/dir/a.mp4,..\\b.mp4",
    "/dir/a.mp4,x%5c..%5cb.mp4",
    "/dir/a.mp4,%ff/../b.mp4",
    "/dir/a.mp4,/b.mp4",
  ])("has nothing of %s, which leads out of the folder", (path) => {
    expect(listedFiles(path)).toEqual([]);
  });

  it("has up to eight", () => {
    const names = Array.from({ length: 9 }, (_, index) => `${index}.mp4`);
    expect(listedFiles(`/${names.slice(0, 8).join(",")}`)).toHaveLength(8);
    expect(listedFiles(`/${names.join(",")}`)).toEqual([]);
  });

  it("ends on any path: files in the folder of the first, each once, that give the list again", () => {
    const piece = fc.constantFrom("/", ",", ".mp4", ".m4a", "a", "b", "..", "%2e", "%2f", "\\", "x/");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const path = `/${pieces.join("")}`;
        const files = listedFiles(path);
        if (files === undefined || files.length === 0) return;
        const [first = ""] = files;
        const folder = first.slice(0, first.lastIndexOf("/") + 1);
        expect(path.startsWith(first)).toBe(true);
        expect(new Set(files).size).toBe(files.length);
        for (const file of files) expect(file.startsWith(folder) && /\.m(p4|4a)$/.test(file)).toBe(true);
        const names = files.map((file) => file.slice(folder.length));
        for (const name of path.slice(folder.length).split(",")) expect(names.join(",")).toContain(name);
        expect(files.length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads long paths in time that grows with their length", () => {
    expect(listedFiles(`/${"a,".repeat(200_000)}b.mp4`)).toBeUndefined();
  });
});
