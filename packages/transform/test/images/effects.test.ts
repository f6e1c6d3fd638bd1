import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { expectColour, format, make, pixelsOf, sizeOfFile } from "./support/conversion.ts";
import { blocks } from "./support/pictures.ts";

/** Red, green, blue and grey quarters of 20 by 20. */
const quarters = () =>
  blocks(40, 40, "#808080", [
    { left: 0, top: 0, width: 20, height: 20, colour: "#ff0000" },
    { left: 20, top: 0, width: 20, height: 20, colour: "#00ff00" },
    { left: 0, top: 20, width: 20, height: 20, colour: "#0000ff" },
  ])
    .removeAlpha()
    .png()
    .toBuffer();

const corners = async (file: Uint8Array): Promise<readonly (readonly number[])[]> => {
  const pixels = await pixelsOf(file);
  return [pixels.at(5, 5), pixels.at(35, 5), pixels.at(5, 35), pixels.at(35, 35)];
};

const [RED, GREEN, BLUE, GREY] = [
  [255, 0, 0, 255],
  [0, 255, 0, 255],
  [0, 0, 255, 255],
  [128, 128, 128, 255],
];

describe("effects", () => {
  it("DIMS-95 invert", async () => {
    const { body } = await make(await quarters(), [{ kind: "invert" }]);
    expect(await corners(body)).toEqual([
      [0, 255, 255, 255],
      [255, 0, 255, 255],
      [255, 255, 0, 255],
      [127, 127, 127, 255],
    ]);
  });

  it("DIMS-95 invert leaves transparency alone", async () => {
    const source = await blocks(10, 10, "#00000000").png().toBuffer();
    expect((await pixelsOf((await make(source, [{ kind: "invert" }])).body)).at(5, 5)).toEqual([255, 255, 255, 0]);
  });

  it("DIMS-96 grayscale, in one channel", async () => {
    const { body } = await make(await quarters(), [{ kind: "grayscale" }]);
    for (const [red, green, blue] of await corners(body)) expect([green, blue]).toEqual([red, red]);
    expect((await sharp(body).metadata()).channels).toBe(1);
  });

  it("DIMS-97 flipflop: vertical is upside down, horizontal is mirrored", async () => {
    const source = await quarters();
    const down = await make(source, [{ kind: "flipflop", axis: "vertical" }]);
    expect(await corners(down.body)).toEqual([BLUE, GREY, RED, GREEN]);
    const mirrored = await make(source, [{ kind: "flipflop", axis: "horizontal" }]);
    expect(await corners(mirrored.body)).toEqual([GREEN, RED, GREY, BLUE]);
    const both = await make(source, [
      { kind: "flipflop", axis: "horizontal" },
      { kind: "flipflop", axis: "vertical" },
    ]);
    expect(await corners(both.body)).toEqual([GREY, BLUE, GREEN, RED]);
  });

  it("DIMS-98 bright adds a share of white: 0 changes nothing, 100 is white", async () => {
    const source = await quarters();
    expect(await corners((await make(source, [{ kind: "bright", brightness: 0 }])).body)).toEqual([
      RED,
      GREEN,
      BLUE,
      GREY,
    ]);
    const [red, , , grey] = await corners((await make(source, [{ kind: "bright", brightness: 20 }])).body);
    expect([red, grey]).toEqual([
      [255, 51, 51, 255],
      [179, 179, 179, 255],
    ]);
    for (const colour of await corners((await make(source, [{ kind: "bright", brightness: 100 }])).body)) {
      expect(colour).toEqual([255, 255, 255, 255]);
    }
  });

  it("DIMS-99 rotates clockwise by quarters without loss", async () => {
    const { body } = await make(await quarters(), [{ kind: "rotate", degrees: 90 }]);
    expect(await corners(body)).toEqual([BLUE, RED, GREY, GREEN]);
  });

  it("DIMS-99 the canvas grows at other angles: white, or transparent where the format can", async () => {
    const source = await quarters();
    const turned = await make(source, [{ kind: "rotate", degrees: 45 }]);
    expect(await sizeOfFile(turned.body)).toMatch(/^5[67]x5[67]$/);
    const pixels = await pixelsOf(turned.body);
    expect(pixels.at(1, 1)[3]).toBe(0);
    expectColour(pixels.at(28, 8), RED ?? []);
    const jpeg = await make(source, [{ kind: "rotate", degrees: 45 }, format("jpg")]);
    expectColour((await pixelsOf(jpeg.body)).at(1, 1), [255, 255, 255, 255]);
  });

  it("DIMS-100 sepia turns grey into brown", async () => {
    const { body } = await make(await quarters(), [{ kind: "sepia", threshold: 0.8 }]);
    const [, , , grey] = await corners(body);
    expectColour(grey ?? [], [179, 145, 94, 255], 2);
  });

  it("DIMS-101 round cuts the corners: transparent, or white in a JPEG", async () => {
    const source = await quarters();
    const pixels = await pixelsOf((await make(source, [{ kind: "round", radius: 10 }])).body);
    expect([pixels.at(0, 0)[3], pixels.at(39, 39)[3], pixels.at(10, 0), pixels.at(5, 5)]).toEqual([0, 0, RED, RED]);
    const jpeg = await pixelsOf((await make(source, [{ kind: "round", radius: 90 }, format("jpg")])).body);
    expectColour(jpeg.at(0, 0), [255, 255, 255, 255], 12);
  });

  it("effects go on from each other", async () => {
    const { body } = await make(await quarters(), [
      { kind: "invert" },
      { kind: "bright", brightness: 10 },
      { kind: "invert" },
      { kind: "flipflop", axis: "vertical" },
      { kind: "grayscale" },
      { kind: "sepia", threshold: 0.8 },
      { kind: "round", radius: 5 },
    ]);
    expect((await pixelsOf(body)).at(0, 0)[3]).toBe(0);
  });

  it.each(["grayscale", "invert"] as const)("what is transparent stays so through %s and a chain", async (kind) => {
    const source = await blocks(40, 40, "#00000000", [{ left: 10, top: 10, width: 20, height: 20, colour: "#ff0000" }])
      .png()
      .toBuffer();
    const { body } = await make(source, [
      { kind },
      { kind: "rotate", degrees: 90 },
      { kind },
      { kind: "round", radius: 5 },
    ]);
    const pixels = await pixelsOf(body);
    expect([pixels.at(3, 20)[3], pixels.at(20, 20)[3]]).toEqual([0, 255]);
  });
});
