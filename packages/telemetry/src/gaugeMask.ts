import type { PlacedCounter } from "./contract.ts";

/** By slot: whether it is a gauge. */
export const gaugeMask = (counters: readonly PlacedCounter[], size: number): readonly boolean[] => {
  const mask = new Array<boolean>(size).fill(false);
  for (const { kind, slot } of counters) if (kind === "gauge") mask[slot] = true;
  return mask;
};
