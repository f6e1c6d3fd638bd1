import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EdgeError } from "@basalt/types";

/** In the folder of a log. */
export const SPOOLS_FOLDER = "subscriptions";

/** As subscriptions name them: a log and a name. */
const SPOOL = /^[a-z]+\.[A-Za-z0-9_-]{1,64}$/;

/**
 * Deletes the spools in these folders of logs that nobody wants: of subscriptions that were taken away while nobody
 * served them. One of the same name that comes later begins anew.
 */
export const forgetOldSpools = async (
  folders: Iterable<string>,
  isWanted: (spoolFolder: string) => boolean,
  onProblem: (text: string) => void,
): Promise<void> => {
  for (const folder of new Set(folders)) {
    const spools = join(folder, SPOOLS_FOLDER);
    for (const name of await readdir(spools).catch(() => [])) {
      const spool = join(spools, name);
      if (!SPOOL.test(name) || isWanted(spool)) continue;
      await rm(spool, { recursive: true, force: true }).catch((cause) => onProblem(EdgeError.from(cause).detail));
    }
  }
};
