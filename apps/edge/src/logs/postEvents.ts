import type { PostEvents } from "@basalt/telemetry/subscription";
import { PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";

const CALL_LIMIT_MS = 15_000;
/** Calls of all subscriptions together, and those to one receiver. */
const MOST_CALLS = 32;
const MOST_CALLS_OF_ONE = 4;

const userAgent = `${PRODUCT_NAME.replace(/\s+/g, "-")}/${PRODUCT_VERSION}`;

/** What lies below the words of `fetch` says what happened. */
const reasonOf = (cause: unknown): Error => {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return error.cause instanceof Error ? error.cause : error;
};

/** Turns at something of which a few go on at a time, in all and for each name. */
class Turns {
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #waiting = new Set<{ readonly name: string; readonly begin: () => void }>();

  /** Rejects when the signal comes before the turn. */
  async take(name: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isFree(name)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting = { name, begin: resolve };
      const leave = (): void => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
      };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", leave);
      // Whoever ends a turn counts the one that begins then.
      return promise.finally(() => signal.removeEventListener("abort", leave));
    }
    this.#count(name, 1);
  }

  give(name: string): void {
    this.#count(name, -1);
    for (const waiting of this.#waiting) {
      if (this.#taken >= MOST_CALLS) return;
      if (!this.#isFree(waiting.name)) continue;
      this.#waiting.delete(waiting);
      this.#count(waiting.name, 1);
      waiting.begin();
    }
  }

  #isFree(name: string): boolean {
    return this.#taken < MOST_CALLS && (this.#takenBy.get(name) ?? 0) < MOST_CALLS_OF_ONE;
  }

  #count(name: string, change: 1 | -1): void {
    this.#taken += change;
    const taken = (this.#takenBy.get(name) ?? 0) + change;
    if (taken === 0) this.#takenBy.delete(name);
    else this.#takenBy.set(name, taken);
  }
}

/**
 * Calls receivers, a few at a time: one that hangs keeps only its own waiting. Redirects are not followed: a call goes
 * where the configuration says, or nowhere.
 */
export const createPoster = (): PostEvents => {
  const turns = new Turns();
  return async (url, body, signal) => {
    const { origin } = new URL(url);
    await turns.take(origin, signal);
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "User-Agent": userAgent },
        body,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_LIMIT_MS)]),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch (cause) {
      throw reasonOf(cause);
    } finally {
      turns.give(origin);
    }
  };
};
