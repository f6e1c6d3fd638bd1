import { EXIT } from "./exitCodes.ts";

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly livedMs: number;
}

export type NextStep =
  | { readonly kind: "end"; readonly exitCode: number }
  | { readonly kind: "restart"; readonly delayMs: number };

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** A process that lived this long is sound: its end is a new event, not the last one again. */
const SOUND_LIFE_MS = 10_000;

/**
 * What follows the end of the primary. It is replaced at once; if it keeps dying young, after 100 ms, doubling to
 * 5 s. `earlyEnds` counts the ends since it last lived long enough. While workers of an earlier primary serve, a
 * configuration that is at fault does not end the service: it may be mended.
 */
export const decideNextStep = (end: ProcessEnd, earlyEnds: number, hasOrphans = false): NextStep => {
  if (end.code === 0) return { kind: "end", exitCode: EXIT.done };
  if (end.code === EXIT.configuration) {
    return hasOrphans ? { kind: "restart", delayMs: LONGEST_DELAY_MS } : { kind: "end", exitCode: EXIT.configuration };
  }
  if (end.code === EXIT.restartRequested || earlyEnds === 0) return { kind: "restart", delayMs: 0 };
  return { kind: "restart", delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (earlyEnds - 1)) };
};

export const countEarlyEnds = (end: ProcessEnd, earlyEnds: number): number => {
  if (end.code === EXIT.restartRequested) return 0;
  return end.livedMs >= SOUND_LIFE_MS ? 0 : earlyEnds + 1;
};
