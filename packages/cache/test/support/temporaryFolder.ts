import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test, the last one first. */
export const onEnd = (cleanup: () => Promise<void> | void): void => {
  cleanups.push(cleanup);
};

/** A folder that is gone after the test. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-cache-"));
  // A store may be making its folders at this very moment.
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 }));
  return folder;
};
