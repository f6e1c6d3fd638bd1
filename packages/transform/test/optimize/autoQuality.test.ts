import type { Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { encodeToSimilarity, type RawPixels } from "../../src/optimize/index.ts";
import { makeScene } from "../support/pictures.ts";

const FORMATS: readonly (readonly [format: string, encode: (picture: Sharp, quality: number) => Sharp])[] = [
  ["JPEG", (picture, quality) => picture.jpeg({ quality })],
  ["WebP", (picture, quality) => picture.webp({ quality, effort: 0 })],
  ["AVIF", (picture, quality) => picture.avif({ quality, effort: 0 })],
];

const rawScene = async (width: number, height: number): Promise<RawPixels> => {
  const { data } = await makeScene(width, height).raw().toBuffer({ resolveWithObject: true });
  return { data, width, height, channels: 3 };
};

describe("quality/auto", () => {
  it.each(FORMATS)("finds the lowest quality of %s that is similar enough, in five encodings", async (_, encode) => {
    const reference = await rawScene(96, 64);
    const tried: number[] = [];
    const run = (targetSimilarity: number) =>
      encodeToSimilarity({
        reference,
        targetSimilarity,
        encode: (quality) => {
          tried.push(quality);
          return encode(makeScene(96, 64), quality).toBuffer();
        },
      });
    const modest = await run(0.9);
    expect(tried.length).toBeLessThanOrEqual(5);
    expect(modest.similarity).toBeGreaterThanOrEqual(0.9);
    const good = await run(0.97);
    expect(good.quality).toBeGreaterThan(modest.quality);
    expect(good.body.length).toBeGreaterThan(modest.body.length);
    const again = await run(0.97);
    expect(Buffer.compare(again.body, good.body)).toBe(0);
  });

  it("takes the highest quality where none is similar enough, and the lowest where all are", async () => {
    const reference = await rawScene(40, 30);
    const encode = (quality: number) => makeScene(40, 30).jpeg({ quality }).toBuffer();
    expect((await encodeToSimilarity({ reference, targetSimilarity: 1.1, encode })).quality).toBe(92);
    expect((await encodeToSimilarity({ reference, targetSimilarity: 0, encode })).quality).toBe(32);
  });

  it("looks at tiles of a large picture, and at pictures of any other size and channels", async () => {
    for (const [width, height] of [
      [1200, 700],
      [1, 1],
      [3, 700],
      [513, 5],
    ] as const) {
      const reference = await rawScene(width, height);
      const encode = (quality: number) => makeScene(width, height).jpeg({ quality }).toBuffer();
      const { similarity } = await encodeToSimilarity({ reference, targetSimilarity: 0.9, encode });
      expect(similarity).toBeGreaterThan(0.5);
    }
    for (const channels of [1, 2, 4] as const) {
      const data = new Uint8Array(32 * 32 * channels).fill(200);
      const encode = (quality: number) => makeScene(32, 32).jpeg({ quality }).toBuffer();
      const reference: RawPixels = { data, width: 32, height: 32, channels };
      expect((await encodeToSimilarity({ reference, targetSimilarity: 1.1, encode })).quality).toBe(92);
    }
  });
});
