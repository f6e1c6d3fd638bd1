import sharp from "sharp";
import { readWebpChunks } from "./metadata/chunks.ts";
import type { OptimizeOptions } from "./optimizeImage.ts";
import { stripMetadata } from "./stripMetadata.ts";

/** About a second of work. */
const MOST_PIXELS = 2_000_000;

/**
 * The same pixels in a smaller WebP. Only a single lossless picture without a colour profile (which the encoder would
 * apply) is compressed again; any other can lose its metadata and nothing else.
 */
export const optimizeWebp = async (
  source: Uint8Array,
  { stripsMetadata }: OptimizeOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const stripped = stripsMetadata ? stripMetadata(source) : undefined;
  const smallest = stripped ?? source;
  const chunks = readWebpChunks(smallest) ?? [];
  const types = new Set(chunks.map(({ type }) => type));
  if (!types.has("VP8L") || types.has("ICCP")) return stripped;
  const again = await sharp(smallest, { limitInputPixels: MOST_PIXELS, failOn: "error" })
    .keepMetadata()
    .webp({ lossless: true, effort: 6, exact: true })
    .toBuffer()
    .catch(() => undefined);
  return again !== undefined && again.length < smallest.length ? Uint8Array.from(again) : stripped;
};
