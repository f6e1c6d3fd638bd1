import { type EpochMs, epochMs } from "@basalt/types";

/** A skipped day (a zone that crossed the date line) and a skipped hour are the worst cases. */
const DAYS_AHEAD = 3;

/**
 * The next moment at which local clocks show that minute of the day (CFG-47), after `nowMs`. Once a day whatever the
 * clocks do: a time that is skipped in spring is taken as much later, of one that comes twice in autumn the first.
 */
export const nextCleanupAt = (nowMs: EpochMs, minuteOfDay: number): EpochMs => {
  const now = new Date(nowMs);
  let moment = now.getTime();
  for (let days = 0; days <= DAYS_AHEAD && moment <= nowMs; days += 1) {
    moment = new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 0, minuteOfDay).getTime();
  }
  return epochMs(moment);
};
