import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { optimizeImage, optimizePng } from "../../src/optimize/index.ts";
import { looksSame, makeJpeg, makeScene, repeatable } from "../support/pictures.ts";

const KEEP = { stripsMetadata: false };

/** In all bits, with the transparency that a source without it has. */
const samples = (picture: Uint8Array | undefined, depth: "uchar" | "ushort"): Promise<Buffer> =>
  sharp(picture)
    .toColourspace(depth === "ushort" ? "rgb16" : "srgb")
    .ensureAlpha()
    .raw({ depth })
    .toBuffer();

describe("optimize for other formats", () => {
  it.each([
    ["true colour", () => makeScene(120, 80).png({ compressionLevel: 1 }).toBuffer()],
    ["interlaced", () => makeScene(64, 64).png({ progressive: true }).toBuffer()],
    [
      "grey stored as colour",
      () => makeScene(64, 64).greyscale().toColourspace("srgb").png({ compressionLevel: 1 }).toBuffer(),
    ],
    ["transparent", () => makeScene(64, 64).ensureAlpha(0.4).png({ compressionLevel: 1 }).toBuffer()],
    ["of 16 bits", () => makeScene(64, 64).toColourspace("rgb16").png({ compressionLevel: 1 }).toBuffer()],
  ])("PNG, %s: the same pixels in fewer bytes", async (_, make) => {
    const source = await make();
    const result = optimizePng(source, KEEP);
    expect(result?.length ?? source.length).toBeLessThan(source.length);
    const depth = (await sharp(source).metadata()).depth === "ushort" ? "ushort" : "uchar";
    expect((await samples(result, depth)).equals(await samples(source, depth))).toBe(true);
  });

  it("PNG of few colours becomes one with a palette", async () => {
    const source = await sharp({ create: { width: 200, height: 100, channels: 3, background: "#336699" } })
      .composite([{ input: { create: { width: 40, height: 40, channels: 3, background: "#ffcc00" } } }])
      .png({ compressionLevel: 1 })
      .toBuffer();
    const result = optimizePng(source, KEEP);
    expect((await sharp(result).metadata()).isPalette).toBe(true);
    expect((await samples(result, "uchar")).equals(await samples(source, "uchar"))).toBe(true);
  });

  it("an animated PNG, a huge one and one that is not sound stay as they are", async () => {
    const source = await makeScene(32, 32).png({ compressionLevel: 1 }).toBuffer();
    const animation = Buffer.from("00000008" + "6163544c" + "0000000100000000" + "00000000", "hex");
    animation.writeUInt32BE(crc32(animation.subarray(4, 16)), 16);
    expect(optimizePng(Buffer.concat([source.subarray(0, 33), animation, source.subarray(33)]), KEEP)).toBeUndefined();
    const huge = Buffer.from(source);
    huge.writeUInt32BE(100_000, 16);
    huge.writeUInt32BE(100_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    expect(optimizePng(huge, KEEP)).toBeUndefined();
    expect(optimizePng(source.subarray(0, source.length - 20), KEEP)).toBeUndefined();
  });

  it("120 damaged PNG: unchanged, or the same pixels", async () => {
    const random = repeatable(3);
    const source = await makeScene(24, 24).png({ compressionLevel: 1 }).toBuffer();
    for (let round = 0; round < 120; round += 1) {
      const mutant = Buffer.from(source);
      const at = Math.floor(random() * mutant.length);
      mutant[at] = (mutant[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      const result = optimizePng(mutant, KEEP);
      if (result !== undefined) expect(await looksSame(result, mutant)).toBe(true);
    }
  });

  it("lossless WebP is compressed again with its transparent pixels, other WebP is not", async () => {
    const scene = makeScene(60, 60).ensureAlpha(0);
    const source = await scene.webp({ lossless: true, exact: true, effort: 0 }).toBuffer();
    const result = await optimizeImage(source, KEEP);
    expect(result?.length ?? source.length).toBeLessThan(source.length);
    expect(await looksSame(result ?? source, source)).toBe(true);
    expect(await optimizeImage(await makeScene(60, 60).webp().toBuffer(), KEEP)).toBeUndefined();
  });

  it("GIF and what is no picture stay as they are; JPEG does not need to be said", async () => {
    expect(await optimizeImage(await makeScene(20, 20).gif().toBuffer(), KEEP)).toBeUndefined();
    expect(await optimizeImage(Buffer.from("text"), KEEP)).toBeUndefined();
    expect(await optimizeImage(await makeJpeg(64, 64), KEEP)).toBeDefined();
  });
});
