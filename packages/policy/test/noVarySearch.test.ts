import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuery, parseNoVarySearch } from "../src/index.ts";

const canonical = (value: string, url: string): string => {
  const rule = parseNoVarySearch(value);
  return rule === undefined ? url : canonicalQuery(url, rule);
};

describe("No-Vary-Search", () => {
  it.each([
    ["key-order", "/a?b=2&a=1&b=1", "/a?a=1&b=2&b=1"],
    ["params", "/a?b=2&a=1", "/a"],
    ['params=("b")', "/a?b=2&a=1&B=3", "/a?a=1&B=3"],
    ['params, except=("a")', "/a?b=2&a=1", "/a?a=1"],
    ['key-order, params=("utm_source")', "/?z=1&utm_source=x&a", "/?a=&z=1"],
    ["params=()", "/a?b=2&a=1", "/a?b=2&a=1"],
    ['params=("a+b%C3%A4")', "/?a%20b%c3%a4=1&c", "/?c="],
    ['params=("a&b")', "/?a%26b=1&a=2", "/?a=2"],
    ["params, key-order=?0", "/x", "/x"],
  ])("%s makes %s %s", (value, url, expected) => expect(canonical(value, url)).toBe(expected));

  it.each([
    undefined,
    "",
    "params,",
    "key-order=1",
    "key-order=?0",
    "params=?0",
    "params=1",
    "params=(a)",
    "params=(1)",
    'except=("a")',
    'params=("a"), except=("b")',
    'params=?0, except=("a")',
    "params, except",
    "params, except=(a)",
    "unknown",
  ])("`%s` tells all query strings apart", (value) => expect(parseNoVarySearch(value)).toBeUndefined());

  const rule = fc.constantFrom(
    "key-order",
    "params",
    'params=("a")',
    'params, except=("a" "b")',
    'key-order, params=("b")',
  );
  const name = fc.constantFrom("a", "b", "c", "a b", "%", "ä");
  const pairs = fc.array(fc.tuple(name, fc.string({ maxLength: 3 })), { maxLength: 5 });
  const urlOf = (list: readonly (readonly [string, string])[]) => {
    const query = new URLSearchParams();
    for (const [key, value] of list) query.append(key, value);
    return `/p?${query}`;
  };

  it("makes URLs equal exactly when what counts of them is equal", () => {
    const counting = (value: string, list: readonly (readonly [string, string])[]): string => {
      const isKept = (key: string): boolean => {
        if (value === "params") return false;
        if (value.includes("except")) return key === "a" || key === "b";
        return !value.includes(`"${key}"`);
      };
      const kept = list.filter(([key]) => isKept(key));
      if (!value.startsWith("key-order")) return JSON.stringify(kept);
      const byName = Map.groupBy(kept, ([key]) => key);
      return JSON.stringify([...byName.keys()].toSorted().map((key) => byName.get(key)));
    };
    fc.assert(
      fc.property(rule, pairs, pairs, (value, left, right) => {
        const isSame = counting(value, left) === counting(value, right);
        expect(canonical(value, urlOf(left)) === canonical(value, urlOf(right))).toBe(isSame);
      }),
    );
  });

  it("changes its own results no further, whatever the query string", () => {
    const query = fc.string({ unit: fc.constantFrom(..."ab=&%2;+?\xe4#"), maxLength: 12 });
    fc.assert(
      fc.property(rule, query, (value, text) => {
        const once = canonical(value, `/p?${text}`);
        expect(canonical(value, once)).toBe(once);
      }),
    );
  });
});
