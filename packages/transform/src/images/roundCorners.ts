import type { Layer, PlacedLayer } from "./layers.ts";
import type { Picture } from "./picture.ts";

/**
 * DIMS-101: corners of that radius in pixels, at most half of the shorter side. What they cut off is transparent, or
 * white where the result has no transparency.
 */
export const roundCorners = async (picture: Picture, radius: number): Promise<void> => {
  const { width, height } = await picture.size();
  const pixels = Math.min(Math.round(radius), Math.floor(Math.min(width, height) / 2));
  if (pixels < 1) return;
  const blend = picture.context.plan.format === "jpg" ? "over" : "dest-out";
  const corners: PlacedLayer[] = [];
  for (const isRight of [false, true]) {
    for (const isBottom of [false, true]) {
      corners.push({
        layer: cornerLayer(pixels, isRight, isBottom),
        left: isRight ? width - pixels : 0,
        top: isBottom ? height - pixels : 0,
        blend,
      });
    }
  }
  await picture.overlay(corners);
};

/** White where the corner is cut off, by the share of each pixel that is outside of the circle. */
const cornerLayer = (radius: number, isRight: boolean, isBottom: boolean): Layer => {
  const data = new Uint8Array(radius * radius * 4).fill(255);
  for (let y = 0; y < radius; y++) {
    for (let x = 0; x < radius; x++) {
      const across = isRight ? x + 0.5 : radius - x - 0.5;
      const down = isBottom ? y + 0.5 : radius - y - 0.5;
      const outside = Math.max(0, Math.min(1, Math.hypot(across, down) - radius + 0.5));
      data[(y * radius + x) * 4 + 3] = Math.round(255 * outside);
    }
  }
  return { data, width: radius, height: radius };
};
