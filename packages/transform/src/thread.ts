import { move, transferableSymbol, valueSymbol } from "piscina";
import type { MediaJob, MediaJobOutcome, PieceOutcome, TransformJob, TransformOutcome, WholeJob } from "./contract.ts";
import { compressWhole } from "./jobs/compress.ts";
import { encryptPiece, encryptWhole } from "./jobs/encrypt.ts";
import { isOfOwnBuffer, ownMemory, releaseMemory } from "./ownMemory.ts";

/** Entry of a transform thread: one job at a time; the memory of its result is handed over instead of copied. */
export default async (job: TransformJob): Promise<unknown> => {
  const outcome = await run(job);
  releaseSource(job, outcome);
  return handOver(outcome);
};

type Outcome = TransformOutcome | PieceOutcome | MediaJobOutcome;

/** The source, when nothing works on it any more and it has not become the result. */
const releaseSource = (job: TransformJob, outcome: Outcome): void => {
  if (job.kind === "media" || ("body" in outcome && outcome.body.buffer === job.source.buffer)) return;
  releaseMemory(job.source);
};

const handOver = (outcome: Outcome): unknown => {
  switch (outcome.kind) {
    case "done": {
      // Native libraries give bytes in memory of their own making, which cannot always change hands.
      const body = ownMemory(outcome.body);
      return move({ [transferableSymbol]: [body.buffer], [valueSymbol]: { ...outcome, body } });
    }
    case "piece":
      return move({ [transferableSymbol]: [outcome.body.buffer, outcome.state.buffer], [valueSymbol]: outcome });
    case "media":
      return withMemory(outcome);
    case "unchanged":
    case "refused":
      return outcome;
  }
};

const run = async (job: TransformJob): Promise<Outcome> => {
  if (job.kind === "piece") return encryptPiece(job.operation, job.source, job.state, job.isLast);
  return job.kind === "media" ? await runMedia(job) : await runWhole(job);
};

const runMedia = async ({ work, pieces, room }: MediaJob): Promise<MediaJobOutcome> => {
  const { indexMovie, runMediaTask } = await import("@basalt/media");
  if (work.kind === "index") return { kind: "media", outcome: indexMovie(work.layout, pieces) };
  if (room === undefined) return { kind: "media", outcome: runMediaTask(work.index, work.format, work.task, pieces) };
  const { inWorkspace } = await import("./mediaWorkspace.ts");
  return {
    kind: "media",
    outcome: inWorkspace(room, pieces, (own, ownRoom) =>
      runMediaTask(work.index, work.format, work.task, own, ownRoom),
    ),
  };
};

const withMemory = (result: MediaJobOutcome): unknown => {
  const { outcome } = result;
  switch (outcome.kind) {
    case "bytes": {
      if (!isOfOwnBuffer(outcome.body)) return result;
      const body = ownMemory(outcome.body);
      const moved = { kind: "media", outcome: { ...outcome, body } };
      return move({ [transferableSymbol]: [body.buffer], [valueSymbol]: moved });
    }
    case "recipe": {
      const recipe = ownMemory(outcome.recipe);
      const moved = { kind: "media", outcome: { ...outcome, recipe } };
      return move({ [transferableSymbol]: [recipe.buffer], [valueSymbol]: moved });
    }
    default:
      return result;
  }
};

/** Loaded by the first job that needs it; kept, since each `import()` asks the module loader anew. */
let images: typeof import("./images/convertImage.ts") | undefined;

const runWhole = async ({ operation, source }: WholeJob): Promise<TransformOutcome> => {
  if (operation.kind === "compress") return compressWhole(operation, source);
  if (operation.kind === "encrypt") return encryptWhole(operation, source);
  images ??= await import("./images/convertImage.ts");
  return images.convertImage(operation, source);
};
