import { type ImageSize, regionOf, sizeOf } from "@basalt/policy/dims";
import { unreachable } from "@basalt/types";
import { drawAnnotation } from "./annotation.ts";
import { placeLayer } from "./layers.ts";
import { overlayLayer } from "./overlayFiles.ts";
import type { Picture } from "./picture.ts";
import type { PixelCommand } from "./plan.ts";
import { refuseConversion } from "./refusal.ts";
import { roundCorners } from "./roundCorners.ts";
import { applySepia, LUMINANCE } from "./toning.ts";

export const applyStep = async (picture: Picture, step: PixelCommand): Promise<void> => {
  switch (step.kind) {
    case "crop": {
      const { width, height } = await picture.size();
      const region = regionOf(step.region, step.from, width, height);
      return picture.extract(region ?? refuseConversion("the region is outside of the image"));
    }
    case "resize": {
      const { width, height } = await picture.size();
      return picture.resize(sizeOf(step.size, width, height));
    }
    case "resizec":
      return fitOnCanvas(picture, step);
    case "extent":
      return cutToCanvas(picture, step);
    case "resizecrop":
      return picture.cover({ width: step.width, height: step.height }, step.focus);
    case "trim":
      return picture.trim();
    case "composite": {
      const layer = await overlayLayer(step.overlay.file, step.overlay.dissolve, picture.context.settings);
      return picture.overlay([placeLayer(layer, step.overlay, await picture.size())]);
    }
    case "annotation":
      for (const annotation of step.annotations) {
        const size = await picture.size();
        const layer = await drawAnnotation(annotation, size, picture.context.settings);
        if (layer !== undefined) await picture.overlay([placeLayer(layer, annotation, size)]);
      }
      return;
    case "invert":
      return picture.negate();
    case "grayscale":
      return picture.recombine(LUMINANCE);
    case "flipflop":
      return step.axis === "vertical" ? picture.flip() : picture.flop();
    case "bright":
      return picture.shift([(255 * step.brightness) / 100]);
    case "rotate":
      return picture.rotate(step.degrees);
    case "sepia":
      return applySepia(picture, step.threshold);
    case "round":
      return roundCorners(picture, step.radius);
    case "autoorient":
      return picture.orient();
    default:
      return unreachable(step);
  }
};

/** DIMS-36: larger canvas around an image that fits into the box, else reduction to the box. */
const fitOnCanvas = async (picture: Picture, box: ImageSize): Promise<void> => {
  const { width, height } = await picture.size();
  if (width <= box.width && height <= box.height) return picture.extend({ width: box.width, height: box.height });
  const scale = Math.min(box.width / width, box.height / height);
  const side = (length: number): number => Math.max(1, Math.floor(scale * length + 0.5));
  return picture.resize({ width: side(width), height: side(height) });
};

/** DIMS-37: each side is cut, from the top left corner, or grown. */
const cutToCanvas = async (picture: Picture, canvas: ImageSize): Promise<void> => {
  const { width, height } = await picture.size();
  await picture.extract({
    left: 0,
    top: 0,
    width: Math.min(width, canvas.width),
    height: Math.min(height, canvas.height),
  });
  return picture.extend({ width: canvas.width, height: canvas.height });
};
