import { move, transferableSymbol, valueSymbol } from "piscina";
import type { PieceOutcome, TransformJob, TransformOutcome, WholeJob } from "./contract.ts";
import { compressWhole } from "./jobs/compress.ts";
import { encryptPiece, encryptWhole } from "./jobs/encrypt.ts";
import { ownMemory } from "./ownMemory.ts";

/** Entry of a transform thread: one job at a time; the memory of its result is handed over instead of copied. */
export default async (job: TransformJob): Promise<unknown> => {
  const outcome = await run(job);
  switch (outcome.kind) {
    case "done": {
      // Native libraries give bytes in memory of their own making, which cannot always change hands.
      const body = ownMemory(outcome.body);
      return move({ [transferableSymbol]: [body.buffer], [valueSymbol]: { ...outcome, body } });
    }
    case "piece":
      return move({ [transferableSymbol]: [outcome.body.buffer, outcome.state.buffer], [valueSymbol]: outcome });
    case "unchanged":
    case "refused":
      return outcome;
  }
};

const run = async (job: TransformJob): Promise<TransformOutcome | PieceOutcome> => {
  if (job.kind === "piece") return encryptPiece(job.operation, job.source, job.state, job.isLast);
  return await runWhole(job);
};

const runWhole = async ({ operation, source }: WholeJob): Promise<TransformOutcome> => {
  if (operation.kind === "compress") return compressWhole(operation, source);
  if (operation.kind === "encrypt") return encryptWhole(operation, source);
  const { convertImage } = await import("./images/convertImage.ts");
  return convertImage(operation, source);
};
