/** Mean number of processes that ran or waited, over 1, 5 and 15 minutes, in 0.01 (STAT-53). */
export interface LoadAverage {
  readonly minute1: number;
  readonly minutes5: number;
  readonly minutes15: number;
}

/** /proc/loadavg. */
export const parseLoadAverage = (text: string): LoadAverage => {
  const [minute1 = 0, minutes5 = 0, minutes15 = 0] = text
    .trim()
    .split(/\s+/)
    .slice(0, 3)
    .map((word) => (/^\d{1,9}\.\d{1,4}$/.test(word) ? Math.round(Number(word) * 100) : 0));
  return { minute1, minutes5, minutes15 };
};
