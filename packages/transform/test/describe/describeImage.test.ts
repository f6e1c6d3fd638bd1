import { decode as decodeBlurhash, isBlurhashValid } from "blurhash";
import sharp from "sharp";
import { thumbHashToApproximateAspectRatio, thumbHashToAverageRGBA } from "thumbhash";
import { describe, expect, it } from "vitest";
import { type DescriptionForm, describeImage, type ImageFacts } from "../../src/describe/index.ts";
import type { RawPixels } from "../../src/optimize/index.ts";

const FACTS: ImageFacts = { format: "jpg", width: 300, height: 150, frames: 1, orientation: 6, hasAlpha: false };

const paint = async (background: string, width = 300, height = 150): Promise<RawPixels> => {
  const { data, info } = await sharp({ create: { width, height, channels: 4, background } })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 4 };
};

const describeAs = async (form: DescriptionForm, pixels: RawPixels): Promise<Record<string, unknown>> =>
  JSON.parse(Buffer.from(await describeImage(form, FACTS, async () => pixels)).toString());

describe("describe", () => {
  it("info says what the picture is without decoding it", async () => {
    const body = await describeImage("info", FACTS, () => Promise.reject(new Error("decoded")));
    expect(JSON.parse(Buffer.from(body).toString())).toEqual(FACTS);
  });

  it("blurhash is one that readers take, in the colour of the picture", async () => {
    const { blurhash, width, height } = await describeAs("blurhash", await paint("#3366cc"));
    expect({ width, height }).toEqual({ width: 300, height: 150 });
    expect(isBlurhashValid(String(blurhash))).toEqual({ result: true });
    const [red = 0, green = 0, blue = 0] = decodeBlurhash(String(blurhash), 1, 1);
    const off = [red - 0x33, green - 0x66, blue - 0xcc].map((difference) => Math.abs(difference));
    expect(Math.max(...off)).toBeLessThan(20);
  });

  it("thumbhash has the shape, the colour and the transparency", async () => {
    const { thumbhash } = await describeAs("thumbhash", await paint("rgba(200,100,0,0.5)"));
    const hash = Buffer.from(String(thumbhash), "base64");
    const { r, g, b, a } = thumbHashToAverageRGBA(hash);
    expect(r).toBeGreaterThan(g);
    expect(g).toBeGreaterThan(b);
    expect(a).toBeCloseTo(0.5, 1);
    const opaque = await describeAs("thumbhash", await paint("#808080"));
    expect(thumbHashToApproximateAspectRatio(Buffer.from(String(opaque.thumbhash), "base64"))).toBeGreaterThan(1);
  });

  it("the dominant colour is the one that most has, not the mean", async () => {
    const base = await paint("#cc2211", 100, 100);
    const corner = await paint("#0044ff", 40, 100);
    const { data } = await sharp(Buffer.from(base.data), { raw: { width: 100, height: 100, channels: 4 } })
      .composite([{ input: Buffer.from(corner.data), raw: { width: 40, height: 100, channels: 4 }, left: 0, top: 0 }])
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect((await describeAs("color", { ...base, data })).color).toBe("#cc2211");
    expect((await describeAs("color", await paint("rgba(1,2,3,0)"))).color).toBe("#ffffff");
  });

  it("takes every number of channels and every size", async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      for (const [width, height] of [
        [1, 1],
        [1, 400],
        [400, 3],
      ] as const) {
        const pixels = { data: new Uint8Array(width * height * channels).fill(128), width, height, channels };
        for (const form of ["blurhash", "thumbhash", "color"] as const) {
          expect(Object.keys(await describeAs(form, pixels))).toContain(form);
        }
      }
    }
  });
});
