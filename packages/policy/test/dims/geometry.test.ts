import { parseImageCommands, type RegionGeometry, type SizeGeometry } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlayPosition, regionOf, sizeOf } from "../../src/dims/index.ts";

const sizeGeometry = (text: string): SizeGeometry => {
  const outcome = parseImageCommands(`thumbnail/${text.replaceAll("%", "%25")}`);
  const [command] = outcome.ok ? outcome.commands : [];
  if (command?.kind !== "resize") throw new Error(`${text} is no size`);
  return command.size;
};

const region = (text: string): RegionGeometry => {
  const outcome = parseImageCommands(`crop/${text.replaceAll("%", "%25")}`);
  const [command] = outcome.ok ? outcome.commands : [];
  if (command?.kind !== "crop") throw new Error(`${text} is no region`);
  return command.region;
};

const SOURCES = ["640×480", "300×400", "1000×600", "50×40"] as const;

/** The table of spec 17.4.2, row by row. */
const TABLE: readonly (readonly [geometry: string, ...results: string[]])[] = [
  ["100", "100×75", "100×133", "100×60", "100×80"],
  ["x200", "267×200", "150×200", "333×200", "250×200"],
  ["78x110", "78×59", "78×104", "78×47", "78×62"],
  ["200x200", "200×150", "150×200", "200×120", "200×160"],
  ["1024x768", "1024×768", "576×768", "1024×614", "960×768"],
  ["640x480!", "640×480", "640×480", "640×480", "640×480"],
  ["100!", "100×480", "100×400", "100×600", "100×40"],
  ["x200!", "640×200", "300×200", "1000×200", "50×200"],
  ["50%", "320×240", "150×200", "500×300", "25×20"],
  ["125%", "800×600", "375×500", "1250×750", "63×50"],
  ["50%x25%", "320×120", "150×100", "500×150", "25×10"],
  ["10000@", "115×86", "86×115", "129×77", "111×89"],
  ["10000@>", "115×86", "86×115", "129×77", "50×40"],
  ["200x200>", "200×150", "150×200", "200×120", "50×40"],
  ["200x200<", "640×480", "300×400", "1000×600", "200×160"],
  ["400x400>", "400×300", "300×400", "400×240", "50×40"],
  ["400x400<", "640×480", "300×400", "1000×600", "400×320"],
  ["200x200^", "267×200", "200×267", "333×200", "250×200"],
];

const cells = TABLE.flatMap(([geometry, ...results]) =>
  SOURCES.map((source, column) => [geometry, source, results[column] ?? ""] as const),
);

const sidesOf = (text: string): [number, number] => {
  const [width = 0, height = 0] = text.split("×").map(Number);
  return [width, height];
};

const sized = (geometry: string, source: string): string => {
  const { width, height } = sizeOf(sizeGeometry(geometry), ...sidesOf(source));
  return `${width}×${height}`;
};

describe("size of a result", () => {
  it.each(cells)("DIMS-50 to DIMS-58 the measured table: %s of %s is %s", (geometry, source, result) => {
    expect(sized(geometry, source)).toBe(result);
  });

  it.each([
    ["DIMS-51 a width alone may have its x", "100x", "640×480", "100×75"],
    ["DIMS-52 a height alone", "x100", "640×480", "133×100"],
    ["DIMS-54 one % makes both numbers shares", "50%x25", "640×480", "320×120"],
    ["DIMS-54 a % in front of the flags counts too", "50x25%", "640×480", "320×120"],
    ["DIMS-54 a height alone is the share of both", "x50%", "640×480", "320×240"],
    ["DIMS-55 an area of the image's own size changes nothing", "307200@", "640×480", "640×480"],
    ["DIMS-55 an area with > enlarges nothing", "1000000@>", "640×480", "640×480"],
    ["DIMS-55 an area with < shrinks nothing", "10000@<", "640×480", "640×480"],
    ["DIMS-56 a side that would grow stays", "100x600!>", "640×480", "100×480"],
    ["DIMS-57 one side that is larger is enough to leave it", "800x100!<", "640×480", "640×480"],
    ["DIMS-57 a box of the same size changes nothing", "640x480<", "640×480", "640×480"],
    ["DIMS-50 no side falls below 1", "1x1", "10000×2", "1×1"],
    ["DIMS-59 an upper-case X", "640X480!", "50×40", "640×480"],
  ])("%s: %s of %s is %s", (_, geometry, source, result) => {
    expect(sized(geometry, source)).toBe(result);
  });
});

const side = fc.integer({ min: 1, max: 65_535 });
const asked = fc.option(fc.integer({ min: 1, max: 999_999_999 }), { nil: undefined });
const geometry = fc
  .record({
    width: asked,
    height: asked,
    isPercent: fc.boolean(),
    isArea: fc.boolean(),
    isExact: fc.boolean(),
    isMinimum: fc.boolean(),
    onlyShrinks: fc.boolean(),
    onlyEnlarges: fc.boolean(),
  })
  .filter(
    ({ width, height, isArea }) => (width !== undefined || height !== undefined) && !(isArea && width === undefined),
  );

