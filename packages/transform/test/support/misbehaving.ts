/** A thread entry for tests: does what the job says. */
export default (job: string): string => {
  if (job === "spin") for (;;);
  if (job === "crash") process.exit(3);
  if (job === "throw") throw new Error("decoder says no");
  return job;
};
