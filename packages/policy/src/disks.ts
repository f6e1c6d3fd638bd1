import { unreachable } from "@basalt/types";

/** What a disk may be (CFG-41, OPT-77). */
export type DiskHealth = "Normal" | "Invalid" | "Unmounted";

/** `DiskFailCount` and `DiskFailSec` (CFG-41, CFG-42). */
export interface DiskFailureLimit {
  readonly failCount: number;
  readonly failSeconds: number;
}

export interface DiskFailureVerdict {
  /** Moments of the failures that still count: what the next call is given. Never more than the limit. */
  readonly recentMs: readonly number[];
  readonly isExcluded: boolean;
}

/** Adds a failure to those of a disk: excluded when the last `failSeconds` saw `failCount` of them (CFG-42). */
export const judgeDiskFailure = (
  earlierMs: readonly number[],
  atMs: number,
  limit: DiskFailureLimit,
): DiskFailureVerdict => {
  const fromMs = atMs - limit.failSeconds * 1000;
  const recentMs = [...earlierMs.filter((moment) => moment > fromMs), atMs].slice(-limit.failCount);
  return { recentMs, isExcluded: recentMs.length >= limit.failCount };
};

/**
 * - `serve`: nothing to decide, or nothing that would help.
 * - `reinsertAll`: use the failed disks again. Disks that the administrator unmounted stay out.
 * - `bypass`: every request goes to the origin until a disk is back.
 * - `terminate`: end the server.
 */
export type DiskLossDecision = "serve" | "reinsertAll" | "bypass" | "terminate";

/**
 * What happens when no disk is in use any more (CFG-43). Disks that the administrator took away are no crash: when no
 * other is missing the service goes on (OPT-75), for `bypass` by the origin and else without storing anything.
 */
export const decideDiskLoss = (
  onCrash: "hang" | "bypass" | "selfkill",
  disks: readonly DiskHealth[],
): DiskLossDecision => {
  if (disks.length === 0 || disks.includes("Normal")) return "serve";
  const hasFailed = disks.includes("Invalid");
  switch (onCrash) {
    case "hang":
      return hasFailed ? "reinsertAll" : "serve";
    case "bypass":
      return "bypass";
    case "selfkill":
      return hasFailed ? "terminate" : "serve";
    default:
      return unreachable(onCrash);
  }
};
