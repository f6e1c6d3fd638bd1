import { indexMovie, locateMovie, type Movie, type MovieLayout, openMovie, type SourceRange } from "../../src/index.ts";

export interface Located {
  readonly layout: MovieLayout | undefined;
  /** What was asked for. */
  readonly steps: readonly SourceRange[];
}

/** Runs `locateMovie` over a file that is at hand. */
export const locate = (file: Uint8Array, fileBytes = file.length): Located => {
  const steps: SourceRange[] = [];
  const search = locateMovie(fileBytes);
  let step = search.next();
  while (step.done !== true) {
    steps.push(step.value);
    step = search.next(file.subarray(step.value.start, step.value.end));
  }
  return { layout: step.value, steps };
};

/** Reads a whole file; answers why it cannot be read. */
export const tryOpen = (file: Uint8Array): Movie | string => {
  const { layout } = locate(file);
  if (layout === undefined) return "not located";
  const pieces = layout.ranges.map(({ start, end }) => ({ start, bytes: file.subarray(start, end) }));
  const result = indexMovie(layout, pieces);
  return result.kind === "indexed" ? openMovie(result.memory) : result.detail;
};

/** Reads a whole file that can be read. */
export const openFile = (file: Uint8Array): Movie => {
  const movie = tryOpen(file);
  if (typeof movie === "string") throw new Error(`unreadable: ${movie}`);
  return movie;
};
