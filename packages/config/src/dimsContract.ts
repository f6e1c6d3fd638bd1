import type { SecretType } from "./drmContract.ts";

/** A size geometry (17.4.1): at least one number is given. Without `isPercent` and `isArea` the unit is pixels. */
export interface SizeGeometry {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** `%`: both numbers are shares of the image. */
  readonly isPercent: boolean;
  /** `@`: `width` is an area. */
  readonly isArea: boolean;
  /** `!`: the aspect ratio does not count. */
  readonly isExact: boolean;
  /** `^`: the box is the least, not the most. */
  readonly isMinimum: boolean;
  /** `>`. */
  readonly onlyShrinks: boolean;
  /** `<`. */
  readonly onlyEnlarges: boolean;
}

/** A region geometry (17.4.3). */
export interface RegionGeometry {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** `%`: of width and height, not of the offsets. */
  readonly isPercent: boolean;
  readonly x: number;
  readonly y: number;
}

export type Gravity = "nw" | "n" | "ne" | "w" | "c" | "e" | "sw" | "s" | "se";

/** `{+-}x{+-}y` of an overlay, each a number of pixels or a share of the base image (DIMS-73). */
export interface OverlayOffset {
  readonly x: number;
  readonly xIsPercent: boolean;
  readonly y: number;
  readonly yIsPercent: boolean;
}

export type ImageFormat = "png" | "jpg" | "gif" | "webp" | "avif";

/** What `format/auto` may choose. */
export type AutoFormat = "avif" | "webp";

export interface OverlayPlace {
  readonly gravity: Gravity;
  readonly offset: OverlayOffset;
  /** Opacity in percent (DIMS-74). */
  readonly dissolve: number;
}

export interface ImageOverlay extends OverlayPlace {
  /** Absolute path of the overlay; read by the transform host. */
  readonly file: string;
}

export interface ImageAnnotation extends OverlayPlace {
  readonly text: string;
  readonly font: string;
  readonly fontSize: number;
  /** `#RRGGBB`. */
  readonly color: string;
  readonly align: "left" | "center" | "right";
  /** `#RRGGBB`; undefined: nothing behind the text. */
  readonly background: string | undefined;
  /** Pixels; 0: as the text needs; `origin`: as the image. */
  readonly backgroundWidth: number | "origin";
  readonly backgroundHeight: number | "origin";
}

/** A command that says by itself all that is to be done. */
export type PlainImageCommand =
  | { readonly kind: "optimize" }
  | { readonly kind: "strip"; readonly isOn: boolean }
  | { readonly kind: "crop"; readonly region: RegionGeometry; readonly from: "topLeft" | "center" }
  /** `resize` and `thumbnail`. */
  | { readonly kind: "resize"; readonly size: SizeGeometry }
  | { readonly kind: "resizec"; readonly width: number; readonly height: number }
  | { readonly kind: "extent"; readonly width: number; readonly height: number }
  /** `resizecrop`: covers the box, cut to it by what `focus` says. */
  | {
      readonly kind: "resizecrop";
      readonly width: number;
      readonly height: number;
      readonly focus: "center" | "attention" | "entropy";
    }
  | { readonly kind: "trim" }
  | { readonly kind: "format"; readonly format: ImageFormat }
  | { readonly kind: "quality"; readonly quality: number | "auto" }
  | { readonly kind: "limit"; readonly frames: number }
  | { readonly kind: "firstFrameOnly"; readonly isOn: boolean }
  | { readonly kind: "invert" }
  | { readonly kind: "grayscale" }
  /** `vertical`: upside down; `horizontal`: mirrored. */
  | { readonly kind: "flipflop"; readonly axis: "vertical" | "horizontal" }
  /** 0 to 100. */
  | { readonly kind: "bright"; readonly brightness: number }
  | { readonly kind: "rotate"; readonly degrees: number }
  /** 0 to 1. */
  | { readonly kind: "sepia"; readonly threshold: number }
  /** 0 to 90. */
  | { readonly kind: "round"; readonly radius: number }
  /** Turns the image as its EXIF orientation says. */
  | { readonly kind: "autoorient" }
  /** The result is a JSON document that describes the image: blurhash, thumbhash or dominant colour. */
  | { readonly kind: "describe"; readonly form: "blurhash" | "thumbhash" | "color" | "info" };

/** A command as a URL or a `<Condition>` has it: what is configured is called by its name. */
export type WrittenImageCommand =
  | PlainImageCommand
  | { readonly kind: "composite"; readonly name: string }
  | { readonly kind: "byOriginal"; readonly name: string }
  | { readonly kind: "annotation"; readonly names: readonly string[] }
  | { readonly kind: "preset"; readonly name: string }
  /** The first format of `<FormatAuto>` that the client takes. */
  | { readonly kind: "formatAuto" };

/** `<Composite>` (DIMS-70). */
export interface CompositeSettings extends ImageOverlay {
  readonly name: string;
}

/** One `<Condition>` (DIMS-82, DIMS-83). */
export interface SizeCondition {
  readonly maxWidth: number | undefined;
  readonly maxHeight: number | undefined;
  /** Command chain as written. */
  readonly commands: string;
}

/** `<ByOriginal>` (DIMS-80). */
export interface ByOriginalSettings {
  readonly name: string;
  readonly conditions: readonly SizeCondition[];
}

/** `<Annotation>` (DIMS-110); `text` as written, with `$QUERYSTRING[key]` in it. */
export interface AnnotationSettings extends ImageAnnotation {
  readonly name: string;
}

/** `<Preset>`: a command chain under a name. */
export interface PresetSettings {
  readonly name: string;
  readonly commands: string;
}

/** Key that commands are signed with. */
export interface DimsSigningKey {
  readonly secret: string;
  readonly type: SecretType;
}

/** `<Dims>` of one virtual host. */
export interface DimsSettings {
  readonly status: "Active" | "Inactive";
  readonly keyword: string;
  readonly maxSourceBytes: number;
  readonly onFailure: "message" | "redirect";
  readonly firstFrameOnly: boolean;
  readonly composites: readonly CompositeSettings[];
  readonly byOriginal: readonly ByOriginalSettings[];
  readonly annotations: readonly AnnotationSettings[];
  /** Not in the guide, and off by default: what follows. */
  readonly extraCommands: boolean;
  /** In order of preference; empty: `format/auto` is no command. */
  readonly formatAuto: readonly AutoFormat[];
  readonly presets: readonly PresetSettings[];
  /** With any, only signed commands are carried out. */
  readonly signatures: readonly DimsSigningKey[];
  readonly autoOrient: boolean;
  readonly convertsToSrgb: boolean;
  readonly stripsLocation: boolean;
  readonly keepsSmaller: boolean;
  readonly targetSimilarity: number;
  /** Bounds of every image that is read or made (DIMS-48). */
  readonly maxPixels: number;
  readonly maxSidePixels: number;
  readonly maxFrames: number;
}
