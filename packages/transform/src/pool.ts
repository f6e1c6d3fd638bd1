import { extname } from "node:path";
import { EdgeError } from "@basalt/types";
import type {
  MediaJob,
  MediaJobOutcome,
  PieceJob,
  PieceOutcome,
  TransformJob,
  TransformOutcome,
  TransformPool,
  TransformPoolOptions,
  WholeJob,
} from "./contract.ts";
import { isOfOwnBuffer, ownMemory } from "./ownMemory.ts";
import { type LoadedJob, ThreadPool } from "./threadPool.ts";

/** The thread's module has the extension of this one: compiled beside compiled, source beside source. */
const THREAD = new URL(`./thread${extname(import.meta.url)}`, import.meta.url);

/**
 * A job's `source` is moved, not copied, when it fills its memory alone: the array that was loaded is empty afterwards.
 * A view into shared memory is copied.
 */
export const createTransformPool = (options: TransformPoolOptions, entry: URL = THREAD): TransformPool => {
  const threads = new ThreadPool<TransformJob, TransformOutcome | PieceOutcome | MediaJobOutcome>(entry, options);
  let refused = 0;
  return {
    run: async (terms, load, watch) => {
      const outcome = await threads.run(terms, async () => movable(await load()), watch);
      if (outcome.kind === "piece" || outcome.kind === "media") {
        throw new EdgeError("INTERNAL", { detail: "a piece instead of a whole result" });
      }
      if (outcome.kind === "refused") refused++;
      return outcome;
    },
    runPiece: async (terms, load, watch) => {
      const outcome = await threads.run(terms, async () => movable(await load()), watch);
      if (outcome.kind !== "piece") throw new EdgeError("TRANSFORM_FAILED", { detail: "no piece came of a piece" });
      return outcome;
    },
    runMedia: async (terms, load, watch) => {
      const job = await threads.run(terms, async () => withPieces(await load()), watch);
      if (job.kind !== "media") throw new EdgeError("TRANSFORM_FAILED", { detail: "nothing came of a media job" });
      const { outcome } = job;
      if (outcome.kind === "unreadable" || outcome.kind === "absent") refused++;
      return outcome;
    },
    get figures() {
      return { ...threads.figures, refused };
    },
    setLimits: (limits) => threads.setLimits(limits),
    setStarting: (mayStart) => threads.setStarting(mayStart),
    retire: () => threads.retire(new EdgeError("SHUTTING_DOWN", { detail: "the transform host gives way to another" })),
    close: () => threads.close(),
  };
};

const withPieces = (job: MediaJob): LoadedJob<TransformJob> => {
  const transfer: ArrayBuffer[] = [];
  const pieces = job.pieces.map(({ start, bytes }) => {
    if (!isOfOwnBuffer(bytes)) return { start, bytes };
    const own = ownMemory(bytes);
    transfer.push(own.buffer);
    return { start, bytes: own };
  });
  return { job: { ...job, pieces }, transfer };
};

const movable = (job: WholeJob | PieceJob): LoadedJob<TransformJob> => {
  const source = ownMemory(job.source);
  return { job: { ...job, source }, transfer: [source.buffer] };
};
