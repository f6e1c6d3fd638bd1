import { optimizeJpeg } from "./optimizeJpeg.ts";
import { optimizePng } from "./optimizePng.ts";
import { optimizeWebp } from "./optimizeWebp.ts";
import { sniffContainer } from "./sniffContainer.ts";

export interface OptimizeOptions {
  /** Removes metadata that has no influence on how the picture looks. */
  readonly stripsMetadata: boolean;
}

/**
 * A smaller file of the same format with the same pixels (DIMS-30). Undefined: there is none, the format is not one
 * that is optimised, or the source is not sound enough to be certain; never throws for what is in the source.
 */
export const optimizeImage = async (
  source: Uint8Array,
  options: OptimizeOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  switch (sniffContainer(source)) {
    case "jpg":
      return optimizeJpeg(source, options);
    case "png":
      return optimizePng(source, options);
    case "webp":
      return optimizeWebp(source, options);
    default:
      return undefined;
  }
};
