import type { ImageCommand, ImageOverlay, ImageSettings, RegionGeometry, SizeGeometry } from "@basalt/policy/dims";
import sharp from "sharp";
import * as ssimLibrary from "ssim.js";
import { expect } from "vitest";
import { convertImage } from "../../../src/images/convertImage.ts";

export const SETTINGS: ImageSettings = {
  firstFrameOnly: false,
  maxSidePixels: 65_535,
  maxPixels: 100_000_000,
  maxFrames: 1_000,
  autoOrient: false,
  convertsToSrgb: false,
  stripsLocation: false,
  keepsSmaller: false,
  targetSimilarity: 0.98,
};

/** `WxH` with the flags of 17.4.1, as far as the tests need them. */
export const size = (text: string): SizeGeometry => {
  const [width, height] = text.replaceAll(/[%@!^<>]/g, "").split("x");
  return {
    width: width ? Number(width) : undefined,
    height: height ? Number(height) : undefined,
    isPercent: text.includes("%"),
    isArea: text.includes("@"),
    isExact: text.includes("!"),
    isMinimum: text.includes("^"),
    onlyShrinks: text.includes(">"),
    onlyEnlarges: text.includes("<"),
  };
};

export const resize = (text: string): ImageCommand => ({ kind: "resize", size: size(text) });

export const crop = (width: number, height: number, x = 0, y = 0): ImageCommand => ({
  kind: "crop",
  region: { width, height, isPercent: false, x, y } satisfies RegionGeometry,
  from: "topLeft",
});

export const cropCenter = (width: number, height: number, x = 0, y = 0): ImageCommand => ({
  kind: "crop",
  region: { width, height, isPercent: false, x, y },
  from: "center",
});

export const format = (name: "png" | "jpg" | "gif" | "webp" | "avif"): ImageCommand => ({
  kind: "format",
  format: name,
});

export const composite = (file: string, place: Partial<Omit<ImageOverlay, "file">> = {}): ImageCommand => ({
  kind: "composite",
  overlay: { file, gravity: "c", offset: at(0, 0), dissolve: 100, ...place },
});

export const at = (x: number, y: number) => ({ x, xIsPercent: false, y, yIsPercent: false });

export const run = (source: Uint8Array, commands: readonly ImageCommand[], settings: Partial<ImageSettings> = {}) =>
  convertImage({ kind: "image", commands, settings: { ...SETTINGS, ...settings } }, Uint8Array.from(source));

export interface Made {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string | undefined;
}

/** The result of a conversion that has to succeed. */
export const make = async (
  source: Uint8Array,
  commands: readonly ImageCommand[],
  settings: Partial<ImageSettings> = {},
): Promise<Made> => {
  const outcome = await run(source, commands, settings);
  if (outcome.kind !== "done") return expect.fail(`${outcome.kind}: ${JSON.stringify(outcome)}`);
  return outcome;
};

export interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  /** RGBA of one pixel. */
  at(x: number, y: number): readonly number[];
}

/** RGBA of the first frame, or of all frames one below the other. */
export const pixelsOf = async (file: Uint8Array, animated = false): Promise<Pixels> => {
  const { data, info } = await sharp(file, { animated })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { data, width, height, at: (x, y) => [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)] };
};

export const sizeOfFile = async (file: Uint8Array): Promise<string> => {
  const { width, height, pageHeight } = await sharp(file, { animated: true }).metadata();
  return `${width}x${pageHeight ?? height}`;
};

/** SSIM of two files of the same size; 1: the same picture. */
export const similarity = async (first: Uint8Array, second: Uint8Array): Promise<number> => {
  const [one, other] = [await pixelsOf(first), await pixelsOf(second)];
  expect(`${one.width}x${one.height}`).toBe(`${other.width}x${other.height}`);
  const { mssim } = ssimLibrary.ssim(dataOf(one), dataOf(other));
  return mssim;
};

const dataOf = ({ data, width, height }: Pixels) => ({
  data: new Uint8ClampedArray(data),
  width,
  height,
  colorSpace: "srgb" as const,
});

/** Whether all channels are as expected but for a few steps. */
export const expectColour = (actual: readonly number[], expected: readonly number[], tolerance = 6): void => {
  const isNear = expected.every((value, channel) => Math.abs(value - (actual[channel] ?? Number.NaN)) <= tolerance);
  expect(isNear, `${actual} is not about ${expected}`).toBe(true);
};
