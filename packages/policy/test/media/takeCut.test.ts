import type { Section } from "@basalt/media";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCut, type TrimmingRules } from "../../src/media/takeCut.ts";

const RULES: TrimmingRules = {
  startParam: "start",
  endParam: "end",
  allTracks: false,
  multiParam: "trimming",
  maxRatioPercent: 50,
};

const take = (query: string, rules: Partial<TrimmingRules> = {}, caseSensitive = true) =>
  compileCut({ ...RULES, ...rules }, caseSensitive)(query === "" ? [] : query.split("&"));

const section = (startSeconds?: number, endSeconds?: number): Section => ({ startSeconds, endSeconds });

const single = (startSeconds?: number, endSeconds?: number) => ({
  sections: [section(startSeconds, endSeconds)],
  allTracks: false,
  maxRatioPercent: undefined,
});

describe("a section in a query string", () => {
  it.each([
    ["start=0&end=60", single(0, 60), "start=0&end=60"],
    ["end=60&start=0", single(0, 60), "start=0&end=60"],
    ["end=60", single(undefined, 60), "end=60"],
    ["start=120", single(120), "start=120"],
    ["start=3&end=13", single(3, 13), "start=3&end=13"],
    ["start=1.50&end=007.250", single(1.5, 7.25), "start=1.5&end=7.25"],
    ["start=.5&end=3.", single(0.5, 3), "start=0.5&end=3"],
    ["start=00&end=1", single(0, 1), "start=0&end=1"],
    ["start=1.23456789", single(1.234567), "start=1.234567"],
    ["start=5&start=7", single(7), "start=7"],
    ["start=&end=60", single(undefined, 60), "end=60"],
    ["start=1%30&end=60", single(10, 60), "start=10&end=60"],
    ["st%61rt=10", single(10), "start=10"],
    ["start=10&end=999999999999999", single(10, 999_999_999_999_999), "start=10&end=999999999999999"],
  ])("MEDIA-71 MEDIA-72 MEDIA-74 reads %s", (query, cut, canonical) => {
    expect(take(query)).toEqual({ isNamed: true, others: [], cut, query: canonical });
  });

  it.each([
    "start=50&end=10",
    "start=10&end=10",
    "start=-5&end=10",
    "start=abc",
    "end=1e3",
    "start=0x10",
    "start=1:30",
    "end=0",
    "start=&end=",
    "start",
    "start=1&end=NaN",
    "start=.",
    "start=9999999999999999",
  ])("MEDIA-75 takes %s as no section, and out of the URL", (query) => {
    expect(take(query)).toEqual({ isNamed: true, others: [], cut: undefined, query: "" });
  });

  it("MEDIA-79 leaves the other parameters in their order", () => {
    const taken = take("tag=3277&start=30&end=100&date=20130726");
    expect(taken.others).toEqual(["tag=3277", "date=20130726"]);
    expect(take("a=1&&b=&a=2").others).toEqual(["a=1", "", "b=", "a=2"]);
    expect(take("starting=1&Start=2&xend=3")).toMatchObject({ isNamed: false });
  });

  it("KEY-04 compares keys without regard to case where URLs do", () => {
    expect(take("START=3", {}, false)).toMatchObject({ cut: single(3), query: "start=3" });
    expect(take("START=3", {}, true)).toMatchObject({ isNamed: false });
  });

  it("MEDIA-71 MEDIA-72 has the keys of other players", () => {
    const rules = { startParam: "ec_seek", endParam: "until" };
    expect(take("ec_seek=3&start=9&until=8", rules)).toEqual({
      isNamed: true,
      others: ["start=9"],
      cut: single(3, 8),
      query: "ec_seek=3&until=8",
    });
  });
});

describe("several sections in a query string", () => {
  it.each([
    ["0-30,210-270,525-555", [section(0, 30), section(210, 270), section(525, 555)]],
    ["10-70,560-620,1245-1305", [section(10, 70), section(560, 620), section(1245, 1305)]],
    ["17-20,17-20,17-20,17-20", [section(17, 20), section(17, 20), section(17, 20), section(17, 20)]],
    ["1000-1200,500-623,1900-2000", [section(1000, 1200), section(500, 623), section(1900, 2000)]],
    ["600-,400-600", [section(600), section(400, 600)]],
    ["-30", [section(undefined, 30)]],
    ["0-1.5", [section(0, 1.5)]],
  ])("MEDIA-90 to MEDIA-92 reads %s", (value, sections) => {
    const cut = { sections, allTracks: false, maxRatioPercent: 50 };
    expect(take(`trimming=${value}`)).toEqual({ isNamed: true, others: [], cut, query: `trimming=${value}` });
    expect(take(`trimming=${encodeURIComponent(value)}`).cut).toEqual(cut);
  });

  it("MEDIA-75 leaves out sections that cannot be, and is the whole file when none is left", () => {
    expect(take("trimming=0-30,9-3,a-b,5,1-2-3,40-50").query).toBe("trimming=0-30,40-50");
    for (const value of ["", "5", "9-3", "a-b", "1--2"]) {
      expect(take(`trimming=${value}`)).toEqual({ isNamed: true, others: [], cut: undefined, query: "" });
    }
  });

  it("MEDIA-94 goes before start and end, also when it says nothing", () => {
    expect(take("start=1&end=9&trimming=2-3")).toMatchObject({ others: [], query: "trimming=2-3" });
    expect(take("start=1&end=9&trimming=")).toMatchObject({ others: [], cut: undefined });
  });

  it("MEDIA-73 MEDIA-93 carries what the settings say of tracks and growth", () => {
    const rules = { allTracks: true, maxRatioPercent: 100 };
    expect(take("trimming=0-1", rules).cut).toMatchObject(rules);
    expect(take("start=1", rules).cut).toMatchObject({ allTracks: true, maxRatioPercent: undefined });
  });

  it("is an ordinary parameter without a key for it", () => {
    expect(take("trimming=0-1", { multiParam: "" })).toMatchObject({ isNamed: false, others: ["trimming=0-1"] });
    expect(take("=0-1&start=1", { multiParam: "" }).others).toEqual(["=0-1"]);
  });

  it("MEDIA-91 reads the first thousand sections of a list", () => {
    const sections = Array.from({ length: 5_000 }, (_, index) => `${index}-${index + 1}`);
    expect(take(`trimming=${sections.join(",")}`).query).toBe(`trimming=${sections.slice(0, 1_000).join(",")}`);
  });
});

const parameter = fc.oneof(
  fc
    .tuple(fc.constantFrom("start", "end", "trimming", "tag", "x"), fc.stringMatching(/^[0-9.,:-]{0,12}$/))
    .map(([name, value]) => `${name}=${value}`),
  fc.stringMatching(/^[!$%'-;=?-~]{0,20}$/),
);

describe("any query string", () => {
  it("gives a cut that it reads again as the same, and others without a key of it", () => {
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 8 }), (parameters) => {
        const rules = compileCut(RULES, true);
        const taken = rules(parameters);
        expect(rules(taken.others)).toMatchObject({ isNamed: false, others: taken.others });
        expect(taken.query === "").toBe(taken.cut === undefined);
        if (taken.query === "") return;
        const again = rules(taken.query.split("&"));
        expect(again).toEqual({ ...taken, others: [] });
        for (const { startSeconds = 0, endSeconds = Number.POSITIVE_INFINITY } of taken.cut?.sections ?? []) {
          expect(startSeconds).toBeLessThan(endSeconds);
        }
      }),
    );
  });
});
