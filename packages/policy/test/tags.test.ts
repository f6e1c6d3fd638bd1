import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { selectClientFields } from "../src/clientFields.ts";
import { compileSharedCacheRules } from "../src/sharedCacheRules.ts";
import { selectStoredFields, updateStoredFields } from "../src/storedFields.ts";
import { LONGEST_TAG, MOST_TAG_CHARACTERS, MOST_TAGS, tagsIn, withoutTagFields, withTags } from "../src/tags.ts";
import { vhostWith } from "./settings.ts";

const NAMES = ["surrogate-key", "cache-tag"];
const tagsOf = (...fields: string[]) => tagsIn(withTags(fields, NAMES));

describe("tags of a response", () => {
  it.each([
    [["Surrogate-Key", "a b  c"], "a b c"],
    [["Cache-Tag", "a,b , c"], "a b c"],
    [["Surrogate-Key", "a,b c"], "a,b c"],
    [["Cache-Tag", "a", "CACHE-TAG", "b", "surrogate-key", "a c"], "a b c"],
    [["Cache-Tag", "A,a"], "A a"],
    [["Cache-Tag", " , ,"], ""],
    [["X-Tag", "a"], ""],
    [["Basalt-Tags", "forged"], ""],
  ])("%j: `%s`", (fields, expected) => {
    expect(tagsOf(...fields)).toBe(expected);
  });

  it("are bounded in number and length", () => {
    expect(
      tagsOf("Cache-Tag", Array.from({ length: MOST_TAGS + 9 }, (_, index) => `t${index}`).join()).split(" "),
    ).toHaveLength(MOST_TAGS);
    expect(tagsOf("Cache-Tag", `${"x".repeat(LONGEST_TAG + 1)},kept`)).toBe("kept");
    const long = Array.from({ length: 20 }, (_, index) => `${index}${"y".repeat(1000)}`).join();
    expect(tagsOf("Cache-Tag", long).length).toBeLessThanOrEqual(MOST_TAG_CHARACTERS);
  });

  it("stand in one field that is stored by both profiles and never sent, whatever else is kept", () => {
    const received = withTags(["Content-Type", "text/plain", "Surrogate-Key", "a b", "X-Own", "1"], NAMES);
    const guide = selectStoredFields(received, { originalHeader: false, originalETag: false });
    expect(guide).toEqual(["Content-Type", "text/plain", "Basalt-Tags", "a b"]);
    const shared = compileSharedCacheRules(vhostWith({ options: { cachingProfile: "rfc9111" } })).storedFields(
      received,
      0,
    );
    expect(tagsIn(shared)).toBe("a b");
    const { options } = vhostWith({});
    const clientOptions = { ...options, originalHeader: true, originalETag: false };
    const stored = { fields: guide, storedAtMs: 0, sizeBytes: 1 };
    expect(selectClientFields(stored, clientOptions, { name: "Basalt", version: "1" }).join()).not.toMatch(
      /basalt-tags|a b/i,
    );
  });

  it("are replaced by those that a 304 brings, and stay where it brings none", () => {
    const options = { originalHeader: false, originalETag: false };
    const stored = ["Basalt-Tags", "a b"];
    expect(tagsIn(updateStoredFields(stored, withTags(["Cache-Tag", "c"], NAMES), options))).toBe("c");
    expect(tagsIn(updateStoredFields(stored, withTags(["Date", "x"], NAMES), options))).toBe("a b");
  });

  it("leave a response without them as it is, and one that is relayed without their fields", () => {
    const plain = ["Content-Type", "text/plain", "Content-Range", "x"];
    expect(withTags(plain, NAMES)).toBe(plain);
    expect(withoutTagFields(plain, NAMES)).toBe(plain);
    expect(withoutTagFields([...plain, "Cache-Tag", "a", "Basalt-Tags", "b"], NAMES)).toEqual(plain);
    const passed = ["Surrogate-Key", "a"];
    expect(withTags(passed, [])).toBe(passed);
  });

  it("are whole words whatever an origin sends", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("Surrogate-Key", "Cache-Tag", "Other"), fc.string())), (lines) => {
        const tags = tagsOf(...lines.flat());
        if (tags !== "") for (const tag of tags.split(" ")) expect(tag).toMatch(/^[^ \t]+$/);
        expect(new Set(tags.split(" ")).size).toBe(tags.split(" ").length);
      }),
    );
  });
});
