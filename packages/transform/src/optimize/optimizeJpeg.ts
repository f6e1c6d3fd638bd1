import { MARKER } from "./jpeg/segments.ts";
import { readJpeg } from "./jpeg/source.ts";
import { UnsoundJpeg } from "./jpeg/unsound.ts";
import { writeJpeg } from "./jpeg/writeJpeg.ts";
import { isMultiPicture, stripSegment } from "./metadata/jpegMetadata.ts";
import type { OptimizeOptions } from "./optimizeImage.ts";

/** The coefficients take about eight times as much memory. */
const LARGEST_SOURCE_BYTES = 1 << 25;

/**
 * The same coefficients with shorter codes (DIMS-30): pixels are identical in every decoder. Undefined where that is
 * not smaller, and where the source is damaged, unfinished, or not Huffman-coded with 8 bits per sample.
 */
export const optimizeJpeg = (
  source: Uint8Array,
  { stripsMetadata }: OptimizeOptions,
): Uint8Array<ArrayBuffer> | undefined => {
  if (source.length > LARGEST_SOURCE_BYTES || source[0] !== 0xff || source[1] !== MARKER.SOI) return undefined;
  try {
    const { metadata, trailer, ...picture } = readJpeg(source);
    if (stripsMetadata) {
      const kept = metadata.flatMap((segment) => stripSegment(source, segment) ?? []);
      return writeJpeg({ ...picture, trailer: new Uint8Array() }, kept, source.length - 1);
    }
    // The pictures behind would move away from where the index says that they are.
    if (trailer.length > 0 && metadata.some((segment) => isMultiPicture(source, segment))) return undefined;
    const kept = metadata.map(({ start, end }) => source.subarray(start, end));
    return writeJpeg({ ...picture, trailer }, kept, source.length - 1);
  } catch (error) {
    if (error instanceof UnsoundJpeg) return undefined;
    throw error;
  }
};
