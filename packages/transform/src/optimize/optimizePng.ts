import { readPngChunks } from "./metadata/chunks.ts";
import type { OptimizeOptions } from "./optimizeImage.ts";
import { runOxipng } from "./oxipng.ts";
import { stripMetadata } from "./stripMetadata.ts";

/**
 * Effort of oxipng by the number of pixels: about a second at most. Above the lowest it gains a few percent for many
 * times the work. Larger pictures only lose their metadata.
 */
const LEVELS = [
  { maxPixels: 150_000, level: 2 },
  { maxPixels: 1_000_000, level: 1 },
  { maxPixels: 4_000_000, level: 0 },
] as const;

/** The same pixels in a smaller PNG: palette, depth, filters and compression as oxipng finds them. */
export const optimizePng = (
  source: Uint8Array,
  { stripsMetadata }: OptimizeOptions,
): Uint8Array<ArrayBuffer> | undefined => {
  const stripped = stripsMetadata ? stripMetadata(source) : undefined;
  const smallest = stripped ?? source;
  const level = chooseLevel(smallest);
  const optimized = level === undefined ? undefined : runOxipng(smallest, level);
  return optimized !== undefined && optimized.length < smallest.length ? optimized : stripped;
};

/** Undefined: too large, animated (oxipng knows one frame), or not a sound PNG. */
const chooseLevel = (source: Uint8Array): number | undefined => {
  const chunks = readPngChunks(source);
  const [head] = chunks ?? [];
  if (chunks === undefined || head?.type !== "IHDR" || head.dataEnd - head.dataStart !== 13) return undefined;
  if (chunks.some(({ type }) => type === "acTL")) return undefined;
  const view = new DataView(source.buffer, source.byteOffset + head.dataStart, 8);
  const pixels = view.getUint32(0) * view.getUint32(4);
  return LEVELS.find(({ maxPixels }) => pixels <= maxPixels)?.level;
};
