import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CACHE_KEY_BYTES, computeCacheKey, urlPrefix } from "../../src/diskIndex/cacheKey.ts";

const name = fc.stringMatching(/^[a-z0-9.-]{1,30}$/);
const text = fc.string({ maxLength: 80 });

describe("computeCacheKey", () => {
  it("KEY-01 parts virtual host, URL and variant: any other one gives another key", () => {
    fc.assert(
      fc.property(fc.tuple(name, text, text), fc.tuple(name, text, text), (one, other) => {
        const isSame = one.every((part, index) => part === other[index]);
        expect(computeCacheKey(...one).equals(computeCacheKey(...other))).toBe(isSame);
      }),
    );
  });

  it("KEY-01 does not take the end of a host name for the beginning of a URL", () => {
    expect(computeCacheKey("a.com", "/b", "")).not.toEqual(computeCacheKey("a.com/", "b", ""));
    expect(computeCacheKey("a", "/b", "gzip")).not.toEqual(computeCacheKey("a", "/bgzip", ""));
  });

  it("gives 16 bytes, the same ones every time", () => {
    fc.assert(
      fc.property(name, text, text, (vhost, url, variant) => {
        const key = computeCacheKey(vhost, url, variant);
        expect(key).toHaveLength(CACHE_KEY_BYTES);
        expect(computeCacheKey(vhost, url, variant)).toEqual(key);
      }),
    );
  });

  it("keeps its digests on disk for ever: a known key", () => {
    expect(computeCacheKey("www.example.com", "/index.html", "gzip").toString("hex")).toBe(
      "09752e4ebcf259b51270c8d77bf4d8b1",
    );
  });

  it("begins with the same bytes for all variants of one URL, and with others for other URLs", () => {
    fc.assert(
      fc.property(name, text, text, text, (vhost, url, variant, otherUrl) => {
        const prefix = urlPrefix(vhost, url);
        const hasPrefix = (key: Buffer): boolean => key.subarray(0, prefix.length).equals(prefix);
        expect(hasPrefix(computeCacheKey(vhost, url, variant))).toBe(true);
        expect(hasPrefix(computeCacheKey(vhost, otherUrl, variant))).toBe(otherUrl === url);
      }),
    );
  });
});
