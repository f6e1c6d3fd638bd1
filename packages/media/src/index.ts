export { type MediaFacts, type MediaScanner, scanMedia } from "./mediaScanner.ts";
