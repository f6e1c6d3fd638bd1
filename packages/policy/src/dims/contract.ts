import type { ImageAnnotation, ImageOverlay, PlainImageCommand } from "@basalt/config";

export type {
  Gravity,
  ImageAnnotation,
  ImageFormat,
  ImageOverlay,
  OverlayOffset,
  OverlayPlace,
  RegionGeometry,
  SizeGeometry,
} from "@basalt/config";

export type ImageCommand =
  | PlainImageCommand
  | { readonly kind: "composite"; readonly overlay: ImageOverlay }
  /** The commands of the first choice whose bounds the image is within, inclusive (DIMS-82). */
  | { readonly kind: "byOriginal"; readonly choices: readonly ImageChoice[] }
  | { readonly kind: "annotation"; readonly annotations: readonly ImageAnnotation[] };

export interface ImageChoice {
  readonly maxWidth: number | undefined;
  readonly maxHeight: number | undefined;
  readonly commands: readonly ImageCommand[];
}

/** One conversion: the commands run in order, each on the result of the one before. */
export interface ImageTask {
  readonly kind: "image";
  readonly commands: readonly ImageCommand[];
  readonly settings: ImageSettings;
}

/** What a virtual host says of all its conversions. */
export interface ImageSettings {
  readonly firstFrameOnly: boolean;
  /** Longest side and largest area of any image read or made, all frames of an animation counted together (DIMS-48). */
  readonly maxSidePixels: number;
  readonly maxPixels: number;
  readonly maxFrames: number;
  /** Off unless configured: what goes beyond the guide. */
  readonly autoOrient: boolean;
  readonly convertsToSrgb: boolean;
  readonly stripsLocation: boolean;
  /** The original is the result where a conversion that asks for no other size or format makes it larger. */
  readonly keepsSmaller: boolean;
  /** Similarity that `quality/auto` aims at: SSIM, 0 to 1. */
  readonly targetSimilarity: number;
}
