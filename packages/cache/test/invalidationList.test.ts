import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Invalidation, InvalidationAction } from "../src/index.ts";
import { applyInvalidation, InvalidationList, targetMatches } from "../src/invalidations.ts";

const invalidation = (
  version: number,
  target: Invalidation["target"],
  action: InvalidationAction = { kind: "purge" },
): Invalidation => ({ version, vhost: "www.example.com", target, action });

const state = () => ({ version: 1, freshUntilMs: 5000, purged: false, expiredByForce: false });

describe("targets", () => {
  it.each([
    [{ kind: "url", url: "/a" }, "/a", true],
    [{ kind: "url", url: "/a" }, "/a?x", false],
    [{ kind: "url", url: "/a*" }, "/ab", false],
    [{ kind: "collective", url: "/a" }, "/a", true],
    [{ kind: "collective", url: "/a" }, "/a?x", true],
    [{ kind: "collective", url: "/a" }, "/ab", false],
    [{ kind: "pattern", pattern: "/a*" }, "/ab", true],
    [{ kind: "pattern", pattern: "/*" }, "/", true],
    [{ kind: "pattern", pattern: "*.jpg" }, "/a.jpg", true],
    [{ kind: "pattern", pattern: "*.jpg" }, "/a.jpg?x", false],
  ] as const)("%j means %s: %s", (target, url, expected) => {
    expect(targetMatches(target, url)).toBe(expected);
  });
});

describe("actions", () => {
  it.each([
    ["PRG-13 purge keeps the object for restore", { kind: "purge" }, { purged: true, freshUntilMs: 5000 }, true],
    ["PRG-19 expire", { kind: "expire" }, { freshUntilMs: 0, expiredByForce: true, purged: false }, true],
    ["PRG-20 expireafter", { kind: "expireafter", untilMs: 99 }, { freshUntilMs: 99, expiredByForce: false }, true],
    ["PRG-23 hardpurge", { kind: "hardpurge" }, {}, false],
  ] as const)("%s", (_, action, expected, stays) => {
    const object = state();
    expect(applyInvalidation(object, invalidation(2, { kind: "url", url: "/a" }, action))).toBe(stays);
    expect(object).toMatchObject(expected);
  });
});

describe("the list", () => {
  it("gives what is newer than the object, oldest first, exact and by pattern together", () => {
    const list = new InvalidationList();
    list.add(invalidation(5, { kind: "pattern", pattern: "/a*" }));
    list.add(invalidation(3, { kind: "url", url: "/a" }));
    list.add(invalidation(7, { kind: "url", url: "/b" }));
    list.add(invalidation(6, { kind: "collective", url: "/a" }));
    expect(list.latest).toBe(7);
    expect(list.matching("/a", 0).map(({ version }) => version)).toEqual([3, 5, 6]);
    expect(list.matching("/a", 3).map(({ version }) => version)).toEqual([5, 6]);
    expect(list.matching("/c", 0)).toEqual([]);
  });

  it("forgets up to a version and keeps the rest", () => {
    const list = new InvalidationList();
    for (let version = 1; version <= 6; version++) {
      const target =
        version % 2 === 0 ? ({ kind: "url", url: "/a" } as const) : ({ kind: "pattern", pattern: "/*" } as const);
      list.add(invalidation(version, target));
    }
    list.settle(4);
    expect(list.matching("/a", 0).map(({ version }) => version)).toEqual([5, 6]);
    list.settle(6);
    expect(list.size).toBe(0);
  });

  it("agrees with trying every invalidation in turn", () => {
    const paths = fc.constantFrom("/a", "/a?x", "/b", "/ab");
    const targets = fc.oneof(
      paths.map((url) => ({ kind: "url", url }) as const),
      paths.map((url) => ({ kind: "collective", url }) as const),
      fc.constantFrom("/*", "/a*", "*b").map((pattern) => ({ kind: "pattern", pattern }) as const),
    );
    fc.assert(
      fc.property(fc.array(targets), paths, fc.nat(20), fc.nat(20), (wanted, url, since, settled) => {
        const list = new InvalidationList();
        const all = wanted.map((target, index) => invalidation(index + 1, target));
        for (const each of all) list.add(each);
        list.settle(settled);
        const expected = all.filter(
          ({ version, target }) => version > settled && version > since && targetMatches(target, url),
        );
        expect(list.matching(url, since)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
