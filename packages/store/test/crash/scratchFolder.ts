import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In memory where there is such a place: nothing here needs a real disk, and SQLite waits for one at every close. */
export const SCRATCH_ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Runs `work` with a folder that is gone after it. */
export const withScratchFolder = async <Result>(
  work: (folder: string) => Promise<Result>,
  root = SCRATCH_ROOT,
): Promise<Result> => {
  const folder = await mkdtemp(join(root, "basalt-crash-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
