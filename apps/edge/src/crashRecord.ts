import { createHash } from "node:crypto";
import { serialize } from "node:v8";
import type { DeriveRequest } from "@basalt/cache";

/** How long a job that has ended its process twice is refused. */
const CRASH_MEMORY_MS = 600_000;
/** As long for one that ran longer than it may: the next try may find a less busy machine. */
const OVERRUN_MEMORY_MS = 60_000;
const CRASHES = 2;
const REMEMBERED = 1_000;

interface Entry {
  crashes: number;
  refusedUntilMs: number;
  readonly forgottenAtMs: number;
}

/** What the same work has in common, however often it is asked for. */
export const workKeyOf = ({ vhost, source, operation }: DeriveRequest): string => {
  const hash = createHash("sha1").update(serialize([vhost, operation]));
  if (source.kind === "bytes") hash.update(source.body);
  else hash.update(serialize(source.location));
  return hash.digest("base64");
};

/**
 * Jobs that have ended the transform host, or have held a thread too long. A job that was running when the host died
 * may be innocent: it is repeated while no other suspect runs, so that who dies with it a second time is guilty.
 */
export class CrashRecord {
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;
  /** Ends when the suspect before has been tried. */
  #lastTrial: Promise<void> = Promise.resolve();

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Nothing is known of any job: keys need not be computed. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  isRefused(key: string): boolean {
    return (this.#entryOf(key)?.refusedUntilMs ?? 0) > this.#nowMs();
  }

  isSuspect(key: string): boolean {
    return (this.#entryOf(key)?.crashes ?? 0) > 0;
  }

  /** It ran when its process died; true: once too often. */
  blame(key: string): boolean {
    const entry = this.#entryOf(key) ?? this.#remember(key, CRASH_MEMORY_MS);
    entry.crashes++;
    if (entry.crashes >= CRASHES) entry.refusedUntilMs = entry.forgottenAtMs;
    return entry.crashes >= CRASHES;
  }

  noteOverrun(key: string): void {
    this.#remember(key, OVERRUN_MEMORY_MS).refusedUntilMs = this.#nowMs() + OVERRUN_MEMORY_MS;
  }

  clear(key: string): void {
    this.#entries.delete(key);
  }

  /** Runs the trial of a suspect when those before it are over. */
  async alone<Result>(trial: () => Promise<Result>): Promise<Result> {
    const before = this.#lastTrial;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastTrial = promise;
    await before;
    try {
      return await trial();
    } finally {
      resolve();
    }
  }

  #entryOf(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.forgottenAtMs > this.#nowMs()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #remember(key: string, forMs: number): Entry {
    if (this.#entries.size >= REMEMBERED) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const entry = { crashes: 0, refusedUntilMs: 0, forgottenAtMs: this.#nowMs() + forMs };
    this.#entries.set(key, entry);
    return entry;
  }
}
