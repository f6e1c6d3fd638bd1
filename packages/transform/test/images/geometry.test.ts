import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import {
  composite,
  crop,
  cropCenter,
  expectColour,
  format,
  make,
  pixelsOf,
  resize,
  run,
  similarity,
  sizeOfFile,
} from "./support/conversion.ts";
import { blocks, photo } from "./support/pictures.ts";

let png: Buffer;
let jpeg: Buffer;

beforeAll(async () => {
  png = await photo(640, 480).png({ compressionLevel: 1 }).toBuffer();
  jpeg = await photo(640, 480).jpeg({ quality: 90 }).toBuffer();
});

describe("sizes", () => {
  it.each([
    ["DIMS-34 fits into the box", "78x110", "78x59"],
    ["DIMS-35 fits into the box", "200x200", "200x150"],
    ["REG-180 DIMS-35 takes a height alone", "x200", "267x200"],
    ["DIMS-50 enlarges too", "1024x768", "1024x768"],
    ["DIMS-53 gives up the aspect ratio", "100!", "100x480"],
    ["DIMS-54 counts in percent", "50%x25%", "320x120"],
    ["DIMS-55 counts an area", "10000@", "115x86"],
    ["DIMS-56 only reduces", "200x200>", "200x150"],
  ])("%s: %s", async (_, geometry, expected) => {
    const { body, contentType } = await make(jpeg, [resize(geometry)]);
    expect([await sizeOfFile(body), contentType]).toEqual([expected, "image/jpeg"]);
  });

  it("DIMS-35 shows what a reduction by any good filter shows", async () => {
    const expected = await sharp(png).resize(200, 150, { kernel: "cubic" }).png().toBuffer();
    const { body } = await make(png, [resize("200x200")]);
    expect(await similarity(body, expected)).toBeGreaterThan(0.97);
  });

  it("DIMS-36 resizec puts a small picture in the middle of a larger white canvas", async () => {
    const small = await blocks(100, 80, "#ff0000").jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
    const pixels = await pixelsOf((await make(small, [{ kind: "resizec", width: 200, height: 200 }])).body);
    expect([pixels.width, pixels.height]).toEqual([200, 200]);
    expectColour(pixels.at(48, 100), [255, 255, 255, 255]);
    expectColour(pixels.at(52, 62), [254, 0, 0, 255]);
    expectColour(pixels.at(100, 58), [255, 255, 255, 255]);
  });

  it("DIMS-36 resizec leaves the new canvas transparent where the format can", async () => {
    const small = await blocks(100, 80, "#ff0000").png().toBuffer();
    const pixels = await pixelsOf((await make(small, [{ kind: "resizec", width: 200, height: 200 }])).body);
    expect([pixels.at(10, 10)[3], pixels.at(100, 100)]).toEqual([0, [255, 0, 0, 255]]);
  });

  it("DIMS-36 resizec reduces like resize", async () => {
    expect(await sizeOfFile((await make(jpeg, [{ kind: "resizec", width: 200, height: 200 }])).body)).toBe("200x150");
  });

  it("DIMS-37 extent keeps the top left corner", async () => {
    const { body } = await make(png, [{ kind: "extent", width: 200, height: 200 }]);
    const expected = await sharp(png).extract({ left: 0, top: 0, width: 200, height: 200 }).png().toBuffer();
    expect((await pixelsOf(body)).data.equals((await pixelsOf(expected)).data)).toBe(true);
  });

  it("DIMS-37 extent cuts one side and grows the other", async () => {
    expect(await sizeOfFile((await make(png, [{ kind: "extent", width: 800, height: 100 }])).body)).toBe("800x100");
  });

  it.each(["center", "attention", "entropy"] as const)("DIMS-46 resizecrop covers the box, by %s", async (focus) => {
    const { body } = await make(jpeg, [{ kind: "resizecrop", width: 200, height: 200, focus }]);
    expect(await sizeOfFile(body)).toBe("200x200");
  });

  it("DIMS-46 resizecrop by attention keeps what stands out", async () => {
    const source = await blocks(900, 200, "#808080", [{ left: 820, top: 60, width: 60, height: 60, colour: "#ff2000" }])
      .png()
      .toBuffer();
    const pixels = await pixelsOf(
      (await make(source, [{ kind: "resizecrop", width: 200, height: 200, focus: "attention" }])).body,
    );
    const reds = Array.from({ length: 200 }, (_, x) => pixels.at(x, 90)).filter(
      ([red, green]) => (red ?? 0) > 200 && (green ?? 0) < 80,
    );
    expect(reds.length).toBeGreaterThan(50);
  });

  it.each([
    ["DIMS-48 too wide", resize("70000x10!")],
    ["DIMS-48 too large an area", resize("60000x60000!")],
    ["DIMS-48 too large a canvas", { kind: "extent", width: 70_000, height: 10 } as const],
    ["DIMS-48 more than WebP can", [resize("20000x10!"), format("webp")]],
  ])("%s is refused", async (_, command) => {
    const outcome = await run(jpeg, [command].flat());
    expect(outcome).toMatchObject({ kind: "refused", reason: "conversion" });
  });
});

