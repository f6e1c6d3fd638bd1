import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * The files of the kernel below a root, `/` but for tests. What is absent or may not be read is empty text or an
 * empty list: a container shows few of them.
 */
export interface KernelFiles {
  text(path: string): string;
  names(folder: string): readonly string[];
  /** Target of a symbolic link as it is written; empty when there is none. */
  link(path: string): string;
}

const orElse = <Value>(read: () => Value, absent: Value): Value => {
  try {
    return read();
  } catch {
    return absent;
  }
};

export const openKernelFiles = (root = "/"): KernelFiles => ({
  text: (path) => orElse(() => readFileSync(join(root, path), "utf8"), ""),
  names: (folder) => orElse(() => readdirSync(join(root, folder)), []),
  link: (path) => orElse(() => readlinkSync(join(root, path)), ""),
});

/** A whole number of the kernel; 0 for anything else. Counters of 64 bits lose what is beyond 53. */
export const wholeNumber = (word: string | undefined): number =>
  word !== undefined && /^\d{1,20}$/.test(word) ? Number(word) : 0;

export const wordsOf = (line: string): string[] => line.trim().split(/\s+/);

/** The lines of a `name: value` file; the first of each name counts. */
export const readPairs = (text: string): ReadonlyMap<string, string> => {
  const pairs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    if (!pairs.has(name)) pairs.set(name, line.slice(colon + 1).trim());
  }
  return pairs;
};
