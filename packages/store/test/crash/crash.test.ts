import { describe, expect, it } from "vitest";
import { countPoints, describeTally, emptyTally, runCrashes } from "./runCrashes.ts";
import { withScratchFolder } from "./scratchFolder.ts";

const SEEDS = [1000, 2000] as const;

describe("a store that dies at any step", () => {
  it("keeps every object whole or absent, over a kill what was stored, over a power cut what was synced", async () => {
    const tally = emptyTally();
    await Promise.all(
      SEEDS.map((seed) =>
        withScratchFolder((folder) => runCrashes({ folder, seed, rounds: 3, points: 34, stepsBetween: 40 }, tally)),
      ),
    );
    process.stdout.write(`${describeTally(tally)}\n`);
    expect(tally.violations).toEqual([]);
    expect(countPoints(tally)).toBe(204);
    expect(Math.min(tally.whole, tally.partial, tally.absent, tally.recovered)).toBeGreaterThan(60);
  }, 600_000);
});
