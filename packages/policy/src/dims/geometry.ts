import type { Gravity, OverlayOffset, RegionGeometry, SizeGeometry } from "./contract.ts";

/** Whole pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Top-left corner, from that of the base image. */
export interface ImagePosition {
  readonly left: number;
  readonly top: number;
}

export type ImageRegion = ImageSize & ImagePosition;

/** DIMS-58. */
const round = (value: number): number => Math.floor(value + 0.5);

const atLeastOne = (width: number, height: number): ImageSize => ({
  width: Math.max(1, width),
  height: Math.max(1, height),
});

/** A root that is a whole number in exact arithmetic must not become the number below it. */
const ROOT_TOLERANCE = 1e-6;

const sideOfArea = (area: number): number => Math.floor(Math.sqrt(area) + ROOT_TOLERANCE);

const scaled = (width: number, height: number, scale: number): ImageSize =>
  atLeastOne(round(width * scale), round(height * scale));

/** The size without `<` and `>`. */
const plainSizeOf = (geometry: SizeGeometry, width: number, height: number): ImageSize => {
  const { width: first, height: second, isPercent, isArea, isExact, isMinimum } = geometry;
  if (isArea) {
    const area = first ?? second ?? 1;
    return atLeastOne(sideOfArea((area * width) / height), sideOfArea((area * height) / width));
  }
  if (isPercent) {
    const across = first ?? second ?? 100;
    const down = second ?? first ?? 100;
    return atLeastOne(round((width * across) / 100), round((height * down) / 100));
  }
  if (isExact) return atLeastOne(round(first ?? width), round(second ?? height));
  const across = first === undefined ? undefined : first / width;
  const down = second === undefined ? undefined : second / height;
  if (across === undefined || down === undefined) return scaled(width, height, across ?? down ?? 1);
  return scaled(width, height, isMinimum ? Math.max(across, down) : Math.min(across, down));
};

/** DIMS-57: smaller than the box in every side that it names. */
const fitsInside = (geometry: SizeGeometry, width: number, height: number): boolean => {
  const { width: first, height: second, isPercent, isArea } = geometry;
  if (isArea) return width * height < (first ?? second ?? 0);
  if (isPercent) return (first ?? second ?? 0) > 100 && (second ?? first ?? 0) > 100;
  return width < (first ?? Number.POSITIVE_INFINITY) && height < (second ?? Number.POSITIVE_INFINITY);
};

/** Size of an image of `width` × `height` after a `resize` or `thumbnail` (DIMS-50 to DIMS-58); both sides are 1 or more. */
export const sizeOf = (geometry: SizeGeometry, width: number, height: number): ImageSize => {
  if (geometry.onlyEnlarges && !fitsInside(geometry, width, height)) return { width, height };
  const size = plainSizeOf(geometry, width, height);
  if (!geometry.onlyShrinks) return size;
  return { width: Math.min(width, size.width), height: Math.min(height, size.height) };
};

/** The part of the image that a `crop` leaves (DIMS-60 to DIMS-65); undefined: nothing. */
export const regionOf = (
  region: RegionGeometry,
  from: "topLeft" | "center",
  width: number,
  height: number,
): ImageRegion | undefined => {
  const share = (side: number, asked: number | undefined): number => {
    if (asked === undefined) return side;
    return Math.max(1, round(region.isPercent ? (side * asked) / 100 : asked));
  };
  const askedWidth = share(width, region.width);
  const askedHeight = share(height, region.height);
  const isCentered = from === "center";
  const x = region.x + (isCentered ? Math.floor((width - askedWidth) / 2) : 0);
  const y = region.y + (isCentered ? Math.floor((height - askedHeight) / 2) : 0);
  const left = Math.max(0, x);
  const top = Math.max(0, y);
  const right = Math.min(width, x + askedWidth);
  const bottom = Math.min(height, y + askedHeight);
  return right > left && bottom > top ? { left, top, width: right - left, height: bottom - top } : undefined;
};

const positionOn = (side: number, overlay: number, offset: number, edge: "start" | "middle" | "end"): number => {
  switch (edge) {
    case "start":
      return offset;
    case "middle":
      return Math.floor((side - overlay) / 2) + offset;
    default:
      return side - overlay - offset;
  }
};

const acrossOf = (gravity: Gravity): "start" | "middle" | "end" => {
  if (gravity.endsWith("w")) return "start";
  return gravity.endsWith("e") ? "end" : "middle";
};

const downOf = (gravity: Gravity): "start" | "middle" | "end" => {
  if (gravity.startsWith("n")) return "start";
  return gravity.startsWith("s") ? "end" : "middle";
};

/** Where an overlay comes to lie (DIMS-72, DIMS-73); it may be outside of the base, wholly or in part. */
export const overlayPosition = (
  gravity: Gravity,
  offset: OverlayOffset,
  base: ImageSize,
  overlay: ImageSize,
): ImagePosition => {
  const x = offset.xIsPercent ? round((base.width * offset.x) / 100) : offset.x;
  const y = offset.yIsPercent ? round((base.height * offset.y) / 100) : offset.y;
  return {
    left: positionOn(base.width, overlay.width, x, acrossOf(gravity)),
    top: positionOn(base.height, overlay.height, y, downOf(gravity)),
  };
};
