import type { OverlayOffset, RegionGeometry, SizeGeometry } from "../dimsContract.ts";

const NUMBER = String.raw`(\d{1,9}(?:\.\d{1,6})?)`;
const SIDES = `(?:${NUMBER}(%)?)?(?:[xX](?:${NUMBER}(%)?)?)?`;
const SIZE = new RegExp(`^${SIDES}([%@!<>^]*)$`);
const REGION = new RegExp(String.raw`^${SIDES}(%?)(?:([+-]\d{1,9})([+-]\d{1,9})(%?))?$`);
const OFFSET = /^([+-]\d{1,9}(?:\.\d{1,6})?)(%?)([+-]\d{1,9}(?:\.\d{1,6})?)(%?)$/;
const BOX = /^(\d{1,5})[xX](\d{1,5})$/;

const LONGEST_GEOMETRY = 64;

/** A side of nothing is no side (DIMS-48). */
const isSide = (text: string | undefined): boolean => text === undefined || Number(text) > 0;

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** `-0` is no number of its own. */
const signedOf = (text: string | undefined): number => Number(text ?? 0) + 0;

/** Argument of `thumbnail` and `resize` (17.4); undefined when it is malformed or names no number. */
export const parseSizeGeometry = (text: string): SizeGeometry | undefined => {
  if (text.length > LONGEST_GEOMETRY) return undefined;
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const [, width, widthPercent, height, heightPercent, flags = ""] = match;
  if ((width === undefined && height === undefined) || !isSide(width) || !isSide(height)) return undefined;
  const isArea = flags.includes("@");
  if (isArea && width === undefined) return undefined;
  return {
    width: numberOf(width),
    height: numberOf(height),
    isPercent: !isArea && (widthPercent !== undefined || heightPercent !== undefined || flags.includes("%")),
    isArea,
    isExact: flags.includes("!"),
    isMinimum: flags.includes("^"),
    onlyShrinks: flags.includes(">"),
    onlyEnlarges: flags.includes("<"),
  };
};

/** Argument of `crop` and `cropcenter`; a blank is a plus sign that was decoded once too often (DIMS-09). */
export const parseRegionGeometry = (text: string): RegionGeometry | undefined => {
  if (text.length > LONGEST_GEOMETRY) return undefined;
  const match = REGION.exec(text.replaceAll(" ", "+"));
  if (match === null) return undefined;
  const [, width, widthPercent, height, heightPercent, percent, x, y, percentBehind] = match;
  if ((width === undefined && height === undefined) || !isSide(width) || !isSide(height)) return undefined;
  const marks = [widthPercent, heightPercent, percent, percentBehind];
  return {
    width: numberOf(width),
    height: numberOf(height),
    isPercent: marks.includes("%"),
    x: signedOf(x),
    y: signedOf(y),
  };
};

/** `{width}x{height}` of `resizec`, `extent` and `resizecrop`. */
export const parseBox = (text: string): { readonly width: number; readonly height: number } | undefined => {
  const [, width, height] = BOX.exec(text) ?? [];
  if (width === undefined || height === undefined || !isSide(width) || !isSide(height)) return undefined;
  return { width: Number(width), height: Number(height) };
};

/** `{+-}x{+-}y` of `<Composite Geometry>` (DIMS-73). */
export const parseOverlayOffset = (text: string): OverlayOffset | undefined => {
  const [, x, xPercent, y, yPercent] = OFFSET.exec(text) ?? [];
  if (x === undefined || y === undefined) return undefined;
  return { x: signedOf(x), xIsPercent: xPercent === "%", y: signedOf(y), yIsPercent: yPercent === "%" };
};

const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`);

export const formatOverlayOffset = ({ x, xIsPercent, y, yIsPercent }: OverlayOffset): string =>
  `${signed(x)}${xIsPercent ? "%" : ""}${signed(y)}${yIsPercent ? "%" : ""}`;
