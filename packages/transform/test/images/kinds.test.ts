import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { expectColour, format, make, pixelsOf, resize, run, similarity, sizeOfFile } from "./support/conversion.ts";
import { blocks, photo } from "./support/pictures.ts";

describe("formats", () => {
  it.each([
    ["png", "image/png"],
    ["jpg", "image/jpeg"],
    ["gif", "image/gif"],
    ["webp", "image/webp"],
    ["avif", "image/avif"],
  ] as const)("DIMS-39 from and to %s", async (name, contentType) => {
    const jpeg = await photo(160, 120).jpeg({ quality: 92 }).toBuffer();
    const made = await make(jpeg, [format(name), ...(name === "jpg" ? [resize("100x100")] : [])]);
    expect(made.contentType).toBe(contentType);
    const back = await make(made.body, [resize("80x60"), format("png")]);
    const expected = await sharp(jpeg).resize(80, 60).png().toBuffer();
    expect(await similarity(back.body, expected)).toBeGreaterThan(name === "gif" ? 0.7 : 0.9);
    expect(back.contentType).toBe("image/png");
  });

  it("REG-187 DIMS-39 a transparent picture becomes a JPEG on white", async () => {
    const source = await blocks(60, 40, "#00000000", [{ left: 20, top: 10, width: 20, height: 20, colour: "#0000ff" }])
      .png()
      .toBuffer();
    const pixels = await pixelsOf((await make(source, [resize("120x80"), format("jpg")])).body);
    expectColour(pixels.at(5, 5), [255, 255, 255, 255]);
    expectColour(pixels.at(60, 40), [0, 0, 254, 255]);
  });

  it("REG-187 DIMS-39 so do those of every format that can be transparent, at once or behind other commands", async () => {
    const blue = { left: 20, top: 10, width: 20, height: 20, colour: "#0000ff" };
    const drawn = () => blocks(60, 40, "#00000000", [blue]);
    const sources = {
      png: drawn().png(),
      palette: drawn().png({ palette: true, colours: 4 }),
      "16 bits": drawn().toColourspace("rgb16").png(),
      gif: drawn().gif(),
      webp: drawn().webp({ lossless: true }),
      avif: drawn().avif({ lossless: true }),
    };
    for (const [kind, source] of Object.entries(sources)) {
      for (const commands of [[], [resize("120x80")], [{ kind: "rotate", degrees: 90 } as const, resize("60x60")]]) {
        const { body } = await make(await source.clone().toBuffer(), [...commands, format("jpg")]);
        const { channels } = await sharp(body).stats();
        expect([kind, commands.length, (channels[0]?.mean ?? 0) > 150]).toEqual([kind, commands.length, true]);
        expectColour((await pixelsOf(body)).at(1, 1), [255, 255, 255, 255]);
      }
    }
  });

  it("DIMS-40 quality makes a smaller file of the same size", async () => {
    for (const name of ["jpg", "webp", "avif", "png"] as const) {
      const source = (
        await make(await photo(200, 150).png().toBuffer(), [format(name), { kind: "quality", quality: 90 }])
      ).body;
      const { body } = await make(source, [{ kind: "quality", quality: 25 }]);
      expect([name, await sizeOfFile(body), body.length < source.length]).toEqual([name, "200x150", true]);
    }
  });

  it("DIMS-40 takes the ends of the range", async () => {
    const source = await photo(80, 60).jpeg().toBuffer();
    const [least, most] = [
      await make(source, [{ kind: "quality", quality: 0 }]),
      await make(source, [{ kind: "quality", quality: 100 }]),
    ];
    expect(least.body.length).toBeLessThan(most.body.length);
  });

  it("a JPEG is written at the quality it came with", async () => {
    for (const quality of [40, 75, 92]) {
      const source = await photo(200, 150).jpeg({ quality }).toBuffer();
      const { body } = await make(source, [{ kind: "flipflop", axis: "horizontal" }]);
      expect(body.length / source.length).toBeGreaterThan(0.9);
      expect(body.length / source.length).toBeLessThan(1.1);
    }
  });

  it("quality/auto takes less for a picture that is easy to write, and is the same each time", async () => {
    const source = await photo(200, 150).jpeg({ quality: 98 }).toBuffer();
    const first = await make(source, [{ kind: "quality", quality: "auto" }]);
    expect(first.body.length).toBeLessThan(source.length);
    expect(await similarity(first.body, source)).toBeGreaterThan(0.9);
    const second = await make(source, [{ kind: "quality", quality: "auto" }]);
    expect(Buffer.from(second.body).equals(first.body)).toBe(true);
  });

  it("the original stays where nothing but quality was asked for and the result is larger", async () => {
    const source = await photo(160, 120).jpeg({ quality: 30 }).toBuffer();
    const better = [{ kind: "quality", quality: 95 }] as const;
    expect(await run(source, better, { keepsSmaller: true })).toMatchObject({ kind: "unchanged" });
    expect((await make(source, better)).body.length).toBeGreaterThan(source.length);
    expect(await run(source, [resize("300x300"), ...better], { keepsSmaller: true })).toMatchObject({ kind: "done" });
  });

  it("commands without an effect leave the file alone", async () => {
    const source = await photo(160, 120).jpeg({ quality: 30 }).toBuffer();
    expect(await run(source, [resize("160x120"), { kind: "rotate", degrees: 360 }])).toMatchObject({
      kind: "unchanged",
    });
  });
});

