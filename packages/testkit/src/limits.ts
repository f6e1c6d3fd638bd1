/** For what has to happen, on however busy a machine: who has waited for this long waits for what never happens. */
export const HANG_LIMIT_MS = 60_000;
