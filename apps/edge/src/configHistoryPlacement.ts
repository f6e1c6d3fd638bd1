import { copyFile, link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Puts files of a configuration in place so that all of them change or none, whatever ends the process. Beside the
 * files, on their file system:
 *
 *     .configuration-change/new/N    the content to come, durable before anything else happens
 *                          /old/N    what stood there before
 *                          /journal  which N is which file; while it exists the change is not decided
 */

const FOLDER = ".configuration-change";

interface PlacedFile {
  readonly path: string;
  /** Whether there was one before, and whether there is to be one. */
  readonly wasThere: boolean;
  readonly isWanted: boolean;
}

export interface Placement {
  /** The files stay. */
  commit(): Promise<void>;
  /** All is as it was. */
  rollBack(): Promise<void>;
}

/** A file that held secrets goes on being as closed as it was. */
const DEFAULT_MODE = 0o640;

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

const modeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
};

export const writeDurably = async (path: string, bytes: Uint8Array, mode: number): Promise<void> => {
  const file = await open(path, "w", mode);
  try {
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

const keepAside = async (path: string, aside: string): Promise<void> => {
  try {
    await link(path, aside);
  } catch {
    await copyFile(path, aside);
  }
};

/** Boundary: the journal that this file wrote. */
const parseJournal = (text: string): readonly PlacedFile[] => {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [flags = "", ...path] = line.split(" ");
    return { path: path.join(" "), wasThere: flags[0] === "1", isWanted: flags[1] === "1" };
  });
};

const formatJournal = (files: readonly PlacedFile[]): string =>
  files.map(({ path, wasThere, isWanted }) => `${wasThere ? 1 : 0}${isWanted ? 1 : 0} ${path}\n`).join("");

const removeIfThere = async (path: string): Promise<boolean> => {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
};

const isThere = async (path: string): Promise<boolean> => (await modeOf(path)) !== undefined;

const decide = async (folder: string): Promise<void> => {
  await rm(join(folder, "journal"), { force: true });
  await syncFolder(folder);
  await rm(folder, { recursive: true, force: true });
};

const rollBack = async (home: string, files: readonly PlacedFile[]): Promise<void> => {
  const folder = join(home, FOLDER);
  for (const [number, { path, wasThere, isWanted }] of files.entries()) {
    const aside = join(folder, "old", String(number));
    if (wasThere) {
      if (await isThere(aside)) await rename(aside, join(home, path));
    } else if (isWanted && !(await isThere(join(folder, "new", String(number))))) {
      await removeIfThere(join(home, path));
    }
  }
  await decide(folder);
};

/** Takes back a change that a crash left undecided; true when there was one. Before anything reads the files. */
export const recoverPlacement = async (home: string): Promise<boolean> => {
  const folder = join(home, FOLDER);
  let journal: string;
  try {
    journal = await readFile(join(folder, "journal"), "utf8");
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (await isThere(folder)) await rm(folder, { recursive: true, force: true });
    return false;
  }
  await rollBack(home, parseJournal(journal));
  return true;
};

/**
 * Puts new contents in place, undefined where a file is to go. Rejects with everything as it was when one of them
 * cannot be written. The caller decides by `commit` or `rollBack`.
 */
export const placeFiles = async (
  home: string,
  changes: ReadonlyMap<string, Uint8Array | undefined>,
): Promise<Placement> => {
  const folder = join(home, FOLDER);
  const files: PlacedFile[] = [];
  try {
    await rm(folder, { recursive: true, force: true });
    for (const part of ["new", "old"]) await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
    for (const [path, bytes] of changes) {
      const mode = await modeOf(join(home, path));
      if (bytes !== undefined) {
        await writeDurably(join(folder, "new", String(files.length)), bytes, mode ?? DEFAULT_MODE);
      }
      files.push({ path, wasThere: mode !== undefined, isWanted: bytes !== undefined });
    }
    await writeDurably(join(folder, "journal.draft"), Buffer.from(formatJournal(files)), 0o600);
    await rename(join(folder, "journal.draft"), join(folder, "journal"));
    await syncFolder(folder);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    throw cause;
  }
  try {
    for (const [number, { path, wasThere, isWanted }] of files.entries()) {
      const place = join(home, path);
      const aside = join(folder, "old", String(number));
      if (wasThere && isWanted) await keepAside(place, aside);
      else if (wasThere) await rename(place, aside);
      else await mkdir(dirname(place), { recursive: true });
      if (isWanted) await rename(join(folder, "new", String(number)), place);
    }
    const folders = new Set(files.map(({ path }) => dirname(join(home, path))));
    for (const path of folders) await syncFolder(path);
  } catch (cause) {
    await rollBack(home, files);
    throw cause;
  }
  return { commit: () => decide(folder), rollBack: () => rollBack(home, files) };
};
