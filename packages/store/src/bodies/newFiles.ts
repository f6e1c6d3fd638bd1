import { mkdir } from "node:fs/promises";
import { causeCode } from "../storeProblem.ts";
import { openFile } from "./fileAccess.ts";

/** An id whose file exists is skipped; this many in a row mean that something else is wrong. */
const ATTEMPTS = 64;

export interface NewFilePlace {
  readonly allocate: () => Promise<number>;
  readonly pathOf: (id: number) => string;
  /** Folders that may have to be made, outermost first; the one above them must be there. */
  readonly foldersOf: (id: number) => string[];
}

export interface NewFile {
  readonly id: number;
  readonly path: string;
  readonly descriptor: number;
}

/** Only the lack of what lies above the outermost folder is an error: the others may be removed at any moment. */
const makeFolders = async (folders: readonly string[]): Promise<void> => {
  for (const [depth, folder] of folders.entries()) {
    try {
      await mkdir(folder, { mode: 0o750 });
    } catch (cause) {
      const code = causeCode(cause);
      if (code !== "EEXIST" && (code !== "ENOENT" || depth === 0)) throw cause;
    }
  }
};

/** Creates a file that must not exist yet, under the first free id. */
export const createNumberedFile = async ({ allocate, pathOf, foldersOf }: NewFilePlace): Promise<NewFile> => {
  let id = await allocate();
  for (let attempt = 1; ; attempt += 1) {
    const path = pathOf(id);
    try {
      return { id, path, descriptor: await openFile(path, "wx+") };
    } catch (cause) {
      const code = causeCode(cause);
      if ((code !== "EEXIST" && code !== "ENOENT") || attempt >= ATTEMPTS) throw cause;
      if (code === "ENOENT") await makeFolders(foldersOf(id));
      else id = await allocate();
    }
  }
};