describe("kinds of sources", () => {
  const orientedJpeg = () => photo(120, 80).withMetadata({ orientation: 6 }).jpeg({ quality: 92 }).toBuffer();

  it("without autoOrient the pixels stay and so does the orientation in EXIF", async () => {
    const { body } = await make(await orientedJpeg(), [resize("60x60")]);
    const { width, height, orientation } = await sharp(body).metadata();
    expect({ width, height, orientation }).toEqual({ width: 60, height: 40, orientation: 6 });
  });

  it.each([
    ["by setting", [resize("60x60")], { autoOrient: true }],
    ["by command, first", [{ kind: "autoorient" }, resize("60x60")], {}],
    ["by command, later", [resize("60x60"), { kind: "autoorient" }], {}],
  ] as const)("turns the picture as EXIF says, %s", async (_, commands, settings) => {
    const source = await orientedJpeg();
    const { body } = await make(source, commands, settings);
    const { width, height, orientation } = await sharp(body).metadata();
    expect({ width, height, orientation: orientation ?? 1 }).toEqual({ width: 40, height: 60, orientation: 1 });
    const expected = await sharp(source, { autoOrient: true }).resize(40, 60).png().toBuffer();
    expect(await similarity(body, expected)).toBeGreaterThan(0.9);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("autoorient and a crop, orientation %i", async (orientation) => {
    const source = await photo(120, 80).withMetadata({ orientation }).jpeg({ quality: 92 }).toBuffer();
    const crop = {
      kind: "crop",
      from: "topLeft",
      region: { width: 50, height: 40, isPercent: false, x: 10, y: 5 },
    } as const;
    const { body } = await make(source, [{ kind: "autoorient" }, crop, format("png")]);
    const turned = await sharp(source, { autoOrient: true }).png().toBuffer();
    const expected = await sharp(turned).extract({ left: 10, top: 5, width: 50, height: 40 }).png().toBuffer();
    expect(await similarity(body, expected)).toBeGreaterThan(0.98);
  });

  it("a format without an orientation gets a picture that is turned", async () => {
    expect(await sizeOfFile((await make(await orientedJpeg(), [format("avif")])).body)).toBe("80x120");
  });

  it("DIMS-31 strip removes EXIF and leaves how the picture is shown", async () => {
    const { body } = await make(await orientedJpeg(), [resize("60x60"), { kind: "strip", isOn: true }]);
    const { exif, orientation } = await sharp(body).metadata();
    expect([exif?.length ?? 0, orientation]).toEqual([expect.any(Number), 6]);
    expect(exif?.length ?? 0).toBeLessThan(140);
    const upright = await photo(120, 80)
      .withExif({ IFD0: { Artist: "Ada" } })
      .jpeg()
      .toBuffer();
    const stripped = await make(upright, [resize("60x60"), { kind: "strip", isOn: true }]);
    expect((await sharp(stripped.body).metadata()).exif).toBeUndefined();
    const kept = await make(upright, [resize("60x60"), { kind: "strip", isOn: false }]);
    expect((await sharp(kept.body).metadata()).exif?.includes("Ada")).toBe(true);
  });

  it("EXIF and profile pass a chain that takes several pipelines", async () => {
    const source = await photo(120, 80)
      .withIccProfile("p3")
      .withExifMerge({ IFD0: { Artist: "Ada" } })
      .jpeg()
      .toBuffer();
    const { body } = await make(source, [
      { kind: "rotate", degrees: 90 },
      resize("40x"),
      { kind: "rotate", degrees: 90 },
    ]);
    const { exif, icc } = await sharp(body).metadata();
    expect([exif?.includes("Ada"), icc !== undefined]).toEqual([true, true]);
  });

  it("a profile is kept with its numbers, or both become sRGB", async () => {
    const source = await sharp({ create: { width: 40, height: 40, channels: 3, background: "#c03020" } })
      .withIccProfile("p3")
      .png()
      .toBuffer();
    const numbers = (await sharp(source).keepIccProfile().raw().toBuffer()).subarray(0, 3);
    const kept = (await make(source, [resize("20x20")])).body;
    expect((await sharp(kept).metadata()).icc).toBeDefined();
    expectColour([...(await sharp(kept).keepIccProfile().raw().toBuffer()).subarray(0, 3)], [...numbers], 2);
    const converted = (await make(source, [resize("20x20")], { convertsToSrgb: true })).body;
    expect((await sharp(converted).metadata()).icc).toBeUndefined();
    expectColour((await pixelsOf(converted)).at(5, 5), [192, 48, 32, 255], 3);
  });

  it("CMYK stays CMYK for what only moves pixels, and becomes sRGB for the rest", async () => {
    const source = await photo(120, 80).toColourspace("cmyk").jpeg({ quality: 92 }).toBuffer();
    const space = async (file: Uint8Array) => (await sharp(file).metadata()).space;
    expect(await space((await make(source, [resize("60x60")])).body)).toBe("cmyk");
    expect(await space((await make(source, [resize("60x60")], { convertsToSrgb: true })).body)).toBe("srgb");
    const png = (await make(source, [resize("60x60"), format("png")])).body;
    expect(await space(png)).toBe("srgb");
    expect(await similarity(png, await photo(120, 80).resize(60, 40).png().toBuffer())).toBeGreaterThan(0.85);
    expect(await space((await make(source, [{ kind: "sepia", threshold: 0.8 }])).body)).toBe("srgb");
  });

  it("16 bits stay in a PNG that is cut and reduced, also in several pipelines", async () => {
    const source = await photo(120, 80).toColourspace("rgb16").png().toBuffer();
    const { body } = await make(source, [resize("60x60"), { kind: "rotate", degrees: 90 }, resize("20x30!")]);
    const { depth, width, height } = await sharp(body).metadata();
    expect({ depth, width, height }).toEqual({ depth: "ushort", width: 20, height: 30 });
    expect((await sharp((await make(source, [format("jpg")])).body).metadata()).depth).toBe("uchar");
    const bright = (await make(source, [{ kind: "bright", brightness: 100 }])).body;
    expectColour((await pixelsOf(bright)).at(3, 3), [255, 255, 255, 255]);
  });

  it("a grey picture stays grey until colour is put on it", async () => {
    const source = await photo(120, 80).toColourspace("b-w").jpeg().toBuffer();
    const channels = async (file: Uint8Array) => (await sharp(file).metadata()).channels;
    expect(await channels((await make(source, [resize("60x60")])).body)).toBe(1);
    expect(await channels((await make(source, [{ kind: "sepia", threshold: 0.8 }])).body)).toBe(3);
  });

  it("interlaced, progressive, palette and lossless pictures come out as they went in", async () => {
    const interlaced = await make(await photo(120, 80).png({ progressive: true }).toBuffer(), [resize("60x60")]);
    const progressive = await make(await photo(120, 80).jpeg({ progressive: true }).toBuffer(), [resize("60x60")]);
    const palette = await make(await photo(120, 80).png({ palette: true }).toBuffer(), [resize("60x60")]);
    const metadata = await Promise.all([interlaced, progressive, palette].map(({ body }) => sharp(body).metadata()));
    expect(metadata.map(({ isProgressive, isPalette }) => ({ isProgressive, isPalette }))).toEqual([
      { isProgressive: true, isPalette: false },
      { isProgressive: true, isPalette: false },
      { isProgressive: false, isPalette: true },
    ]);
    const lossless = await blocks(40, 40, "#123456").webp({ lossless: true }).toBuffer();
    const { body } = await make(lossless, [{ kind: "flipflop", axis: "vertical" }]);
    expect((await pixelsOf(body)).at(20, 20)).toEqual([0x12, 0x34, 0x56, 255]);
  });
});

describe("descriptions", () => {
  it.each(["blurhash", "thumbhash", "color", "info"] as const)("describe/%s is JSON", async (form) => {
    const source = await photo(120, 80).jpeg().toBuffer();
    const { body, contentType } = await make(source, [resize("60x60"), { kind: "describe", form }]);
    expect(contentType).toBe("application/json");
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ width: 60, height: 40 });
  });
});
