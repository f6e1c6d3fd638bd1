import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gravity, ImageAnnotation, ImageCommand } from "@basalt/policy/dims";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  at,
  composite,
  expectColour,
  format,
  make,
  type Pixels,
  pixelsOf,
  run,
  sizeOfFile,
} from "./support/conversion.ts";
import { blocks } from "./support/pictures.ts";

let folder: string;
let mark: string;
let base: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "overlay-"));
  mark = join(folder, "mark.png");
  await writeFile(mark, await blocks(20, 10, "#ff0000").png().toBuffer());
  base = await blocks(100, 80, "#ffffff").removeAlpha().png().toBuffer();
});

afterAll(() => rm(folder, { recursive: true }));

/** Where pixels are that fulfil a condition. */
const boxOf = (pixels: Pixels, isMeant: (colour: readonly number[]) => boolean) => {
  const [columns, rows] = [new Set<number>(), new Set<number>()];
  for (let y = 0; y < pixels.height; y++) {
    for (let x = 0; x < pixels.width; x++) {
      if (!isMeant(pixels.at(x, y))) continue;
      columns.add(x);
      rows.add(y);
    }
  }
  if (columns.size === 0) return undefined;
  const [left, top] = [Math.min(...columns), Math.min(...rows)];
  return { left, top, width: Math.max(...columns) - left + 1, height: Math.max(...rows) - top + 1 };
};

const isRed = ([red, green]: readonly number[]): boolean => red === 255 && (green ?? 255) < 140;
const isDark = ([red, green, blue]: readonly number[]): boolean => (red ?? 0) + (green ?? 0) + (blue ?? 0) < 300;

describe("composite", () => {
  it.each<[Gravity, number, number]>([
    ["nw", 5, 3],
    ["n", 45, 3],
    ["ne", 75, 3],
    ["w", 5, 38],
    ["c", 45, 38],
    ["e", 75, 38],
    ["sw", 5, 67],
    ["s", 45, 67],
    ["se", 75, 67],
  ])("DIMS-72 DIMS-73 gravity %s", async (gravity, left, top) => {
    const { body } = await make(base, [composite(mark, { gravity, offset: at(5, 3) })]);
    expect(boxOf(await pixelsOf(body), isRed)).toEqual({ left, top, width: 20, height: 10 });
  });

  it("DIMS-73 counts in percent of the base, and cuts what is outside", async () => {
    const offset = { x: 10, xIsPercent: true, y: 50, yIsPercent: true };
    const placed = await make(base, [composite(mark, { gravity: "nw", offset })]);
    expect(boxOf(await pixelsOf(placed.body), isRed)).toEqual({ left: 10, top: 40, width: 20, height: 10 });
    const cut = await make(base, [composite(mark, { gravity: "se", offset: at(-5, -3) })]);
    expect(boxOf(await pixelsOf(cut.body), isRed)).toEqual({ left: 85, top: 73, width: 15, height: 7 });
    const outside = await run(base, [composite(mark, { gravity: "nw", offset: at(-50, 0) })]);
    expect(outside).toMatchObject({ kind: "unchanged" });
  });

  it.each([
    [0, [255, 255, 255, 255]],
    [50, [255, 127, 127, 255]],
    [100, [255, 0, 0, 255]],
  ])("DIMS-74 dissolve %i is opacity", async (dissolve, colour) => {
    const { body } = await make(base, [composite(mark, { dissolve }), { kind: "invert" }, { kind: "invert" }]);
    expectColour((await pixelsOf(body)).at(50, 40), colour, 1);
    expect((await sharp(body).metadata()).channels).toBe(3);
  });

  it("an overlay may be larger than the picture, and lie on another", async () => {
    const large = join(folder, "large.png");
    await writeFile(large, await blocks(300, 300, "#00ff00").png().toBuffer());
    const { body } = await make(base, [composite(large), composite(mark, { gravity: "nw" })]);
    const pixels = await pixelsOf(body);
    expect([await sizeOfFile(body), pixels.at(5, 5), pixels.at(80, 60)]).toEqual([
      "100x80",
      [255, 0, 0, 255],
      [0, 255, 0, 255],
    ]);
  });

  it("a transparent picture stays transparent beside the overlay", async () => {
    const clear = await blocks(100, 80, "#00000000").png().toBuffer();
    const pixels = await pixelsOf((await make(clear, [composite(mark)])).body);
    expect([pixels.at(0, 0)[3], pixels.at(50, 40)]).toEqual([0, [255, 0, 0, 255]]);
  });

  it("DIMS-71 the overlay is read again when its file has changed; none is a failed conversion", async () => {
    const file = join(folder, "changing.png");
    await writeFile(file, await blocks(20, 10, "#00ff00").png().toBuffer());
    const shown = async () => (await pixelsOf((await make(base, [composite(file)])).body)).at(50, 40);
    expect(await shown()).toEqual([0, 255, 0, 255]);
    await writeFile(file, await blocks(20, 10, "#0000ff").png().toBuffer());
    await utimes(file, new Date(), new Date(Date.now() + 10_000));
    expect(await shown()).toEqual([0, 0, 255, 255]);
    await writeFile(file, "no picture");
    expect(await run(base, [composite(file)])).toMatchObject({ kind: "refused", reason: "conversion" });
    await rm(file);
    expect(await run(base, [composite(file)])).toMatchObject({ kind: "refused", reason: "conversion" });
  });
});

