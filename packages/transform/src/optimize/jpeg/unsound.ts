/**
 * The source is not a JPEG whose pixels are certain: damaged, or of a kind that is not recoded. Whoever
 * catches it leaves the source as it is.
 */
export class UnsoundJpeg extends Error {}

export const unsound = (what: string): never => {
  throw new UnsoundJpeg(what);
};
