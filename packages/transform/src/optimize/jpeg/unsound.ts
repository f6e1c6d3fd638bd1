/**
 * The source is not a JPEG whose pixels are certain: damaged, or of a kind that is not recoded. Thrown and caught
 * within this folder; the source then stays as it is.
 */
export class UnsoundJpeg extends Error {}

export const unsound = (what: string): never => {
  throw new UnsoundJpeg(what);
};
