import { setImmediate as nextTurn } from "node:timers/promises";

/** How long one piece may keep the process from everything else. */
const TURN_MS = 5;

/** Runs small steps to their end, giving way to other work every few milliseconds. */
export const inTurns = async <Result>(steps: Generator<void, Result>): Promise<Result> => {
  let until = performance.now() + TURN_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + TURN_MS;
  }
};
