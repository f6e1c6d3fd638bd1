import type { ImageFormat, WrittenImageCommand } from "../dimsContract.ts";
import { parseBox, parseRegionGeometry, parseSizeGeometry } from "./geometrySyntax.ts";

export type CommandOutcome =
  | { readonly ok: true; readonly commands: readonly WrittenImageCommand[] }
  | { readonly ok: false; readonly reason: string };

/** A longer chain is an attempt to keep the server busy. */
const MOST_COMMANDS = 64;

/** `none`: the command takes no argument; what it makes is empty where it says to leave the image as it is. */
type CommandSyntax =
  | { readonly argument: "none" | "optional"; readonly make: () => WrittenImageCommand }
  | {
      readonly argument: "required";
      readonly allowed: string;
      readonly make: (argument: string) => WrittenImageCommand | "nothing" | undefined;
    };

const withArgument = (
  allowed: string,
  make: (argument: string) => WrittenImageCommand | "nothing" | undefined,
): CommandSyntax => ({ argument: "required", allowed, make });

const switchOf = (text: string): boolean | undefined => {
  const word = text.toLowerCase();
  if (word === "true") return true;
  return word === "false" ? false : undefined;
};

/** `true` makes the command, `false` nothing. */
const switched = (command: WrittenImageCommand): CommandSyntax =>
  withArgument("true or false", (argument) => {
    const isOn = switchOf(argument);
    if (isOn === undefined) return undefined;
    return isOn ? command : "nothing";
  });

const DECIMAL = /^\d{1,9}(?:\.\d{1,6})?$/;

const numeric = (min: number, max: number, make: (value: number) => WrittenImageCommand): CommandSyntax =>
  withArgument(`a number from ${min} to ${max}`, (argument) => {
    const value = DECIMAL.test(argument) ? Number(argument) : Number.NaN;
    return value >= min && value <= max ? make(value) : undefined;
  });

const whole = (argument: string): number => (/^\d{1,9}$/.test(argument) ? Number(argument) : Number.NaN);

const boxed = (make: (box: { width: number; height: number }) => WrittenImageCommand): CommandSyntax =>
  withArgument("{width}x{height}", (argument) => {
    const box = parseBox(argument);
    return box === undefined ? undefined : make(box);
  });

const sized = withArgument("a size such as 200x200, 200, x200 or 50%", (argument) => {
  const size = parseSizeGeometry(argument);
  return size === undefined ? undefined : { kind: "resize", size };
});

const cropped = (from: "topLeft" | "center"): CommandSyntax =>
  withArgument("a region such as 100x200+20+30", (argument) => {
    const region = parseRegionGeometry(argument);
    return region === undefined ? undefined : { kind: "crop", region, from };
  });

const named = (make: (name: string) => WrittenImageCommand): CommandSyntax =>
  withArgument("a name", (argument) => (argument === "" ? undefined : make(argument)));

const FORMATS: ReadonlyMap<string, ImageFormat | "auto"> = new Map([
  ["png", "png"],
  ["jpg", "jpg"],
  ["jpeg", "jpg"],
  ["gif", "gif"],
  ["webp", "webp"],
  ["avif", "avif"],
  ["auto", "auto"],
]);

const FOCUSES = ["center", "attention", "entropy"] as const;
const FORMS = ["blurhash", "thumbhash", "color", "info"] as const;

