import { move, transferableSymbol, valueSymbol } from "piscina";
import type { TransformJob, TransformOutcome } from "./contract.ts";
import { compressGzip } from "./jobs/gzip.ts";

const JOBS: {
  readonly [Kind in TransformJob["kind"]]: (job: Extract<TransformJob, { kind: Kind }>) => TransformOutcome;
} = {
  gzip: compressGzip,
};

/** Entry of a transform thread: one job at a time; the memory of its result is handed over instead of copied. */
export default (job: TransformJob): unknown => {
  const outcome = JOBS[job.kind](job);
  if (outcome.kind === "unchanged") return outcome;
  return move({ [transferableSymbol]: [outcome.body.buffer], [valueSymbol]: outcome });
};
