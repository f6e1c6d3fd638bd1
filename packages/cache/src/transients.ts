import { type CacheKey, type DiskIndexWriter, ROW_FLAG } from "@basalt/store";

/** How long what is made anew whenever it is wanted stays after its last use: workers tell of it every few seconds. */
const KEPT_MS = 15_000;

/** Rows of objects that are kept only while they are in use (MEDIA-01, MEDIA-44), as the primary knows them. */
export class Transients {
  readonly #index: Pick<DiskIndexWriter, "find" | "remove">;
  readonly #nowMs: () => number;
  /** Moments of the last use by key; the one used longest ago first. */
  readonly #usedMs = new Map<string, number>();

  constructor(index: Pick<DiskIndexWriter, "find" | "remove">, nowMs: () => number) {
    this.#index = index;
    this.#nowMs = nowMs;
  }

  get count(): number {
    return this.#usedMs.size;
  }

  /** It was made, or is in use. */
  note(key: CacheKey): void {
    const name = key.toString("latin1");
    this.#usedMs.delete(name);
    this.#usedMs.set(name, this.#nowMs());
  }

  /** As `note`, where it is one of these; false where it is not. */
  touch(key: CacheKey): boolean {
    if (this.#usedMs.size === 0 || !this.#usedMs.has(key.toString("latin1"))) return false;
    this.note(key);
    return true;
  }

  /** Gives up those that are not in use any more. */
  sweep(): void {
    const limitMs = this.#nowMs() - KEPT_MS;
    for (const [name, usedMs] of this.#usedMs) {
      if (usedMs > limitMs) return;
      this.#drop(name);
    }
  }

  /** Gives up all. */
  clear(): void {
    for (const name of [...this.#usedMs.keys()]) this.#drop(name);
  }

  #drop(name: string): void {
    this.#usedMs.delete(name);
    const key = Buffer.from(name, "latin1");
    if (((this.#index.find(key)?.flags ?? 0) & ROW_FLAG.TRANSIENT) !== 0) this.#index.remove(key);
  }
}