const COMMANDS: ReadonlyMap<string, CommandSyntax> = new Map<string, CommandSyntax>([
  ["optimize", { argument: "none", make: () => ({ kind: "optimize" }) }],
  [
    "strip",
    withArgument("true or false", (argument) => {
      const isOn = switchOf(argument);
      return isOn === undefined ? undefined : { kind: "strip", isOn };
    }),
  ],
  ["crop", cropped("topLeft")],
  ["cropcenter", cropped("center")],
  ["thumbnail", sized],
  ["resize", sized],
  ["resizec", boxed((box) => ({ kind: "resizec", ...box }))],
  ["extent", boxed((box) => ({ kind: "extent", ...box }))],
  [
    "resizecrop",
    withArgument("{width}x{height}, or that with ,attention or ,entropy behind it", (argument) => {
      const [size = "", word = "center", ...rest] = argument.toLowerCase().split(",");
      const box = parseBox(size);
      const focus = FOCUSES.find((known) => known === word);
      if (box === undefined || focus === undefined || rest.length > 0) return undefined;
      return { kind: "resizecrop", ...box, focus };
    }),
  ],
  ["trim", { argument: "optional", make: () => ({ kind: "trim" }) }],
  [
    "format",
    withArgument([...FORMATS.keys()].join(", "), (argument) => {
      const format = FORMATS.get(argument.toLowerCase());
      if (format === undefined) return undefined;
      return format === "auto" ? { kind: "formatAuto" } : { kind: "format", format };
    }),
  ],
  [
    "quality",
    withArgument("0 to 100, or auto", (argument) => {
      if (argument.toLowerCase() === "auto") return { kind: "quality", quality: "auto" };
      const quality = whole(argument);
      return quality >= 0 && quality <= 100 ? { kind: "quality", quality } : undefined;
    }),
  ],
  ["composite", named((name) => ({ kind: "composite", name }))],
  ["byoriginal", named((name) => ({ kind: "byOriginal", name }))],
  ["preset", named((name) => ({ kind: "preset", name }))],
  [
    "annotation",
    withArgument("names, joined by *", (argument) => {
      const names = argument.split("*");
      return names.includes("") ? undefined : { kind: "annotation", names };
    }),
  ],
  [
    "firstframeonly",
    withArgument("on or off", (argument) => {
      const word = argument.toLowerCase();
      return word === "on" || word === "off" ? { kind: "firstFrameOnly", isOn: word === "on" } : undefined;
    }),
  ],
  [
    "limit",
    withArgument("1 or more", (argument) => {
      const frames = whole(argument);
      return frames >= 1 ? { kind: "limit", frames } : undefined;
    }),
  ],
  ["invert", switched({ kind: "invert" })],
  ["grayscale", switched({ kind: "grayscale" })],
  [
    "flipflop",
    withArgument("vertical or horizontal", (argument) => {
      const axis = (["vertical", "horizontal"] as const).find((known) => known === argument.toLowerCase());
      return axis === undefined ? undefined : { kind: "flipflop", axis };
    }),
  ],
  ["bright", numeric(0, 100, (brightness) => ({ kind: "bright", brightness }))],
  ["rotate", numeric(0, 360, (degrees) => ({ kind: "rotate", degrees }))],
  ["sepia", numeric(0, 1, (threshold) => ({ kind: "sepia", threshold }))],
  ["round", numeric(0, 90, (radius) => ({ kind: "round", radius }))],
  ["autoorient", switched({ kind: "autoorient" })],
  [
    "describe",
    withArgument(FORMS.join(", "), (argument) => {
      const form = FORMS.find((known) => known === argument.toLowerCase());
      return form === undefined ? undefined : { kind: "describe", form };
    }),
  ],
]);

const ENCODED = /(?:%[0-9A-Fa-f]{2})+/g;

/** One pass of percent-decoding (DIMS-09); what is no escape, or no UTF-8, stays as it is. */
export const decodeSegment = (text: string): string =>
  text.replace(ENCODED, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });

const ENCODED_SLASH = /%2f/gi;

/**
 * The segments between the slashes, without those that a leading and a trailing slash make. An encoded slash separates
 * too (DIMS-09): no command takes an argument with a slash in it, and no name has one.
 */
const segmentsOf = (written: string): readonly string[] => {
  const chain = written.replace(ENCODED_SLASH, "/");
  const start = chain.startsWith("/") ? 1 : 0;
  const end = chain.length > start && chain.endsWith("/") ? chain.length - 1 : chain.length;
  return chain.slice(start, end).split("/");
};

const shown = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);

const refuse = (reason: string): CommandOutcome => ({ ok: false, reason });

/** `{command}/{argument}/…` in the order of the text (DIMS-08); every segment is percent-decoded once. */
export const parseImageCommands = (chain: string): CommandOutcome => {
  const segments = segmentsOf(chain);
  const commands: WrittenImageCommand[] = [];
  let texts = 0;
  for (let index = 0; index < segments.length; index += 1) {
    const name = decodeSegment(segments[index] ?? "");
    const syntax = COMMANDS.get(name);
    if (name === "") return refuse("A command is empty.");
    if (syntax === undefined) return refuse(`There is no command ${shown(name)}.`);
    if (commands.length >= MOST_COMMANDS) return refuse(`There are more than ${MOST_COMMANDS} commands.`);
    if (syntax.argument !== "required") {
      commands.push(syntax.make());
      if (syntax.argument === "optional" && segments[index + 1]?.toLowerCase() === "true") index += 1;
      continue;
    }
    index += 1;
    const argument = segments[index];
    if (argument === undefined) return refuse(`${name} has no argument: ${syntax.allowed}.`);
    const made = syntax.make(decodeSegment(argument));
    if (made === undefined)
      return refuse(`${name} does not take ${shown(decodeSegment(argument))}: ${syntax.allowed}.`);
    if (made === "nothing") continue;
    if (made.kind === "annotation") texts += made.names.length;
    if (texts > MOST_COMMANDS) return refuse(`There are more than ${MOST_COMMANDS} texts.`);
    commands.push(made);
  }
  return { ok: true, commands };
};

export const IMAGE_COMMAND_NAMES: readonly string[] = [...COMMANDS.keys()];

/** Whether the command is one of those that the guide does not have. */
export const isExtraCommand = (command: WrittenImageCommand): boolean => {
  switch (command.kind) {
    case "autoorient":
    case "describe":
      return true;
    case "format":
      return command.format === "webp" || command.format === "avif";
    case "quality":
      return command.quality === "auto";
    case "resizecrop":
      return command.focus !== "center";
    default:
      return false;
  }
};
