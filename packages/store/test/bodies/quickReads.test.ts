import { describe, expect, it } from "vitest";
import { QuickReads } from "../../src/bodies/quickReads.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("reads on the event loop", () => {
  it("of blocks are four in a turn, so that a client who takes all at once keeps nobody waiting", async () => {
    const quickReads = new QuickReads();
    for (let turn = 0; turn < 3; turn++) {
      expect(Array.from({ length: 6 }, () => quickReads.mayReadBlock())).toEqual([
        true,
        true,
        true,
        true,
        false,
        false,
      ]);
      await nextTurn();
    }
  });
});
