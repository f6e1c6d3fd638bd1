export { type AutoQualityRequest, type AutoQualityResult, encodeToSimilarity } from "./autoQuality.ts";
export { optimizeImage } from "./optimizeImage.ts";
export { optimizeJpeg } from "./optimizeJpeg.ts";
export { optimizePng } from "./optimizePng.ts";
export { optimizeWebp } from "./optimizeWebp.ts";
export type { RawPixels } from "./rawPixels.ts";
export { stripLocation } from "./stripLocation.ts";
export { stripMetadata } from "./stripMetadata.ts";
