import type { ImageFormat } from "@basalt/policy/dims";
import type { Metadata } from "sharp";
import { sharp } from "./decoders.ts";
import { readJpegFacts } from "./jpegFacts.ts";
import { jpegQualityOf } from "./jpegQuality.ts";
import type { ImageLimits } from "./limits.ts";
import { ImageRefusal, refuseSource } from "./refusal.ts";

/** What the header of a source says. */
export interface SourceFacts {
  readonly format: ImageFormat;
  /** Of one frame, as stored: an EXIF orientation does not count. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** As EXIF counts it, 1 to 8. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
  readonly space: "rgb" | "grey" | "cmyk";
  readonly isDeep: boolean;
  readonly hasProfile: boolean;
  /** EXIF or XMP. */
  readonly hasRecords: boolean;
  readonly isProgressive: boolean;
  readonly isPalette: boolean;
  readonly isLossless: boolean;
  readonly hasFullColorSampling: boolean;
  /** 1 to 100, as the IJG counts it; undefined: the format does not tell. */
  readonly quality: number | undefined;
  /** Milliseconds, of each frame. */
  readonly delays: readonly number[];
  /** Rounds of an animation; 0: without end. */
  readonly rounds: number;
}

export const readSourceFacts = async (source: Uint8Array, limits: ImageLimits): Promise<SourceFacts> =>
  readJpegFacts(source, limits) ?? (await askLibvips(source, limits));

/** Throws a refusal for what cannot be read. */
export const askLibvips = async (source: Uint8Array, limits: ImageLimits): Promise<SourceFacts> => {
  const metadata = await readMetadata(source, limits);
  const format = formatOf(metadata) ?? refuseSource(`format ${metadata.format}`);
  const frames = format === "gif" || format === "webp" ? (metadata.pages ?? 1) : 1;
  return {
    format,
    width: metadata.width,
    height: metadata.height,
    frames,
    orientation: metadata.orientation ?? 1,
    hasAlpha: metadata.hasAlpha,
    space: spaceOf(metadata.space),
    isDeep: metadata.depth !== "uchar",
    hasProfile: metadata.icc !== undefined,
    hasRecords: metadata.exif !== undefined || metadata.xmp !== undefined,
    isProgressive: metadata.isProgressive,
    isPalette: metadata.isPalette,
    isLossless: format === "webp" && isLosslessWebp(source),
    hasFullColorSampling: metadata.chromaSubsampling?.startsWith("4:4:4") ?? false,
    quality: format === "jpg" ? jpegQualityOf(source) : undefined,
    delays: metadata.delay ?? [],
    rounds: metadata.loop ?? 0,
  };
};

const readMetadata = async (source: Uint8Array, limits: ImageLimits): Promise<Metadata> => {
  try {
    return await sharp(source, { failOn: "error", limitInputPixels: limits.maxPixels }).metadata();
  } catch (error) {
    throw readingError(error);
  }
};

/** libvips says by words alone whether a picture is broken or too large. */
export const readingError = (error: unknown): ImageRefusal => {
  const detail = error instanceof Error ? error.message : String(error);
  return new ImageRefusal(
    /pixel limit|timeout|too (?:large|wide|high)/i.test(detail) ? "conversion" : "unreadable",
    detail,
  );
};

const formatOf = (metadata: Metadata): ImageFormat | undefined => {
  switch (metadata.format) {
    case "jpeg":
      return "jpg";
    case "png":
    case "gif":
    case "webp":
      return metadata.format;
    case "heif":
      return metadata.compression === "av1" ? "avif" : undefined;
    default:
      return undefined;
  }
};

const spaceOf = (space: string): SourceFacts["space"] => {
  if (space === "cmyk") return "cmyk";
  return space === "b-w" || space === "grey16" ? "grey" : "rgb";
};

/** RFC 9649: the first chunk, or the first one of pixels behind a VP8X, is VP8L. */
const isLosslessWebp = (source: Uint8Array): boolean => {
  const view = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  for (let at = 12; at + 8 <= view.length; ) {
    const name = view.toString("latin1", at, at + 4);
    if (name === "VP8L") return true;
    if (name === "VP8 ") return false;
    at += name === "ANMF" ? 24 : 8 + view.readUInt32LE(at + 4) + (view.readUInt32LE(at + 4) & 1);
  }
  return false;
};
