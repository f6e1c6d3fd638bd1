import { setTimeout as delay } from "node:timers/promises";
import type { StatusReport } from "@basalt/management";

const POLL_MS = 100;

/** Asks until there is an answer; undefined when the time is over. */
export const pollUntil = async <Answer>(
  ask: () => Promise<Answer | undefined>,
  timeoutMs: number,
): Promise<Answer | undefined> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await delay(POLL_MS);
  }
};

export const isServing = ({ workers }: StatusReport): boolean =>
  workers.length > 0 && workers.every(({ state }) => state === "serving");
