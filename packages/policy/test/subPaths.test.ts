import type { SubPath } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { compileSubPaths, followSubPaths, type SubPathStation } from "../src/index.ts";

const SPORTS: readonly SubPath[] = [
  { vhost: "baseball.com", path: "/baseball/" },
  { vhost: "football.com", path: "/football/" },
  { vhost: "photo.com", path: "/*.jpg" },
];

describe("Sub", () => {
  it.each([
    ["/baseball/index.html", "baseball.com"],
    ["/football/rank.html", "football.com"],
    ["/rank.jpg", "photo.com"],
    ["/toprank.html", undefined],
    ["/baseball/a.jpg", "baseball.com"],
    ["/baseball", undefined],
    ["/baseballs/x", undefined],
    ["/a/b/c.jpg", "photo.com"],
    ["/.jpg", "photo.com"],
    ["/a.jpg.txt", undefined],
  ])("VHT-32, VHT-34: %s goes to %s", (path, expected) => expect(compileSubPaths(SPORTS)?.(path)).toBe(expected));

  it("VHT-34 takes a pattern with / at its end for the beginning of paths", () => {
    const paths = compileSubPaths([{ vhost: "b", path: "/a*/" }]);
    expect(["/a1/x", "/a/", "/a", "/b/a/"].map((path) => paths?.(path))).toEqual(["b", "b", undefined, undefined]);
  });

  it("VHT-31 costs nothing without entries", () => expect(compileSubPaths([])).toBeUndefined());

  const stationsOf = (paths: Readonly<Record<string, readonly SubPath[]>>) => {
    const stations = new Map<string, SubPathStation>(
      Object.entries(paths).map(([name, entries]) => [name, { vhost: { name, subPaths: compileSubPaths(entries) } }]),
    );
    return (first: string, path: string): string | undefined => {
      const station = stations.get(first);
      return station && followSubPaths(station, path, (name) => stations.get(name))?.vhost.name;
    };
  };

  it("VHT-37 goes on in the host that it comes to, and visits none twice", () => {
    const follow = stationsOf({
      a: [{ vhost: "b", path: "/x/" }],
      b: [{ vhost: "c", path: "/x/y/" }],
      c: [{ vhost: "a", path: "/x/y/z/" }],
      self: [{ vhost: "self", path: "/*" }],
    });
    expect(follow("a", "/x/1")).toBe("b");
    expect(follow("a", "/x/y/1")).toBe("c");
    expect(follow("a", "/x/y/z/1")).toBe("c");
    expect(follow("c", "/x/y/z/1")).toBe("b");
    expect(follow("self", "/q")).toBe("self");
  });

  it("VHT-32 has no answer where the named host is not served", () => {
    expect(stationsOf({ a: [{ vhost: "gone", path: "/x/" }] })("a", "/x/1")).toBeUndefined();
  });
});
