/** Command line of `scripts/crash-store`. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { countPoints, describeTally, emptyTally, runCrashes } from "./runCrashes.ts";
import { SCRATCH_ROOT, withScratchFolder } from "./scratchFolder.ts";

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "steps-between": { type: "string", default: "60" },
    folder: { type: "string", default: SCRATCH_ROOT },
  },
});

const ROUNDS = 10;
const POINTS_PER_ROUND = 20;
const points = Number(values.points);
const firstSeed = Number(values.seed);
const stepsBetween = Number(values["steps-between"]);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

print(`seed ${firstSeed}`);
const tally = emptyTally();
let nextSeed = firstSeed;
let told = 0;
const crashAgain = async (): Promise<void> => {
  while (countPoints(tally) < points) {
    const seed = nextSeed;
    nextSeed += ROUNDS;
    const run = { seed, rounds: ROUNDS, points: POINTS_PER_ROUND, stepsBetween };
    await withScratchFolder((folder) => runCrashes({ folder, ...run }, tally), values.folder);
    for (const violation of tally.violations.slice(told)) print(`FAIL  ${violation}`);
    told = tally.violations.length;
  }
};
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, crashAgain));
print(describeTally(tally));
print(tally.violations.length === 0 ? "holds" : `does not hold: ${tally.violations.length} findings`);
process.exitCode = tally.violations.length === 0 ? 0 : 1;
