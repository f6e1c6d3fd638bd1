/** A file that is not what it says to be. Never leaves this folder: the exported functions answer by values. */
export class MalformedMovie extends Error {
  override readonly name = "MalformedMovie";
}

export const malformed = (detail: string): never => {
  throw new MalformedMovie(detail);
};
