import type { IndexRow } from "@basalt/store";
import { type Clock, epochMs } from "@basalt/types";
import { applyInvalidation, targetMatches } from "./invalidations.ts";
import type { Invalidation } from "./protocol.ts";

/** How long what was replaced is kept for the case that the new body cannot be completed. */
const KEPT_MS = 300_000;
/** At most; beyond it the oldest goes. */
const MOST_KEPT = 1_000;

/** `purged`, `expiredByForce`: by what came since it was replaced. */
interface Fallback {
  readonly previous: IndexRow;
  readonly untilMs: number;
  readonly purged: boolean;
  readonly expiredByForce: boolean;
}

/** What comes back, with what invalidations have made of it meanwhile. */
export type KeptObject = Pick<Fallback, "previous" | "purged" | "expiredByForce">;

/**
 * Whole objects whose place was taken by one with a body that still arrives. Their files stay until the new body is
 * whole, so that a renewal which breaks off costs nothing that was stored (TTL-27).
 */
export class Fallbacks {
  readonly #clock: Clock;
  /** By the file of the body that arrives. */
  readonly #byFile = new Map<number, Fallback>();
  /** Files kept, and the file that each waits for. */
  readonly #kept = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The object with that file takes the place of `previous`. Where that is not whole either, what it would fall back to
   * is kept on. A row with its tags, if there are any: those in the index are of the new one.
   */
  replace(previous: IndexRow, file: number): void {
    const earlier = this.#byFile.get(previous.location.file);
    const whole = { previous, purged: false, expiredByForce: false };
    const kept = previous.missingBytes === 0 ? whole : earlier;
    this.drop(previous.location.file);
    if (kept === undefined) return;
    this.#byFile.set(file, { ...kept, untilMs: this.#clock.now() + KEPT_MS });
    const keptFile = kept.previous.location.file;
    if (keptFile !== 0) this.#kept.set(keptFile, file);
    if (this.#byFile.size <= MOST_KEPT) return;
    const [oldest] = this.#byFile.keys();
    if (oldest !== undefined) this.drop(oldest);
  }

  /** The body in that file is whole, or nothing is to come back in its place. */
  drop(file: number): void {
    const fallback = this.#byFile.get(file);
    if (fallback === undefined) return;
    this.#byFile.delete(file);
    this.#kept.delete(fallback.previous.location.file);
  }

  /** No row shows what is kept: whoever invalidates objects has to come here too. */
  invalidate(invalidation: Invalidation): void {
    const { vhost, target } = invalidation;
    for (const [file, fallback] of this.#byFile) {
      const { previous, purged, expiredByForce } = fallback;
      const { url, tags = "", version } = previous;
      if (previous.vhost !== vhost || !targetMatches(target, url, { isTagged: tags !== "", tags })) continue;
      const state = { version, freshUntilMs: Number(previous.freshUntil), purged, expiredByForce };
      if (!applyInvalidation(state, invalidation)) this.drop(file);
      else {
        const changed = { ...previous, freshUntil: epochMs(state.freshUntilMs) };
        const { purged: isPurged, expiredByForce: isExpired } = state;
        this.#byFile.set(file, { ...fallback, previous: changed, purged: isPurged, expiredByForce: isExpired });
      }
    }
  }

  /** What comes back in place of the object with that file; once. */
  take(file: number): KeptObject | undefined {
    const fallback = this.#byFile.get(file);
    this.drop(file);
    return fallback !== undefined && this.#clock.now() < fallback.untilMs ? fallback : undefined;
  }

  /** Whether the file is not to be deleted yet, although no row names it. */
  keeps(file: number): boolean {
    const arriving = this.#kept.get(file);
    const fallback = arriving === undefined ? undefined : this.#byFile.get(arriving);
    if (arriving === undefined || fallback === undefined) return false;
    if (this.#clock.now() < fallback.untilMs) return true;
    this.drop(arriving);
    return false;
  }
}
