import { describe, expect, it } from "vitest";
import { cacheStatusMember } from "../src/index.ts";

describe("Cache-Status (RFC 9211)", () => {
  it.each([
    [{ outcome: "hit", ttlSeconds: 30.9 }, "Basalt; hit; ttl=30"],
    [{ outcome: "hit", ttlSeconds: -412.2, isStored: true }, "Basalt; hit; ttl=-412"],
    [{ outcome: "uri-miss", isStored: true, isCollapsed: true }, "Basalt; fwd=uri-miss; stored; collapsed"],
    [{ outcome: "stale", fwdStatus: 304, ttlSeconds: 5 }, "Basalt; fwd=stale; fwd-status=304; ttl=5"],
    [{ outcome: "bypass", isStored: false }, "Basalt; fwd=bypass"],
    [{ outcome: "hit", key: '/a"b\n\xe4', detail: "memory" }, 'Basalt; hit; key="/a\\"b"; detail=memory'],
    [{ outcome: "miss", detail: "two words" }, 'Basalt; fwd=miss; detail="two words"'],
  ] as const)("says of %j: %s", (status, expected) => {
    expect(cacheStatusMember({ cacheName: "Basalt", ...status })).toBe(expected);
  });

  it("names a cache by a string where the name is no token", () => {
    expect(cacheStatusMember({ cacheName: "edge 1", outcome: "hit" })).toBe('"edge 1"; hit');
  });
});
