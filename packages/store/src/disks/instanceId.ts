import { randomBytes } from "node:crypto";
import type { DiskIndex } from "../contract.ts";

const PREFIX = "instance:";

/** Whether what stands among the paths of the disks is the id of the instance. */
export const namesInstance = (path: string): boolean => path.startsWith(PREFIX);

/**
 * The id by which an index knows its own disks again. It is kept among the paths of the disks, where no folder has such
 * a name: so a new index makes a new id, and no disk of the one before is taken for its own.
 */
export const instanceOf = (index: Pick<DiskIndex, "disks" | "numberDisk">): string => {
  const known = index.disks().find(({ path }) => namesInstance(path));
  if (known !== undefined) return known.path.slice(PREFIX.length);
  const instance = randomBytes(16).toString("hex");
  index.numberDisk(`${PREFIX}${instance}`);
  return instance;
};
