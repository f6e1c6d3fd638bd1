import { leavesFolder } from "../accessPaths.ts";

const MOST_FILES = 8;

const ENDS_A_NAME = /\.(?:mp4|m4a)$/i;

const mayBeListed = (name: string): boolean => !name.startsWith("/") && !leavesFolder(`/${name}`);

/**
 * The files that `/dir/a.mp4,b.mp4` names, each once: those behind a comma lie in or below the folder of the first. A comma
 * inside a name belongs to it. Undefined: the path names one file; empty: such a list may not be.
 */
export const listedFiles = (path: string): readonly string[] | undefined => {
  const names: string[] = [];
  let begun: string[] = [];
  for (const piece of path.split(",")) {
    begun.push(piece);
    if (!ENDS_A_NAME.test(piece)) continue;
    names.push(begun.join(","));
    begun = [];
  }
  const [first = "", ...others] = names;
  if (others.length === 0 || begun.length > 0) return undefined;
  if (names.length > MOST_FILES || !others.every(mayBeListed)) return [];
  const folder = first.slice(0, first.lastIndexOf("/") + 1);
  return [...new Set([first, ...others.map((name) => `${folder}${name}`)])];
};
