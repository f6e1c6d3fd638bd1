import { extname } from "node:path";
import { isMarkedAsUntransferable } from "node:worker_threads";
import type { TransformJob, TransformOutcome, TransformPool, TransformPoolOptions } from "./contract.ts";
import { ThreadPool } from "./threadPool.ts";

/** The thread's module has the extension of this one: compiled beside compiled, source beside source. */
const THREAD = new URL(`./thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Starts the threads at once. A job's `source` is moved, not copied, when it fills its memory alone: the caller's
 * array is empty afterwards. A view into shared memory is copied.
 */
export const createTransformPool = (options: TransformPoolOptions): TransformPool => {
  const threads = new ThreadPool<TransformJob, TransformOutcome>(THREAD, options);
  return {
    run: (job, signal) => {
      const source = isTransferable(job.source) ? job.source : Uint8Array.from(job.source);
      return threads.run({ ...job, source }, [source.buffer], signal);
    },
    get figures() {
      return threads.figures;
    },
    close: () => threads.close(),
  };
};

const isTransferable = (view: Uint8Array<ArrayBuffer>): boolean =>
  view.byteLength === view.buffer.byteLength && !isMarkedAsUntransferable(view.buffer);
