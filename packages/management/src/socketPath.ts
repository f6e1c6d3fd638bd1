import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";

/** `sun_path` of a Unix socket takes 107 characters on Linux, 103 elsewhere. */
const MAX_SOCKET_PATH_CHARACTERS = 100;

const resolveHome = (home: string): string => {
  try {
    return realpathSync(home);
  } catch {
    return resolve(home);
  }
};

/**
 * Where the management socket of a home folder is: `run/basalt.sock` in it, or for a long home a path derived from
 * it in a folder of the user's own under `/tmp` (never `$TMPDIR`: the server's may differ from the command line's).
 */
export const controlSocketPath = (home: string): string => {
  const path = join(resolve(home), "run", "basalt.sock");
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_CHARACTERS) return path;
  const name = createHash("sha256").update(resolveHome(home)).digest("hex").slice(0, 24);
  return join("/tmp", `basalt-${process.getuid?.() ?? 0}`, `${name}.sock`);
};
