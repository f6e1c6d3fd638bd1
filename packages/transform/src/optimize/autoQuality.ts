import sharp, { type Sharp } from "sharp";
import * as ssimLibrary from "ssim.js";
import type { RawPixels } from "./rawPixels.ts";

export interface AutoQualityRequest {
  readonly reference: RawPixels;
  /** SSIM that the result is to reach, 0 to 1. */
  readonly targetSimilarity: number;
  /** Makes the file of one quality; called five times at most. */
  readonly encode: (quality: number) => Promise<Uint8Array<ArrayBuffer>>;
}

export interface AutoQualityResult {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly quality: number;
  readonly similarity: number;
}

/** 31 qualities: five encodings find the lowest that is good enough, and the last of them is the highest if none is. */
const QUALITIES = Array.from({ length: 31 }, (_, index) => 32 + 2 * index);

/** Tiles of this many pixels each way, so many each way: what is compared of a large picture, in its own resolution. */
const TILE_PIXELS = 64;
const TILES = 8;

/**
 * The file of the lowest quality whose similarity to the reference reaches the target, by bisection. Similarity is
 * that of luminance (transparent on white) on at most 512 by 512 pixels: tiles spread evenly over a larger picture,
 * not a smaller copy of it, in which the artefacts would vanish.
 */
export const encodeToSimilarity = async (request: AutoQualityRequest): Promise<AutoQualityResult> => {
  const { reference, targetSimilarity, encode } = request;
  const { data, width, height, channels } = reference;
  const sample = sampleOf(width, height);
  const expected = await takeSample(sharp(data, { raw: { width, height, channels } }), sample);
  let low = 0;
  let high = QUALITIES.length;
  let best: AutoQualityResult | undefined;
  let last: AutoQualityResult | undefined;
  while (low < high) {
    const middle = (low + high) >> 1;
    const quality = QUALITIES[middle] ?? 0;
    const body = await encode(quality);
    const similarity = similarityOf(expected, await takeSample(sharp(body), sample), sample);
    last = { body, quality, similarity };
    if (similarity >= targetSimilarity) {
      best = last;
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const result = best ?? last;
  if (result === undefined) throw new Error("bisection of no qualities");
  return result;
};

interface Sample {
  readonly width: number;
  readonly height: number;
  /** Left and top edges of the tiles. */
  readonly lefts: readonly number[];
  readonly tops: readonly number[];
  readonly tileWidth: number;
  readonly tileHeight: number;
}

const sampleOf = (width: number, height: number): Sample => {
  const [lefts, tileWidth] = edgesOf(width);
  const [tops, tileHeight] = edgesOf(height);
  return { width, height, lefts, tops, tileWidth, tileHeight };
};

const edgesOf = (length: number): readonly [edges: readonly number[], tile: number] => {
  if (length <= TILES * TILE_PIXELS) return [[0], length];
  const step = (length - TILE_PIXELS) / (TILES - 1);
  return [Array.from({ length: TILES }, (_, index) => Math.floor(index * step)), TILE_PIXELS];
};

const takeSample = async (image: Sharp, sample: Sample): Promise<Uint8ClampedArray> => {
  const { data, info } = await image
    .flatten({ background: "#ffffff" })
    .greyscale()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== sample.width || info.height !== sample.height) throw new Error("encoding changed the size");
  const { lefts, tops, tileWidth, tileHeight } = sample;
  const rgba = new Uint8ClampedArray(lefts.length * tileWidth * tops.length * tileHeight * 4);
  let at = 0;
  for (const top of tops) {
    for (let y = top; y < top + tileHeight; y += 1) {
      for (const left of lefts) {
        const row = (y * info.width + left) * info.channels;
        for (let x = 0; x < tileWidth; x += 1, at += 4) {
          const grey = data[row + x * info.channels] ?? 0;
          rgba[at] = grey;
          rgba[at + 1] = grey;
          rgba[at + 2] = grey;
          rgba[at + 3] = 255;
        }
      }
    }
  }
  return rgba;
};

const similarityOf = (expected: Uint8ClampedArray, actual: Uint8ClampedArray, sample: Sample): number => {
  const width = sample.lefts.length * sample.tileWidth;
  const height = sample.tops.length * sample.tileHeight;
  const windowSize = Math.min(11, width, height);
  return ssimLibrary.ssim(
    { data: expected, width, height },
    { data: actual, width, height },
    { ssim: "bezkrovny", downsample: false, windowSize },
  ).mssim;
};