describe("algebra of sizes", () => {
  it("DIMS-48 DIMS-50 every result is whole and at least 1", () => {
    fc.assert(
      fc.property(geometry, side, side, (size, width, height) => {
        const result = sizeOf(size, width, height);
        for (const each of [result.width, result.height]) {
          expect(Number.isSafeInteger(each)).toBe(true);
          expect(each).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });

  it("DIMS-56 > never grows a side, DIMS-57 < never shrinks one", () => {
    fc.assert(
      fc.property(geometry, side, side, (size, width, height) => {
        const shrunk = sizeOf({ ...size, onlyShrinks: true, onlyEnlarges: false }, width, height);
        expect(shrunk.width).toBeLessThanOrEqual(width);
        expect(shrunk.height).toBeLessThanOrEqual(height);
        const enlarged = sizeOf({ ...size, onlyShrinks: false, onlyEnlarges: true }, width, height);
        expect(enlarged.width).toBeGreaterThanOrEqual(width);
        expect(enlarged.height).toBeGreaterThanOrEqual(height);
      }),
    );
  });

  it("DIMS-50 a box holds the result and touches it, 17.4.2 with ^ the result holds the box", () => {
    const box = fc.integer({ min: 1, max: 5_000 });
    const plain = { isPercent: false, isArea: false, isExact: false, onlyShrinks: false, onlyEnlarges: false };
    fc.assert(
      fc.property(box, box, side, side, (across, down, width, height) => {
        const inside = sizeOf({ ...plain, width: across, height: down, isMinimum: false }, width, height);
        expect(inside.width).toBeLessThanOrEqual(across);
        expect(inside.height).toBeLessThanOrEqual(down);
        expect(inside.width === across || inside.height === down).toBe(true);
        const outside = sizeOf({ ...plain, width: across, height: down, isMinimum: true }, width, height);
        expect(outside.width).toBeGreaterThanOrEqual(across);
        expect(outside.height).toBeGreaterThanOrEqual(down);
      }),
    );
  });
});

const cut = (text: string, from: "topLeft" | "center" = "topLeft"): string => {
  const found = regionOf(region(text), from, 640, 480);
  return found === undefined ? "nothing" : `${found.width}×${found.height} at ${found.left},${found.top}`;
};

describe("regions of 640×480", () => {
  it.each([
    ["DIMS-32", "100x200+20+30", "100×200 at 20,30"],
    ["DIMS-60 DIMS-32 offsets default to nothing", "400x400", "400×400 at 0,0"],
    ["DIMS-61 the rest of the image", "100x100+600+450", "40×30 at 600,450"],
    ["DIMS-61 more than the image", "900x900+0+0", "640×480 at 0,0"],
    ["DIMS-62 only what is inside", "100x200-20-30", "80×170 at 0,0"],
    ["DIMS-63 shares of the image, offsets in pixels", "50%x50%+10+10", "320×240 at 10,10"],
    ["DIMS-63 the % may stand at the end", "50x50+10+10%", "320×240 at 10,10"],
    ["DIMS-64 nothing is left", "100x100+700+500", "nothing"],
    ["DIMS-64 nothing is left to the left either", "100x100-100-0", "nothing"],
    ["DIMS-65 one side only", "100+0+0", "100×480 at 0,0"],
    ["DIMS-65 the other side only", "x100+5+0", "635×100 at 5,0"],
  ])("%s: %s is %s", (_, text, result) => {
    expect(cut(text)).toBe(result);
  });

  it.each([
    ["100x200+20+30", "100×200 at 290,170"],
    ["100x100", "100×100 at 270,190"],
    ["900x100+0+0", "640×100 at 0,190"],
    ["101x101", "101×101 at 269,189"],
  ])("DIMS-33 from the centre: %s is %s", (text, result) => {
    expect(cut(text, "center")).toBe(result);
  });

  it("DIMS-61 DIMS-62 a region is inside of the image, whatever is asked for", () => {
    const offset = fc.integer({ min: -999_999_999, max: 999_999_999 });
    const from = fc.constantFrom("topLeft" as const, "center" as const);
    fc.assert(
      fc.property(
        asked,
        asked,
        offset,
        offset,
        fc.boolean(),
        from,
        side,
        side,
        (w, h, x, y, isPercent, start, W, H) => {
          const found = regionOf({ width: w, height: h, isPercent, x, y }, start, W, H);
          if (found === undefined) return;
          expect(found.left).toBeGreaterThanOrEqual(0);
          expect(found.top).toBeGreaterThanOrEqual(0);
          expect(found.width).toBeGreaterThanOrEqual(1);
          expect(found.height).toBeGreaterThanOrEqual(1);
          expect(found.left + found.width).toBeLessThanOrEqual(W);
          expect(found.top + found.height).toBeLessThanOrEqual(H);
        },
      ),
    );
  });
});

describe("place of an overlay", () => {
  const base = { width: 100, height: 80 };
  const overlay = { width: 20, height: 10 };

  it.each([
    ["nw", 5, 3],
    ["n", 45, 3],
    ["ne", 75, 3],
    ["w", 5, 38],
    ["c", 45, 38],
    ["e", 75, 38],
    ["sw", 5, 67],
    ["s", 45, 67],
    ["se", 75, 67],
  ] as const)("DIMS-72 DIMS-73 %s +5+3 is at %d,%d", (gravity, left, top) => {
    const offset = { x: 5, xIsPercent: false, y: 3, yIsPercent: false };
    expect(overlayPosition(gravity, offset, base, overlay)).toEqual({ left, top });
  });

  it("DIMS-73 a % is a share of the base, a negative offset leads outside", () => {
    const share = { x: 0, xIsPercent: false, y: 15, yIsPercent: true };
    expect(overlayPosition("s", share, base, overlay)).toEqual({ left: 40, top: 80 - 10 - 12 });
    const outside = { x: -20, xIsPercent: false, y: -10, yIsPercent: false };
    expect(overlayPosition("se", outside, base, overlay)).toEqual({ left: 100, top: 80 });
  });
});
