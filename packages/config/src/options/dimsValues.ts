import { hash } from "node:crypto";
import { parseImageCommands } from "../dims/commandSyntax.ts";
import { formatOverlayOffset, parseOverlayOffset } from "../dims/geometrySyntax.ts";
import type { AutoFormat, OverlayOffset } from "../dimsContract.ts";
import { integer, listOf, oneOf, type ValueType } from "./valueTypes.ts";

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);

export const keyword: ValueType<string> = {
  name: "word",
  allowed: "1 to 64 letters, digits, and - . _ ~",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9._~-]{1,64}$/.test(text) && !/^\.{1,2}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} cannot stand as a segment of a path.` },
  format: (value) => value,
};

const nameWithout = (forbidden: string): ValueType<string> => ({
  name: "name",
  allowed: `a name of at most 100 characters without ${[...forbidden].join(" and ")}`,
  emptyIsValue: false,
  parse: (text) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    const isSound = /^[^\x00-\x1f\x7f]{1,100}$/.test(text) && ![...forbidden].some((sign) => text.includes(sign));
    return isSound ? { ok: true, value: text } : { ok: false, message: `${quote(text)} cannot be a name.` };
  },
  format: (value) => value,
});

export const calledName = nameWithout("/");
export const annotationName = nameWithout("/*");

export const offset: ValueType<OverlayOffset> = {
  name: "offset",
  allowed: "{+-}x{+-}y, each with or without % behind it, such as +10-5 or +0+15%",
  emptyIsValue: false,
  parse: (text) => {
    const value = parseOverlayOffset(text);
    return value === undefined ? { ok: false, message: `${quote(text)} is no such offset.` } : { ok: true, value };
  },
  format: formatOverlayOffset,
};

export const decimal = (min: number, max: number): ValueType<number> => ({
  name: "number",
  allowed: `a number, ${min} to ${max}`,
  emptyIsValue: false,
  parse: (text) => {
    const value = /^\d{1,6}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max
      ? { ok: true, value }
      : { ok: false, message: `${quote(text)} is no such number.` };
  },
  format: String,
});

export const color: ValueType<string> = {
  name: "colour",
  allowed: "#RRGGBB",
  emptyIsValue: false,
  shape: { kind: "pattern", pattern: "#[0-9A-Fa-f]{6}" },
  parse: (text) =>
    /^#[0-9A-Fa-f]{6}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} is no colour of the form #RRGGBB.` },
  format: (value) => value,
};

export const colorOrNone: ValueType<string | undefined> = {
  ...color,
  allowed: "#RRGGBB or none",
  shape: { kind: "pattern", pattern: "#[0-9A-Fa-f]{6}|[Nn][Oo][Nn][Ee]" },
  parse: (text) => (text.toLowerCase() === "none" ? { ok: true, value: undefined } : color.parse(text)),
  format: (value) => value ?? "none",
};

export const MOST_PIXELS = 65_535;

export const backgroundSide: ValueType<number | "origin"> = {
  name: "pixels",
  allowed: `an integer, 0 to ${MOST_PIXELS} (0: as the text needs), or Origin`,
  emptyIsValue: false,
  parse: (text) =>
    text.toLowerCase() === "origin"
      ? { ok: true, value: "origin" }
      : integer({ min: 0, max: MOST_PIXELS }, "pixels").parse(text),
  format: (value) => (value === "origin" ? "Origin" : String(value)),
};

export const PIXELS_PER_MEGAPIXEL = 1_000_000;

export const megapixels: ValueType<number> = {
  name: "megapixels",
  allowed: "an integer, 1 to 4000 (megapixels)",
  emptyIsValue: false,
  shape: { kind: "integer", min: 1, max: 4_000 },
  parse: (text) => {
    const outcome = integer({ min: 1, max: 4_000 }).parse(text);
    return outcome.ok ? { ok: true, value: outcome.value * PIXELS_PER_MEGAPIXEL } : outcome;
  },
  format: (value) => String(value / PIXELS_PER_MEGAPIXEL),
};

/** `inner`: commands that a chain may not hold, since they would stand for a chain again. */
export const commandChain = (inner: readonly ("byOriginal" | "preset")[]): ValueType<string> => ({
  name: "commands",
  allowed: "commands as they stand behind the keyword of a URL, such as /resize/200x200/format/png/",
  emptyIsValue: false,
  parse: (text) => {
    const outcome = parseImageCommands(text);
    if (!outcome.ok) return { ok: false, message: outcome.reason };
    const nested = outcome.commands.find(({ kind }) => inner.some((refused) => refused === kind));
    if (nested !== undefined) return { ok: false, message: `${nested.kind.toLowerCase()} cannot stand here.` };
    return { ok: true, value: text };
  },
  format: (value) => value,
});

const LEAST_SECRET = 16;

export const isSigningSecret = (text: string): boolean => text.length >= LEAST_SECRET && /^[\x20-\x7e]*$/.test(text);

export const secret: ValueType<string> = {
  name: "secret",
  allowed: `printable ASCII of at least ${LEAST_SECRET} characters`,
  emptyIsValue: false,
  parse: (text) =>
    isSigningSecret(text) ? { ok: true, value: text } : { ok: false, message: `The secret is no ${secret.allowed}.` },
  format: () => "(secret)",
};

/** Two bytes of a digest: shows that a secret has changed, and nothing of it. */
export const fingerprint = (text: string): string => hash("sha256", text).slice(0, 4);

const AUTO_FORMATS = listOf("avif", "webp");

export const autoFormats: ValueType<readonly AutoFormat[]> = {
  ...AUTO_FORMATS,
  allowed: "avif, webp or both in the order of preference, or empty",
  emptyIsValue: true,
  parse: (text) => (text === "" ? { ok: true, value: [] } : AUTO_FORMATS.parse(text)),
};

/** `Keep`: the profile of the source stays. */
export const colorProfile: ValueType<boolean> = {
  name: "word",
  allowed: "Keep or sRGB",
  emptyIsValue: false,
  shape: { kind: "words", words: ["Keep", "sRGB"] },
  parse: (text) => {
    const outcome = oneOf("Keep", "sRGB").parse(text);
    return outcome.ok ? { ok: true, value: outcome.value === "sRGB" } : outcome;
  },
  format: (value) => (value ? "sRGB" : "Keep"),
};
