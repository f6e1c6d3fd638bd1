/** What the resident memory of the transform host means for what it does next. */
export type MemoryVerdict =
  /** Jobs may start. */
  | "start"
  /** No further job starts until those that run have given their memory back. */
  | "hold"
  /** The process is to be replaced between its jobs. */
  | "replace"
  /** The process is to be replaced at once: what runs may take all memory of the machine. */
  | "replaceNow";

export interface MemorySight {
  readonly residentBytes: number;
  readonly limitBytes: number;
  /** When it had just started. */
  readonly initialBytes: number;
  readonly jobsRunning: number;
  /** How long there has been nothing to do. */
  readonly idleMs: number;
}

/** Of the limit. */
const URGENT = 2;
const IDLE_MS = 60_000;
/** What an idle process may keep beyond what it began with: replacing it costs a little work too. */
const KEPT_BYTES = 192 * 1024 ** 2;

export const judgeMemory = (sight: MemorySight): MemoryVerdict => {
  const { residentBytes, limitBytes, initialBytes, jobsRunning, idleMs } = sight;
  if (residentBytes >= URGENT * limitBytes) return "replaceNow";
  if (residentBytes >= limitBytes) return jobsRunning > 0 ? "hold" : "replace";
  if (jobsRunning === 0 && idleMs >= IDLE_MS && residentBytes - initialBytes > KEPT_BYTES) return "replace";
  return "start";
};
