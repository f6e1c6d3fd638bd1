import { statfs } from "node:fs/promises";

/** Sizes may be so old; a file system that hangs is asked once, and holds up no other. */
const KEPT_MS = 10_000;

export interface DiskSize {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
}

const UNKNOWN: DiskSize = { totalBytes: 0, usedBytes: 0, freeBytes: 0 };

const sizeOf = async (folder: string): Promise<DiskSize> => {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(folder);
    return { totalBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize, freeBytes: bavail * bsize };
  } catch {
    return UNKNOWN;
  }
};

/** Sizes of the file systems that folders are on; 0 for what does not tell (REG-284). */
export class DiskSizes {
  readonly #monotonicMs: () => number;
  readonly #sizeOf: (folder: string) => Promise<DiskSize>;
  /** Those whose answer is awaited. */
  readonly #awaited = new Set<string>();
  readonly #sizes = new Map<string, DiskSize>();
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(monotonicMs: () => number, ask: (folder: string) => Promise<DiskSize> = sizeOf) {
    this.#monotonicMs = monotonicMs;
    this.#sizeOf = ask;
  }

  /** As they were a moment ago: what is too old is asked for, for the next time. */
  of(folders: readonly string[]): readonly DiskSize[] {
    void this.refresh(folders);
    return folders.map((folder) => this.#sizes.get(folder) ?? UNKNOWN);
  }

  async refresh(folders: readonly string[]): Promise<void> {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#askedMs >= KEPT_MS) {
      this.#askedMs = nowMs;
      const asked = folders.filter((folder) => !this.#awaited.has(folder));
      this.#asking = Promise.all(asked.map((folder) => this.#ask(folder)));
    }
    await this.#asking;
  }

  async #ask(folder: string): Promise<void> {
    this.#awaited.add(folder);
    this.#sizes.set(folder, await this.#sizeOf(folder));
    this.#awaited.delete(folder);
  }
}
