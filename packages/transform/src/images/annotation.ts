import { isAbsolute } from "node:path";
import type { ImageAnnotation, ImageSize } from "@basalt/policy/dims";
import { sharp } from "./decoders.ts";
import { fontNameOf } from "./fontFile.ts";
import { dissolveLayer, type Layer } from "./layers.ts";
import { checkSize, type ImageLimits } from "./limits.ts";
import { refuseConversion } from "./refusal.ts";

/** One point is one pixel. */
const DOTS_PER_INCH = 72;

/** A line is about so many times the size of its font for each letter, at most. */
const LETTER_WIDTH = 2;

/** The text on its background (DIMS-110 to 112); undefined: nothing is to be seen. */
export const drawAnnotation = async (
  annotation: ImageAnnotation,
  image: ImageSize,
  limits: ImageLimits,
): Promise<Layer | undefined> => {
  const text = printable(annotation.text);
  const words = text.trim() === "" ? undefined : await drawText(annotation, text, limits);
  const box = {
    width: sideOf(annotation.backgroundWidth, image.width, words?.width ?? 0),
    height: sideOf(annotation.backgroundHeight, image.height, words?.height ?? 0),
  };
  if (box.width === 0 || box.height === 0) return undefined;
  checkSize(limits, box.width, box.height, 1);
  const { data, info } = await sharp({
    create: { ...box, channels: 4, background: annotation.background ?? { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .composite(words === undefined ? [] : [{ ...rawInput(words), ...positionIn(box, words, annotation.align) }])
    .raw()
    .toBuffer({ resolveWithObject: true });
  return dissolveLayer({ data, width: info.width, height: info.height }, annotation.dissolve);
};

const sideOf = (asked: number | "origin", image: number, text: number): number =>
  Math.max(text, asked === "origin" ? image : asked);

const positionIn = (box: ImageSize, words: ImageSize, align: ImageAnnotation["align"]) => {
  const room = box.width - words.width;
  const left = align === "left" ? 0 : align === "right" ? room : Math.floor(room / 2);
  return { left, top: Math.floor((box.height - words.height) / 2) };
};

const rawInput = ({ data, width, height }: Layer) => ({
  input: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  raw: { width, height, channels: 4 as const },
});

const drawText = async (annotation: ImageAnnotation, text: string, limits: ImageLimits): Promise<Layer> => {
  const lines = text.split("\n");
  const longest = Math.max(...lines.map((line) => line.length));
  checkSize(
    limits,
    Math.max(1, longest * annotation.fontSize * LETTER_WIDTH),
    Math.max(1, lines.length * annotation.fontSize * LETTER_WIDTH),
    1,
  );
  const isFile = isAbsolute(annotation.font);
  try {
    const font = isFile ? await fontNameOf(annotation.font) : annotation.font;
    const { data, info } = await sharp({
      text: {
        text: `<span foreground="${annotation.color}">${escapeMarkup(text)}</span>`,
        font: `${font} ${annotation.fontSize}`,
        ...(isFile && { fontfile: annotation.font }),
        dpi: DOTS_PER_INCH,
        align: annotation.align === "center" ? "centre" : annotation.align,
        rgba: true,
      },
    })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    return refuseConversion(`text: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** Pango reads markup: what a client writes is never part of it. */
const escapeMarkup = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Without control characters, which markup may not have, and without halves of surrogate pairs. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.toWellFormed().replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f\ufffe\uffff]/g, "");
