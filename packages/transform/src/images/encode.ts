import type { ImageFormat } from "@basalt/policy/dims";
import { unreachable } from "@basalt/types";
import type { Sharp } from "sharp";
import { encodeToSimilarity } from "../optimize/index.ts";
import type { Picture, PictureContext } from "./picture.ts";
import type { PixelCommand } from "./plan.ts";

export const CONTENT_TYPES: { readonly [Format in ImageFormat]: string } = {
  jpg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

/** Where neither the command nor the source says it. A JPEG is otherwise written at the quality of its source. */
const USUAL_QUALITY = { jpg: 85, webp: 80, avif: 50 } as const;

/** Of 0 to 9. The next one makes 6 % less and takes half as long again, 4 takes nine times as long. */
const AVIF_EFFORT = 2;

/** Formats whose quality can be searched for. */
const isGraded = (format: ImageFormat): format is keyof typeof USUAL_QUALITY => format in USUAL_QUALITY;

export const encodePicture = async (picture: Picture): Promise<Uint8Array<ArrayBuffer>> => {
  const { plan, settings } = picture.context;
  if (plan.quality !== "auto" || !isGraded(plan.format) || plan.frames > 1) {
    return picture.write((pipeline) => chooseFormat(pipeline, picture.context, undefined));
  }
  const { data: pixels, width, height, channels } = await picture.readPixels();
  const { body } = await encodeToSimilarity({
    reference: { data: pixels, width, height, channels },
    targetSimilarity: settings.targetSimilarity,
    encode: (quality) => picture.write((pipeline) => chooseFormat(pipeline.clone(), picture.context, quality)),
  });
  return body;
};

/** Steps after which the colours of a GIF still are those of its palette. */
const keepsColours = ({ kind }: PixelCommand): boolean =>
  kind === "crop" || kind === "resize" || kind === "resizecrop" || kind === "flipflop" || kind === "trim";

const chooseFormat = (pipeline: Sharp, { plan, facts }: PictureContext, searched: number | undefined): Sharp => {
  const asked = searched ?? (plan.quality === "auto" ? undefined : plan.quality);
  const quality = asked === undefined ? undefined : Math.max(1, asked);
  const isSameFormat = plan.format === facts.format;
  const animation =
    plan.frames > 1 ? { delay: facts.delays.slice(0, plan.frames), loop: facts.rounds } : { loop: facts.rounds };
  switch (plan.format) {
    case "jpg":
      return pipeline.jpeg({
        quality: quality ?? facts.quality ?? USUAL_QUALITY.jpg,
        progressive: isSameFormat && facts.isProgressive,
        chromaSubsampling: isSameFormat && facts.hasFullColorSampling ? "4:4:4" : "4:2:0",
      });
    case "png": {
      const isPalette = (isSameFormat && facts.isPalette && !facts.isDeep) || (quality ?? 100) < 100;
      const progressive = isSameFormat && facts.isProgressive;
      return pipeline.png({ progressive, ...(isPalette && { palette: true, quality: quality ?? 100 }) });
    }
    case "gif":
      return pipeline.gif({ ...animation, keepDuplicateFrames: true, reuse: plan.steps.every(keepsColours) });
    case "webp": {
      const lossless = isSameFormat && facts.isLossless && quality === undefined;
      return pipeline.webp({ quality: quality ?? USUAL_QUALITY.webp, lossless, ...(plan.frames > 1 && animation) });
    }
    case "avif":
      return pipeline.avif({ quality: quality ?? USUAL_QUALITY.avif, effort: AVIF_EFFORT });
    default:
      return unreachable(plan.format);
  }
};
