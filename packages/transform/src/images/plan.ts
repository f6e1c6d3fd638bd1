import type { ImageCommand, ImageFormat, ImageSettings } from "@basalt/policy/dims";
import type { SourceFacts } from "./sourceFacts.ts";

/** Commands that change pixels; the others say what is read and how the result is written. */
export type PixelCommand = Exclude<
  ImageCommand,
  {
    readonly kind: "optimize" | "strip" | "format" | "quality" | "byOriginal" | "limit" | "firstFrameOnly" | "describe";
  }
>;

export type DescribeForm = Extract<ImageCommand, { readonly kind: "describe" }>["form"];

export interface ConversionPlan {
  readonly steps: readonly PixelCommand[];
  readonly format: ImageFormat;
  /** Undefined: none was asked for. */
  readonly quality: number | "auto" | undefined;
  readonly strips: boolean;
  readonly optimizes: boolean;
  /** Frames that are read (DIMS-92 to 94). */
  readonly frames: number;
  readonly describes: DescribeForm | undefined;
  /** The picture is turned by its EXIF orientation as it is read. */
  readonly orientsFirst: boolean;
}

const ANIMATED: ReadonlySet<ImageFormat> = new Set(["gif", "webp"]);

/** Formats that browsers show by the orientation in EXIF. */
const ORIENTED: ReadonlySet<ImageFormat> = new Set(["jpg", "png", "webp"]);

/**
 * Sorts the commands, left to right: of several that say the same of the result, the last one counts. Where the result
 * is of a format without an orientation of its own, the picture is turned.
 */
export const planConversion = (
  commands: readonly ImageCommand[],
  facts: SourceFacts,
  settings: ImageSettings,
): ConversionPlan => {
  const steps: PixelCommand[] = [];
  let format = facts.format;
  let quality: ConversionPlan["quality"];
  let strips = false;
  let optimizes = false;
  let firstFrameOnly = settings.firstFrameOnly;
  let limit = facts.frames;
  let describes: DescribeForm | undefined;
  for (const command of chosenCommands(commands, facts, settings)) {
    switch (command.kind) {
      case "optimize":
        optimizes = true;
        break;
      case "strip":
        strips = command.isOn;
        break;
      case "format":
        format = command.format;
        break;
      case "quality":
        quality = command.quality;
        break;
      case "limit":
        limit = Math.min(limit, command.frames);
        break;
      case "firstFrameOnly":
        firstFrameOnly = command.isOn;
        break;
      case "describe":
        describes = command.form;
        break;
      case "byOriginal":
        break;
      default:
        steps.push(command);
    }
  }
  const isAnimated = ANIMATED.has(format) && !firstFrameOnly && describes === undefined;
  const frames = isAnimated ? limit : 1;
  const isTurned = facts.orientation > 1 && frames === 1;
  const asksForIt = settings.autoOrient || steps[0]?.kind === "autoorient" || !ORIENTED.has(format);
  const orientsFirst = isTurned && asksForIt;
  return {
    steps: orientsFirst || !isTurned ? steps.filter((step) => step.kind !== "autoorient") : steps,
    format,
    quality,
    strips,
    optimizes,
    frames,
    describes,
    orientsFirst,
  };
};

/** DIMS-81 to 85: a choice by the size of the source, put in place of its command. */
const chosenCommands = (
  commands: readonly ImageCommand[],
  facts: SourceFacts,
  settings: ImageSettings,
): readonly ImageCommand[] =>
  commands.flatMap((command) => {
    if (command.kind !== "byOriginal") return [command];
    const isAside = settings.autoOrient && facts.orientation >= 5;
    const [width, height] = isAside ? [facts.height, facts.width] : [facts.width, facts.height];
    const choice = command.choices.find(
      ({ maxWidth, maxHeight }) => width <= (maxWidth ?? width) && height <= (maxHeight ?? height),
    );
    return chosenCommands(choice?.commands ?? [], facts, settings);
  });

export interface ColourPlan {
  /** What the source is converted to before the first step; undefined: as libvips thinks best. */
  readonly working: "srgb" | "cmyk" | undefined;
  readonly output: "srgb" | "b-w" | "rgb16" | "grey16" | "cmyk";
  /** The numbers stay as they are and keep their profile; else they become sRGB. */
  readonly keepsProfile: boolean;
}

/** Steps that move pixels without looking at their colours. */
const GEOMETRIC: ReadonlySet<PixelCommand["kind"]> = new Set([
  "crop",
  "resize",
  "resizec",
  "extent",
  "resizecrop",
  "trim",
  "flipflop",
  "rotate",
  "autoorient",
]);

/** Steps that put colour into a grey picture. `grayscale` and `sepia` work on three channels. */
const COLOURING: ReadonlySet<PixelCommand["kind"]> = new Set(["composite", "annotation", "sepia"]);

/** Steps that can be done in CMYK, where white is not what it is elsewhere; one of them, since nothing carries CMYK on. */
const PLAIN: ReadonlySet<PixelCommand["kind"]> = new Set(["crop", "resize", "resizecrop", "flipflop"]);

export const planColours = (plan: ConversionPlan, facts: SourceFacts, settings: ImageSettings): ColourPlan => {
  const { steps, format } = plan;
  const isPicture = plan.describes === undefined && plan.quality !== "auto";
  const mayKeep =
    facts.hasProfile && !settings.convertsToSrgb && !plan.strips && format !== "gif" && facts.frames === 1 && isPicture;
  if (facts.space === "cmyk") {
    const [first, ...others] = steps;
    const isPlain = first === undefined || (PLAIN.has(first.kind) && others.length === 0);
    const keepsCmyk = format === "jpg" && isPlain && isPicture && !settings.convertsToSrgb && !plan.orientsFirst;
    if (keepsCmyk) return { working: "cmyk", output: "cmyk", keepsProfile: facts.hasProfile };
    return { working: undefined, output: "srgb", keepsProfile: false };
  }
  const isGrey = endsGrey(steps, facts) && (format === "jpg" || format === "png");
  const keepsProfile = mayKeep && isGrey === (facts.space === "grey");
  if (!facts.isDeep) {
    const needsChannels = facts.space === "grey" && steps.some(({ kind }) => kind === "grayscale" || kind === "sepia");
    return { working: needsChannels ? "srgb" : undefined, output: isGrey ? "b-w" : "srgb", keepsProfile };
  }
  if (format === "png" && isPicture && steps.every((step) => GEOMETRIC.has(step.kind))) {
    return { working: undefined, output: isGrey ? "grey16" : "rgb16", keepsProfile: facts.hasProfile && !plan.strips };
  }
  return { working: "srgb", output: isGrey ? "b-w" : "srgb", keepsProfile: false };
};

const endsGrey = (steps: readonly PixelCommand[], facts: SourceFacts): boolean => {
  const lastColouring = steps.findLastIndex((step) => COLOURING.has(step.kind));
  if (facts.space === "grey" && lastColouring < 0) return true;
  return steps.findLastIndex((step) => step.kind === "grayscale") > lastColouring;
};
