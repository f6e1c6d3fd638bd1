import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EntityTag, parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from "../src/index.ts";

const tag = (text: string): EntityTag => parseEntityTag(text) ?? expect.fail(`${text} is no entity tag`);

describe("entity tags", () => {
  it.each([
    ['"a"', { weak: false, opaque: '"a"' }],
    ['W/"a"', { weak: true, opaque: '"a"' }],
    ['""', { weak: false, opaque: '""' }],
    ['"a,\\"', { weak: false, opaque: '"a,\\"' }],
    ['"\xe4"', { weak: false, opaque: '"\xe4"' }],
  ])("reads %s", (text, expected) => {
    expect(parseEntityTag(text)).toEqual(expected);
  });

  it.each(["", "a", '"a', 'a"', 'w/"a"', 'W / "a"', '"a b"', '"a"b"', ' "a"', '"\n"'])("refuses `%s`", (text) => {
    expect(parseEntityTag(text)).toBeUndefined();
  });

  it.each([
    ['"1"', '"1"', true, true],
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"2"', false, false],
  ])("compares %s and %s", (left, right, strong, weak) => {
    expect([strongMatch(tag(left), tag(right)), weakMatch(tag(left), tag(right))]).toEqual([strong, weak]);
  });

  it("leaves out malformed members of a list", () => {
    expect(parseEntityTagList('a, "b", W/c ,W/"d","e" "f", "g"')).toEqual([tag('"b"'), tag('W/"d"'), tag('"g"')]);
    expect(parseEntityTagList(" * ")).toBe("*");
    expect(parseEntityTagList('*, "a"')).toEqual([tag('"a"')]);
    expect(parseEntityTagList("")).toEqual([]);
  });

  it("gives any list back as written", () => {
    const etagc = fc.constantFrom(..."!#$,;*/\\abcWxyz019~\x80\xff");
    const tags = fc.array(
      fc.record({ weak: fc.boolean(), opaque: fc.string({ unit: etagc }).map((text) => `"${text}"`) }),
    );
    fc.assert(
      fc.property(tags, fc.constantFrom(",", ", ", " ,\t"), (list, separator) => {
        const text = list.map(({ weak, opaque }) => `${weak ? "W/" : ""}${opaque}`).join(separator);
        expect(parseEntityTagList(text)).toEqual(list);
      }),
    );
  });
});
