import type { ImageSettings } from "@basalt/policy/dims";
import { refuseConversion } from "./refusal.ts";

export type ImageLimits = Pick<ImageSettings, "maxSidePixels" | "maxPixels" | "maxFrames">;

/** Frames of an animation count together (DIMS-48). */
export const checkSize = (limits: ImageLimits, width: number, height: number, frames: number): void => {
  if (!(width >= 1 && height >= 1)) refuseConversion(`${width}x${height} is no size`);
  if (width > limits.maxSidePixels || height > limits.maxSidePixels || width * height * frames > limits.maxPixels) {
    refuseConversion(`${width}x${height} pixels in ${frames} frames are beyond the limit`);
  }
};
