import { unreachable } from "@basalt/types";
import { periodAt } from "../logs/rotation.ts";
import type { TransferTimes } from "./contract.ts";

const MINUTES_PER_HOUR = 60;

/** When a file that was queued at that moment is to be sent (LOG-187). */
export const dueAt = (times: TransferTimes, queuedMs: number): number => {
  switch (times.kind) {
    case "rotate":
      return queuedMs;
    case "daily": {
      const queued = new Date(queuedMs);
      const [year, month, day] = [queued.getFullYear(), queued.getMonth(), queued.getDate()];
      const today = new Date(year, month, day, 0, times.minute).getTime();
      return today >= queuedMs ? today : new Date(year, month, day + 1, 0, times.minute).getTime();
    }
    case "hourly": {
      const { startMs, endMs } = periodAt(queuedMs, times.hours * MINUTES_PER_HOUR);
      return startMs === queuedMs ? startMs : endMs;
    }
    default:
      return unreachable(times);
  }
};