describe("regions", () => {
  /** Where a region of the source begins tells by its colour: red is x, green is y. */
  const coordinates = async (): Promise<Buffer> => {
    const data = Buffer.alloc(256 * 200 * 3);
    for (let y = 0; y < 200; y++) for (let x = 0; x < 256; x++) data.set([x, y, 0], (y * 256 + x) * 3);
    return sharp(data, { raw: { width: 256, height: 200, channels: 3 } })
      .png()
      .toBuffer();
  };

  it.each([
    ["REG-188 REG-193 DIMS-32 from the top left corner", crop(100, 150, 20, 30), "100x150", [20, 30]],
    ["DIMS-33 from the centre", cropCenter(100, 50, 20, 30), "100x50", [98, 105]],
    ["DIMS-60 without offsets", crop(40, 40), "40x40", [0, 0]],
    ["DIMS-61 cut at the edge", crop(100, 100, 200, 150), "56x50", [200, 150]],
    ["DIMS-62 moved out of the image", crop(100, 150, -20, -30), "80x120", [0, 0]],
  ])("%s", async (_, command, expected, corner) => {
    const { body } = await make(await coordinates(), [command]);
    expect([await sizeOfFile(body), (await pixelsOf(body)).at(0, 0).slice(0, 2)]).toEqual([expected, corner]);
  });

  it("DIMS-64 refuses a region outside of the image", async () => {
    expect(await run(png, [crop(100, 100, 700, 500)])).toMatchObject({ kind: "refused", reason: "conversion" });
  });

  it("DIMS-08 runs the commands left to right, each on the result of the one before", async () => {
    const source = await coordinates();
    const first = await make(source, [crop(100, 100, 50, 40), crop(10, 10, 5, 5)]);
    expect((await pixelsOf(first.body)).at(0, 0).slice(0, 2)).toEqual([55, 45]);
    const halved = await make(source, [resize("50%"), crop(20, 20, 30, 10)]);
    expectColour((await pixelsOf(halved.body)).at(0, 0), [60, 20, 0]);
    const mirrored = await make(source, [{ kind: "flipflop", axis: "horizontal" }, crop(10, 10, 0, 7)]);
    expect((await pixelsOf(mirrored.body)).at(0, 0).slice(0, 2)).toEqual([255, 7]);
    const turned = await make(source, [{ kind: "rotate", degrees: 90 }, crop(20, 30, 1, 2), resize("10x15!")]);
    expect(await sizeOfFile(turned.body)).toBe("10x15");
    const again = await make(source, [resize("50%"), { kind: "rotate", degrees: 90 }, crop(10, 10), resize("200%")]);
    expectColour((await pixelsOf(again.body)).at(0, 0), [0, 199, 0]);
  });

  it("DIMS-38 trims white from the edges", async () => {
    const source = await blocks(100, 80, "#fffefb", [{ left: 30, top: 20, width: 20, height: 10, colour: "#000000" }])
      .png()
      .toBuffer();
    const { body } = await make(source, [{ kind: "trim" }]);
    expect(await sizeOfFile(body)).toBe("20x10");
    const further = await make(source, [{ kind: "trim" }, resize("200%")]);
    expect(await sizeOfFile(further.body)).toBe("40x20");
  });

  it("DIMS-38 white ends below 250 in any channel, and an image that is all white stays", async () => {
    const grey = await blocks(40, 40, "#ffffff", [{ left: 10, top: 10, width: 5, height: 5, colour: "#fffff9" }])
      .removeAlpha()
      .png()
      .toBuffer();
    expect(await sizeOfFile((await make(grey, [{ kind: "trim" }])).body)).toBe("5x5");
    const white = await blocks(40, 30, "#ffffff").png().toBuffer();
    expect(await sizeOfFile((await make(white, [{ kind: "trim" }])).body)).toBe("40x30");
  });
});

describe("choice by the source", () => {
  const size1 = {
    kind: "byOriginal",
    choices: [
      { maxWidth: 1024, maxHeight: 768, commands: [{ kind: "quality", quality: 50 }] },
      { maxWidth: undefined, maxHeight: undefined, commands: [resize("1024x768")] },
    ],
  } as const;

  it.each([
    [800, 600, "800x600"],
    [1024, 768, "1024x768"],
    [2000, 1000, "1024x512"],
  ])("DIMS-81 DIMS-82 %ix%i", async (width, height, expected) => {
    const source = await photo(width, height).jpeg({ quality: 90 }).toBuffer();
    const { body } = await make(source, [size1]);
    expect(await sizeOfFile(body)).toBe(expected);
    expect(body.length).toBeLessThan(source.length);
  });

  it("DIMS-84 leaves the image as it is when nothing applies, DIMS-85 goes on with the next command", async () => {
    const never = { kind: "byOriginal", choices: [{ maxWidth: 10, maxHeight: undefined, commands: [] }] } as const;
    expect(await run(png, [never])).toMatchObject({ kind: "unchanged" });
    expect(await sizeOfFile((await make(png, [never, resize("64x")])).body)).toBe("64x48");
  });

  it("refuses a missing overlay in the chosen chain (DIMS-71)", async () => {
    expect(await run(png, [composite("/nowhere/mark.png")])).toMatchObject({ kind: "refused", reason: "conversion" });
  });
});
