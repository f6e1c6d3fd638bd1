import type { ColourMatrix, Picture } from "./picture.ts";

/** Rec. 709 luminance on every channel, as ImageMagick takes it for grey. */
export const LUMINANCE: ColourMatrix = [
  [0.2126, 0.7152, 0.0722],
  [0.2126, 0.7152, 0.0722],
  [0.2126, 0.7152, 0.0722],
];

/**
 * The tone of ImageMagick's `-sepia-tone`: luminance, lifted in red and (by 7/6 of the threshold) in green, lowered in
 * blue. `threshold`: 0 to 1; 0.8 is usual.
 */
export const applySepia = async (picture: Picture, threshold: number): Promise<void> => {
  await picture.recombine(LUMINANCE);
  const tone = 255 * threshold;
  await picture.shift([255 - tone, Math.max(0, 255 - (7 * tone) / 6), -tone / 6]);
};