describe("annotation", () => {
  const annotate = (annotation: Partial<ImageAnnotation>): ImageCommand => ({
    kind: "annotation",
    annotations: [
      {
        text: "Hamburg",
        font: "sans",
        fontSize: 20,
        color: "#000000",
        align: "center",
        background: undefined,
        backgroundWidth: 0,
        backgroundHeight: 0,
        gravity: "c",
        offset: at(0, 0),
        dissolve: 100,
        ...annotation,
      },
    ],
  });
  let page: Buffer;

  beforeAll(async () => {
    page = await blocks(200, 120, "#ffffff").removeAlpha().png().toBuffer();
  });

  const darkBox = async (annotation: Partial<ImageAnnotation>) =>
    boxOf(await pixelsOf((await make(page, [annotate(annotation)])).body), isDark);

  it("DIMS-110 draws the text in the middle, about as high as its font", async () => {
    const box = await darkBox({});
    expect(box?.height).toBeGreaterThan(10);
    expect(box?.height).toBeLessThan(30);
    expect(Math.abs((box?.left ?? 0) + (box?.width ?? 0) / 2 - 100)).toBeLessThan(8);
    const large = await darkBox({ fontSize: 40 });
    expect((large?.width ?? 0) / (box?.width ?? 1)).toBeGreaterThan(1.6);
  });

  it("DIMS-111 a line break makes two lines", async () => {
    const [one, two] = [await darkBox({ text: "Hamburg" }), await darkBox({ text: "Ham\nburg" })];
    expect((two?.height ?? 0) / (one?.height ?? 1)).toBeGreaterThan(1.5);
    expect(two?.width ?? 0).toBeLessThan(one?.width ?? 0);
  });

  it("DIMS-112 colour, background of the size of the image, gravity, dissolve", async () => {
    const { body } = await make(page, [
      annotate({ color: "#ffff00", background: "#0000ff", backgroundWidth: "origin", gravity: "s", offset: at(0, 10) }),
    ]);
    const pixels = await pixelsOf(body);
    const blue = boxOf(pixels, ([red, , strong]) => (red ?? 255) < 40 && (strong ?? 0) > 200);
    expect([blue?.left, blue?.width, (blue?.top ?? 0) + (blue?.height ?? 0)]).toEqual([0, 200, 110]);
    expect(boxOf(pixels, ([red, green, rest]) => red === 255 && green === 255 && (rest ?? 255) < 40)).toBeDefined();
    const half = await make(page, [
      annotate({ text: "", background: "#000000", backgroundWidth: 50, backgroundHeight: 50, dissolve: 50 }),
    ]);
    expectColour((await pixelsOf(half.body)).at(100, 60), [127, 127, 127, 255], 2);
  });

  it.each([
    ["left", 10],
    ["right", 100],
  ] as const)("DIMS-112 TextAlign %s", async (align, least) => {
    const { body } = await make(page, [
      annotate({ text: "Ax", align, background: "#ffffff", backgroundWidth: "origin" }),
    ]);
    const box = boxOf(await pixelsOf(body), isDark);
    expect((box?.left ?? 0) < 60).toBe(align === "left");
    expect((box?.left ?? 0) >= least || align === "left").toBe(true);
  });

  it("markup of a client is text, not markup", async () => {
    const plain = await darkBox({ text: "<b>&lt;" });
    expect(plain?.width).toBeGreaterThan((await darkBox({ text: "<" }))?.width ?? 0);
    for (const text of ["</span><span foreground='#ff0000'>x", "a\u0000\u0007b", "\ud800", "&#0;", "]]>", "  "]) {
      expect(["done", "unchanged"]).toContain((await run(page, [annotate({ text })])).kind);
    }
  });

  it("a text beyond every size is refused, one beyond the picture is cut", async () => {
    expect(await run(page, [annotate({ text: "x".repeat(1_000), fontSize: 1_000 })])).toMatchObject({
      kind: "refused",
    });
    expect(await sizeOfFile((await make(page, [annotate({ text: "x".repeat(100), fontSize: 30 })])).body)).toBe(
      "200x120",
    );
  });

  it("a font file that is none is a failed conversion", async () => {
    expect(await run(page, [annotate({ font: join(folder, "none.ttf") })])).toMatchObject({
      kind: "refused",
      reason: "conversion",
    });
    await writeFile(join(folder, "broken.ttf"), "OTTO");
    expect(await run(page, [annotate({ font: join(folder, "broken.ttf") })])).toMatchObject({
      kind: "refused",
      reason: "conversion",
    });
  });

  const DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf";
  it.skipIf(!existsSync(DEJAVU))("DIMS-112 a font file is taken with its style", async () => {
    const file = join(folder, "serif.ttf");
    await copyFile(DEJAVU, file);
    const [bold, plain] = [await darkBox({ font: file }), await darkBox({ font: "DejaVu Serif" })];
    expect(bold?.width).toBeGreaterThan(plain?.width ?? Number.POSITIVE_INFINITY);
  });

  it("several lie on each other, also in another format", async () => {
    const command = annotate({});
    if (command.kind !== "annotation") throw new Error("no annotation");
    const two = { kind: "annotation", annotations: [...command.annotations, ...command.annotations] } as const;
    expect(await sizeOfFile((await make(page, [two, format("jpg")])).body)).toBe("200x120");
  });
});
