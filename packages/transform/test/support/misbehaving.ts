import { readFileSync } from "node:fs";

/** A thread entry for tests: does what the job says. */
export default (job: string): string => {
  if (job === "spin") for (;;);
  if (job === "crash") process.exit(3);
  if (job === "throw") throw new Error("decoder says no");
  // Blocks in a native call until somebody writes into the pipe: no thread can be ended there.
  if (job.startsWith("native ")) return readFileSync(job.slice("native ".length), "utf8");
  return job;
};
