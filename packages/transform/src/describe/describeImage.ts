import { unreachable } from "@basalt/types";
import { encode as encodeBlurhash } from "blurhash";
import sharp from "sharp";
import { rgbaToThumbHash } from "thumbhash";
import type { RawPixels } from "../optimize/rawPixels.ts";
import { dominantColor } from "./dominantColor.ts";

export interface ImageFacts {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** As EXIF counts it, 1 to 8. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
}

export type DescriptionForm = "blurhash" | "thumbhash" | "color" | "info";

/** Longest side of what the hashes and the colour are made of. */
const SAMPLE_PIXELS = 64;

export const DESCRIPTION_TYPE = "application/json";

/**
 * The JSON document of a `describe` command. `readPixels` gives the first frame at any size and is not called for
 * `info`; a picture that was reduced before (to 64 pixels or more) gives the same description.
 */
export const describeImage = async (
  form: DescriptionForm,
  facts: ImageFacts,
  readPixels: () => Promise<RawPixels>,
): Promise<Uint8Array<ArrayBuffer>> => {
  const { width, height } = facts;
  switch (form) {
    case "info": {
      const { format, frames, orientation, hasAlpha } = facts;
      return toJson({ format, width, height, frames, orientation, hasAlpha });
    }
    case "blurhash": {
      const sample = await reduce(await readPixels());
      const [across, down] = width >= height ? [4, 3] : [3, 4];
      const pixels = new Uint8ClampedArray(await onWhite(sample));
      return toJson({ width, height, blurhash: encodeBlurhash(pixels, sample.width, sample.height, across, down) });
    }
    case "thumbhash": {
      const sample = await reduce(await readPixels());
      const hash = rgbaToThumbHash(sample.width, sample.height, sample.data);
      return toJson({ width, height, thumbhash: Buffer.from(hash).toString("base64") });
    }
    case "color":
      return toJson({ width, height, color: dominantColor((await reduce(await readPixels())).data) });
    default:
      return unreachable(form);
  }
};

const toJson = (description: object): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(`${JSON.stringify(description)}\n`));

/** RGBA of at most 64 by 64 pixels. */
const reduce = async ({ data, width, height, channels }: RawPixels): Promise<RawPixels> => {
  const { data: reduced, info } = await sharp(data, { raw: { width, height, channels } })
    .resize(SAMPLE_PIXELS, SAMPLE_PIXELS, { fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { data: reduced, width: info.width, height: info.height, channels: 4 };
};

const onWhite = ({ data, width, height, channels }: RawPixels): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels } }).flatten({ background: "#ffffff" }).ensureAlpha().raw().toBuffer();
