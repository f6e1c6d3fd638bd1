import { makeSpanId } from "./traceIds.ts";
import type { TracedPart, TraceEvent } from "./traceRecord.ts";

/** Names of the phases of a request, as far as parts are made of them. */
export const TRACED_PHASE = {
  lookup: "lookup",
  hit: "hit",
  revalidate: "revalidate",
  miss: "miss",
  derive: "derive",
  deliver: "deliver",
} as const;

/** What the time from one phase to the next was used for; undefined where that is not worth a part. */
const workOf = (phase: string, next: string | undefined): string | undefined => {
  switch (phase) {
    case TRACED_PHASE.lookup:
      return "cache lookup";
    case TRACED_PHASE.derive:
      return "compression";
    case TRACED_PHASE.miss:
      return next === TRACED_PHASE.hit ? "disk read" : "obtain";
    case TRACED_PHASE.revalidate:
      return next === TRACED_PHASE.miss ? undefined : "revalidate";
    case TRACED_PHASE.deliver:
      // Delivery that comes a second time has waited for the body to be read into memory.
      return next === undefined ? undefined : "disk read";
    default:
      return undefined;
  }
};

/** Parts of the work that was done here (AWS-96), out of the phases that a request went through. */
export const workParts = (events: readonly TraceEvent[], endMs: number): readonly TracedPart[] => {
  const parts: TracedPart[] = [];
  events.forEach(({ name: phase, atMs }, index) => {
    const next = events[index + 1];
    const name = workOf(phase, next?.name);
    if (name === undefined) return;
    parts.push({
      id: makeSpanId(),
      name,
      startMs: atMs,
      endMs: Math.max(atMs, next?.atMs ?? endMs),
      exchange: undefined,
      parts: [],
    });
  });
  return parts;
};
