import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseImageCommands } from "../../src/index.ts";

const commandsOf = (chain: string): readonly unknown[] => {
  const outcome = parseImageCommands(chain);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.commands;
};

const first = (chain: string): unknown => commandsOf(chain)[0];

const reasonOf = (chain: string): string => {
  const outcome = parseImageCommands(chain);
  return outcome.ok ? "" : outcome.reason;
};

const PLAIN = {
  isPercent: false,
  isArea: false,
  isExact: false,
  isMinimum: false,
  onlyShrinks: false,
  onlyEnlarges: false,
};

const REGION = { width: 100, height: 200, isPercent: false, x: 20, y: 30 };

describe("commands", () => {
  it.each<readonly [spec: string, chain: string, command: unknown]>([
    ["DIMS-30", "optimize", { kind: "optimize" }],
    ["DIMS-31", "strip/true", { kind: "strip", isOn: true }],
    ["DIMS-31", "strip/false", { kind: "strip", isOn: false }],
    ["REG-193 DIMS-32", "crop/100x200+20+30", { kind: "crop", region: REGION, from: "topLeft" }],
    ["DIMS-33", "cropcenter/100x200+20+30", { kind: "crop", region: REGION, from: "center" }],
    ["DIMS-34", "thumbnail/78x110", { kind: "resize", size: { ...PLAIN, width: 78, height: 110 } }],
    ["REG-180 DIMS-35", "resize/x200", { kind: "resize", size: { ...PLAIN, width: undefined, height: 200 } }],
    [
      "DIMS-35 flags",
      "resize/200x200%3E",
      { kind: "resize", size: { ...PLAIN, width: 200, height: 200, onlyShrinks: true } },
    ],
    ["DIMS-36", "resizec/200x100", { kind: "resizec", width: 200, height: 100 }],
    ["DIMS-37", "extent/200x100", { kind: "extent", width: 200, height: 100 }],
    ["DIMS-38", "trim", { kind: "trim" }],
    ["DIMS-38", "trim/true", { kind: "trim" }],
    ["DIMS-39", "format/png", { kind: "format", format: "png" }],
    ["DIMS-39", "format/JPG", { kind: "format", format: "jpg" }],
    ["issue 9", "format/auto", { kind: "formatAuto" }],
    ["DIMS-40", "quality/0", { kind: "quality", quality: 0 }],
    ["DIMS-40", "quality/100", { kind: "quality", quality: 100 }],
    ["issue 9", "quality/auto", { kind: "quality", quality: "auto" }],
    ["DIMS-41", "composite/water1", { kind: "composite", name: "water1" }],
    ["DIMS-42 DIMS-80", "byoriginal/size1", { kind: "byOriginal", name: "size1" }],
    ["DIMS-43", "firstframeonly/on", { kind: "firstFrameOnly", isOn: true }],
    ["DIMS-43", "firstframeonly/off", { kind: "firstFrameOnly", isOn: false }],
    ["DIMS-44", "limit/3", { kind: "limit", frames: 3 }],
    ["DIMS-46", "resizecrop/200x200", { kind: "resizecrop", width: 200, height: 200, focus: "center" }],
    ["issue 9", "resizecrop/200x200,attention", { kind: "resizecrop", width: 200, height: 200, focus: "attention" }],
    ["DIMS-95", "invert/true", { kind: "invert" }],
    ["DIMS-96", "grayscale/TRUE", { kind: "grayscale" }],
    ["DIMS-97", "flipflop/vertical", { kind: "flipflop", axis: "vertical" }],
    ["DIMS-97", "flipflop/horizontal", { kind: "flipflop", axis: "horizontal" }],
    ["DIMS-98", "bright/100", { kind: "bright", brightness: 100 }],
    ["DIMS-99", "rotate/90.5", { kind: "rotate", degrees: 90.5 }],
    ["DIMS-100", "sepia/0.8", { kind: "sepia", threshold: 0.8 }],
    ["DIMS-101", "round/90", { kind: "round", radius: 90 }],
    ["DIMS-110", "annotation/maintext*subtext", { kind: "annotation", names: ["maintext", "subtext"] }],
    ["issue 9", "preset/card", { kind: "preset", name: "card" }],
    ["issue 9", "autoorient/true", { kind: "autoorient" }],
    ["issue 9", "describe/blurhash", { kind: "describe", form: "blurhash" }],
  ])("DIMS-45 %s %s", (_, chain, command) => {
    expect(first(chain)).toEqual(command);
  });

  it("DIMS-08 run from left to right; the slash at the end makes no difference", () => {
    const chain = "thumbnail/78x110/format/png/quality/50";
    expect(commandsOf(chain)).toMatchObject([{ kind: "resize" }, { kind: "format" }, { kind: "quality", quality: 50 }]);
    expect(commandsOf(`${chain}/`)).toEqual(commandsOf(chain));
    expect(commandsOf(`/${chain}/`)).toEqual(commandsOf(chain));
  });

  it("DIMS-30 optimize and trim take no argument of what follows", () => {
    expect(commandsOf("trim/optimize/resize/9x9")).toMatchObject([
      { kind: "trim" },
      { kind: "optimize" },
      { kind: "resize" },
    ]);
  });

  it("DIMS-95 DIMS-96 false leaves the image as it is", () => {
    expect(commandsOf("invert/false/grayscale/false/quality/9")).toEqual([{ kind: "quality", quality: 9 }]);
  });

  it.each([
    ["crop/100x200%2B20%2B30/", "crop/100x200+20+30/"],
    ["crop/100x200%2b20%2b30/", "crop/100x200+20+30/"],
    ["%63rop/100x200+20+30", "crop/100x200+20+30"],
    ["resize%2F640x480%2fformat%2Fpng%2F", "resize/640x480/format/png/"],
    ["%72%65%73%69%7A%65%2F%36%34%30%78%34%38%30%2F", "resize/640x480/"],
    ["resize/640x480%21", "resize/640x480!"],
    ["resize/640x480%3C", "resize/640x480<"],
    ["resize/10000%40", "resize/10000@"],
    ["resize/50%25", "resize/50%"],
  ])("REG-194 DIMS-09 %s is %s", (encoded, plain) => {
    expect(parseImageCommands(encoded)).toEqual(parseImageCommands(plain));
  });

  it("DIMS-09 a blank in a region is the plus sign that it was, a literal plus sign stays one", () => {
    expect(first("crop/100x200%2020%2030")).toEqual(first("crop/100x200+20+30"));
  });

  it("DIMS-09 is decoded once, and names in any script", () => {
    expect(reasonOf("resize/50%2525")).toContain("resize does not take");
    expect(first("composite/%E6%B0%B4")).toEqual({ kind: "composite", name: "水" });
  });

  it.each([
    ["no command", ""],
    ["no command", "/"],
    ["an empty command", "/resize/1x1//resize/1x1"],
    ["an unknown command", "bogus/1"],
    ["a command of an object", "constructor/1"],
    ["no size", "resize"],
    ["no size", "resize/"],
    ["an empty size", "resize//"],
    ["no number", "resize/x"],
    ["DIMS-48 nothing", "thumbnail/0x0"],
    ["DIMS-48 nothing on one side", "thumbnail/100x0"],
    ["a negative size", "resize/-5x5"],
    ["an offset in a size", "resize/5x5+1+1"],
    ["a blank in a size", "resize/5x5%201"],
    ["an endless number", `resize/${"9".repeat(40)}`],
    ["an exponent", "resize/1e9"],
    ["a hexadecimal number", "resize/0x10"],
    ["other digits", "resize/%D9%A1%D9%A0"],
    ["an area without its number", "resize/x100@"],
    ["flags alone", "resize/!%3C"],
    ["a line break", "resize/5x5%0A"],
    ["NUL", "resize/5x5%00"],
    ["one offset", "crop/5x5+1"],
    ["a region without size", "crop/+1+1"],
    ["a flag in a region", "crop/5x5!"],
    ["a box of one side", "resizec/5"],
    ["a box with flags", "extent/5x5!"],
    ["another format", "format/bmp"],
    ["DIMS-40 more than 100", "quality/101"],
    ["DIMS-40 less than 0", "quality/-1"],
    ["DIMS-40 a fraction", "quality/50.5"],
    ["DIMS-44 no frame", "limit/0"],
    ["no word of it", "firstframeonly/yes"],
    ["no word of it", "strip/1"],
    ["no word of it", "flipflop/both"],
    ["beyond the range", "bright/101"],
    ["beyond the range", "rotate/361"],
    ["beyond the range", "sepia/1.1"],
    ["beyond the range", "round/91"],
    ["an empty name", "composite//"],
    ["an empty name among several", "annotation/a**b"],
    ["an argument that optimize has not", "optimize/true"],
    ["more commands than anybody needs", "trim/".repeat(65)],
    ["more texts than anybody needs", `annotation/${"t*".repeat(64)}t/`],
    ["as many in several commands", `annotation/${"t*".repeat(39)}t/`.repeat(2)],
  ])("REG-184 REG-185 DIMS-47 refuses %s: %j", (_, chain) => {
    expect(reasonOf(chain)).not.toBe("");
  });

  it("DIMS-47 takes any text without failing, and stays quick", () => {
    const piece = fc.constantFrom(
      "resize",
      "crop",
      "/",
      "//",
      "1",
      "x",
      "+",
      "%",
      "%2",
      "%25",
      "-",
      "@",
      "!",
      ".",
      "9",
    );
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.array(piece, { maxLength: 200 }).map((list) => list.join("")),
    );
    fc.assert(
      fc.property(text, (chain) => {
        const outcome = parseImageCommands(chain);
        if (!outcome.ok) expect(outcome.reason).toMatch(/\.$/);
      }),
    );
    const hostile = ["1".repeat(8_000), `1x${"1".repeat(8_000)}`, "%25".repeat(2_600), "+1".repeat(4_000)];
    for (const argument of hostile) {
      expect(parseImageCommands(`resize/${argument}`).ok).toBe(false);
      expect(parseImageCommands(`crop/${argument}`).ok).toBe(false);
    }
  });
});
