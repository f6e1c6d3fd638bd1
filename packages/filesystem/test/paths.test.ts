import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasDot, isHostName, mountedPathOf } from "../src/paths.ts";

describe("paths of the mount", () => {
  it.each([
    ["FS-15", "example.com/ston.jpg", "example.com", "/ston.jpg"],
    ["FS-15", "EXAMPLE.com/A.jpg", "example.com", "/A.jpg"],
    ["FS-18", "example.com", "example.com", undefined],
    ["FS-50", "www.example.com/video.mp4?start=0&end=60", "www.example.com", "/video.mp4?start=0&end=60"],
    ["FS-51", "image.winesoft.com/img.jpg^12AB^resize^500x500^", "image.winesoft.com", "/img.jpg/12AB/resize/500x500/"],
    ["FS-51", "www.winesoft.com/video.mp4^mp4hls^index.m3u8", "www.winesoft.com", "/video.mp4/mp4hls/index.m3u8"],
    ["FS-52", "a.com/one^two^three^ston.jpg", "a.com", "/one/two/three/ston.jpg"],
    ["FS-15", "a.com/a b#c\xff%20.jpg", "a.com", "/a%20b%23c%FF%20.jpg"],
    ["FS-15", "a.com/a\r\nHost: b", "a.com", "/a%0D%0AHost:%20b"],
  ])("%s %s", (_, path, host, target) => {
    expect(mountedPathOf(path, "^")).toEqual({ host, target });
  });

  it("FS-04 another separator", () => {
    expect(mountedPathOf("a.com/b~c^d", "~").target).toBe("/b/c^d");
  });

  it("FS-15 whatever a path holds, its target can stand in a request line", () => {
    const names = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(names, (name) => {
        const { target } = mountedPathOf(`a.com/${name}`, "^");
        expect(target).toMatch(/^\/[!"$-~]*$/);
      }),
    );
  });

  it("FS-33 the whole path behind the host counts", () => {
    expect([hasDot("/v1.2/dir"), hasDot("/one/two"), hasDot("/a.jpg")]).toEqual([true, false, true]);
  });

  it.each(["a b", "a\r\nb", "", "a/b", "é", "a".repeat(256)])("FS-16 %j is no host", (host) => {
    expect(isHostName(host)).toBe(false);
  });
});
