/** A job for the pool: plain data. The union grows by one variant per kind of transform. */
export type TransformJob = {
  readonly kind: "gzip";
  readonly source: Uint8Array<ArrayBuffer>;
  /** 1 to 9 (HTTP-56). */
  readonly level: number;
};

export type TransformOutcome =
  | { readonly kind: "done"; readonly body: Uint8Array<ArrayBuffer>; readonly cpuMs: number }
  /** The transform makes no sense (result larger than source …): serve the source. */
  | { readonly kind: "unchanged"; readonly reason: string };

export interface TransformPoolOptions {
  readonly threads: number;
  /** Jobs waiting beyond those running; more answer TRANSFORM_OVERLOADED. */
  readonly queueLimit: number;
  /** A job running longer is aborted with TRANSFORM_FAILED and its thread replaced. */
  readonly deadlineMs: number;
}

/** The piscina pool of the transform host. Errors are EdgeError TRANSFORM_*. */
export interface TransformPool {
  /** The memory of `job.source` moves into the thread when the view fills it alone; the view is empty afterwards. */
  run(job: TransformJob, signal?: AbortSignal): Promise<TransformOutcome>;
  readonly figures: {
    readonly waiting: number;
    readonly running: number;
    readonly done: number;
    readonly failed: number;
  };
  close(): Promise<void>;
}
