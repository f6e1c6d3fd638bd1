import { afterAll, beforeAll, beforeEach } from "vitest";

/**
 * What all tests of a file share: opened before the first of them, and anew before another attempt at one that has
 * failed, so that nothing of the first attempt is in its way.
 */
export const useShared = (open: () => Promise<void>, close: () => Promise<void>): void => {
  beforeAll(open);
  afterAll(close);
  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) === 0) return;
    await close();
    await open();
  });
};
