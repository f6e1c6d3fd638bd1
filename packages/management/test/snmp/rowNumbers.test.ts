import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignNumbers, consecutiveRows, numberedRows } from "../../src/snmp/rowNumbers.ts";

const NOBODY: ReadonlyMap<string, number> = new Map();

const named = (...names: readonly string[]) => names.map((name) => ({ name, fixed: undefined }));

/** Configurations one after the other. */
const after = (...loads: readonly (readonly string[])[]) =>
  Object.fromEntries(loads.reduce((known, names) => assignNumbers(known, named(...names)).numbers, NOBODY));

describe("indexes of virtual hosts and views", () => {
  it("SNMP-20 SNMP-27 are given in load order", () => {
    expect(after(["kim", "lee", "park"])).toEqual({ kim: 1, lee: 2, park: 3 });
  });

  it("SNMP-21 SNMP-22 SNMP-23 SNMP-A3 REG-287 are kept for life, reused lowest first, and deletions go before additions", () => {
    const first = ["kim", "lee", "park"];
    expect(after(first, ["kim", "park"])).toEqual({ kim: 1, park: 3 });
    expect(after(first, ["kim", "park"], ["kim", "park", "choi"])).toEqual({ kim: 1, choi: 2, park: 3 });
    expect(after(first, ["kim", "park"], ["kim", "park", "choi"], ["ahn", "choi", "park", "moon"])).toEqual({
      ahn: 1,
      choi: 2,
      park: 3,
      moon: 4,
    });
  });

  it("SNMP-24 SNMP-25 a StaticIndex wins, and automatic numbers go around it", () => {
    const { numbers, refused, moved } = assignNumbers(NOBODY, [
      { name: "a", fixed: undefined },
      { name: "park.com", fixed: 10_300 },
      { name: "b", fixed: 2 },
      { name: "c", fixed: undefined },
    ]);
    expect(Object.fromEntries(numbers)).toEqual({ a: 1, "park.com": 10_300, b: 2, c: 3 });
    expect([refused, moved]).toEqual([[], []]);
  });

  it("SNMP-25 a StaticIndex that an earlier host has is refused, and its host is numbered automatically", () => {
    const wanted = [
      { name: "a", fixed: 5 },
      { name: "b", fixed: 5 },
    ];
    const { numbers, refused } = assignNumbers(NOBODY, wanted);
    expect([Object.fromEntries(numbers), refused]).toEqual([{ a: 5, b: 1 }, ["b"]]);
  });

  it("SNMP-25 a StaticIndex takes the number of a host that had it automatically", () => {
    const { numbers, moved } = assignNumbers(new Map([["a", 1]]), [...named("a"), { name: "b", fixed: 1 }]);
    expect([Object.fromEntries(numbers), moved]).toEqual([{ b: 1, a: 2 }, ["a"]]);
  });

  it("no two things have one number, whatever came before", () => {
    const load = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(..."abcdefgh"),
        fixed: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
      }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(fc.array(load, { maxLength: 6 }), (loads) => {
        let known = NOBODY;
        for (const wanted of loads) {
          const before = known;
          known = assignNumbers(known, wanted).numbers;
          expect([...known.keys()].toSorted()).toEqual(wanted.map(({ name }) => name).toSorted());
          expect(new Set(known.values()).size).toBe(known.size);
          if (wanted.some(({ fixed }) => fixed !== undefined)) continue;
          for (const { name } of wanted) if (before.has(name)) expect(known.get(name)).toBe(before.get(name));
        }
      }),
    );
  });
});

describe("rows of a table", () => {
  it("SNMP-10 SNMP-12 SNMP-28 those asked for are there, and the walk goes to the highest", () => {
    const rows = numberedRows([10_300, 2], 4);
    const walk: number[] = [];
    for (let row = rows.firstFrom(0); row !== undefined; row = rows.firstFrom(row + 1)) walk.push(row);
    expect([walk, rows.count, rows.highest]).toEqual([[1, 2, 3, 4, 10_300], 2, 10_300]);
    expect([1, 5, 10_300, 10_301, 0].map((row) => rows.has(row))).toEqual([true, false, true, false, false]);
  });

  it("SNMP-28 without a count there are those of hosts alone", () => {
    const rows = numberedRows([3, 1], 0);
    expect([rows.firstFrom(0), rows.firstFrom(2), rows.firstFrom(4)]).toEqual([1, 3, undefined]);
    expect(numberedRows([], 0).firstFrom(0)).toBe(undefined);
  });

  it("SNMP-17 disks count from 1", () => {
    const rows = consecutiveRows(3);
    expect([rows.firstFrom(0), rows.firstFrom(3), rows.firstFrom(4), rows.has(99)]).toEqual([1, 3, undefined, false]);
  });
});
