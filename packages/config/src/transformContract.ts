/** Bounds of the transform host (DIMS-18). */
export interface TransformLimits {
  /** Jobs that may wait. */
  readonly queue: number;
  /** How long a job may wait, and how long it may run. */
  readonly deadlineSeconds: number;
  /** Resident memory above which no further job starts; 0: by the memory of the host. */
  readonly memoryBytes: number;
}

/** What a virtual host may take of the transform host (DIMS-18). */
export interface TransformShare {
  /** Relative to that of others, while several have jobs waiting. */
  readonly weight: number;
  /** Jobs that run at the same time; 0: no limit of its own. */
  readonly threads: number;
}
