export type * from "./contract.ts";
export { type ImagePosition, type ImageRegion, type ImageSize, overlayPosition, regionOf, sizeOf } from "./geometry.ts";
