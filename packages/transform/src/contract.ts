import type { MediaFormat, MediaIndexMemory, MediaOutcome, MediaTask, MovieLayout } from "@basalt/media";
import type { DeriveOperation } from "@basalt/policy";

/** What a thread works on: plain data. */
export type TransformJob = WholeJob | PieceJob | MediaJob;

export interface WholeJob {
  readonly kind: "whole";
  readonly operation: Exclude<DeriveOperation, { readonly kind: "media" | "mediaIndex" }>;
  readonly source: Uint8Array<ArrayBuffer>;
}

/** One package of a body that is too large for one job; the packages of a body come in their order, one at a time. */
export interface PieceJob {
  readonly kind: "piece";
  readonly operation: Extract<DeriveOperation, { readonly kind: "encrypt" }>;
  readonly source: Uint8Array<ArrayBuffer>;
  /** What the package before it has left; undefined for the first. */
  readonly state: Uint8Array<ArrayBuffer> | undefined;
  readonly isLast: boolean;
}

/**
 * Of ranges of a media file. The memory of the pieces moves into the thread unless it is shared, as that of the index is.
 */
export interface MediaJob {
  readonly kind: "media";
  readonly work:
    | { readonly kind: "index"; readonly layout: MovieLayout }
    | {
        readonly kind: "task";
        readonly index: MediaIndexMemory;
        readonly format: MediaFormat;
        readonly task: MediaTask;
      };
  readonly pieces: readonly { readonly start: number; readonly bytes: Uint8Array }[];
  /** Where the result may be written. Nobody else may touch it, and none of the pieces, before the job is over. */
  readonly room?: Uint8Array<SharedArrayBuffer>;
}

/** The body of a result is in the room of the job, or in memory of its own. */
export type MediaResult =
  | Exclude<MediaOutcome, { readonly kind: "bytes" }>
  | (Omit<Extract<MediaOutcome, { readonly kind: "bytes" }>, "body"> & { readonly body: Uint8Array });

export interface MediaJobOutcome {
  readonly kind: "media";
  readonly outcome: MediaResult | { readonly kind: "indexed"; readonly memory: MediaIndexMemory };
}

export type RefusalReason = "tooLarge" | "unreadable" | "conversion";

export type TransformOutcome =
  | {
      readonly kind: "done";
      readonly body: Uint8Array<ArrayBuffer>;
      /** Undefined: that of the source. */
      readonly contentType: string | undefined;
      readonly cpuMs: number;
    }
  /** The transform makes no sense (result larger than source …): serve the source. */
  | { readonly kind: "unchanged"; readonly reason: string }
  /** The source or the command is at fault; `detail` is for the log. */
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly detail: string };

export interface PieceOutcome {
  readonly kind: "piece";
  readonly body: Uint8Array<ArrayBuffer>;
  /** For the next package. */
  readonly state: Uint8Array<ArrayBuffer>;
  readonly cpuMs: number;
}

/** Who wants a job done, and how it is to be weighed. */
export interface JobTerms {
  readonly vhost: string;
  /** Share of the virtual host in the processor time of the pool, relative to that of others. */
  readonly weight: number;
  /** Jobs of the virtual host that may run at the same time; 0: as many as there are threads. */
  readonly maxRunning: number;
  /** `idle`: nobody waits for it; it starts only when no job that somebody asked for waits. */
  readonly priority: "asked" | "idle";
  /** Memory that the job holds while it waits. */
  readonly heldBytes: number;
}

export interface TransformPoolOptions {
  readonly threads: number;
  /** Jobs waiting beyond those running; more answer TRANSFORM_OVERLOADED. */
  readonly queueLimit: number;
  /** Memory that waiting jobs may hold together. */
  readonly queueLimitBytes: number;
  /** A job that waits or runs longer is given up; its thread is replaced. */
  readonly deadlineMs: number;
  /** A thread without work ends after that time. */
  readonly idleThreadMs: number;
  /** A thread that was to end goes on, inside native code: the process cannot get rid of it. */
  readonly onStuckThread: () => void;
}

/** What may change while the pool works. */
export type TransformPoolLimits = Pick<TransformPoolOptions, "queueLimit" | "deadlineMs">;

/** Since the start of the pool, but for `waiting` and `running`. */
export interface TransformPoolFigures {
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  readonly failed: number;
  readonly refused: number;
  readonly cancelled: number;
  /** Refused for want of room in the queue, or given up after a whole deadline in it. */
  readonly overloaded: number;
}

/** The piscina pool of the transform host. Errors are EdgeError TRANSFORM_*. */
export interface TransformPool {
  /**
   * `load` is called when the job's turn has come. The memory of `source` moves into the thread when the view fills it
   * alone; the view is empty afterwards.
   */
  run(terms: JobTerms, load: () => Promise<WholeJob>, watch?: JobWatch): Promise<TransformOutcome>;
  runPiece(terms: JobTerms, load: () => Promise<PieceJob>, watch?: JobWatch): Promise<PieceOutcome>;
  runMedia(terms: JobTerms, load: () => Promise<MediaJob>, watch?: JobWatch): Promise<MediaJobOutcome["outcome"]>;
  readonly figures: TransformPoolFigures;
  setLimits(limits: TransformPoolLimits): void;
  /** Whether jobs may start now; those that run go on. */
  setStarting(mayStart: boolean): void;
  /** Rejects the jobs that wait with SHUTTING_DOWN, and all that come; resolves when none runs. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

export interface JobWatch {
  /** Aborted: a job that waits is given up (TRANSFORM_FAILED); one that runs goes on. */
  readonly signal?: AbortSignal;
  readonly onStart?: () => void;
  /** It ran longer than its deadline: told before its promise is rejected. */
  readonly onOverrun?: () => void;
  /** Told before its promise is settled, once it has run: its time on a thread. */
  readonly onRan?: (tookMs: number) => void;
}
