import type { FileRun } from "@basalt/store";
import type { EdgeError } from "@basalt/types";

export type { FileRun };

/**
 * A body that is not (or not yet) one buffer in memory, as a delivery reads it: a file, or a body still arriving in
 * this worker or another. Positions count from the start of the body.
 */
export interface BodySource {
  /** -1 while the length is unknown. */
  readonly totalBytes: number;
  /** Position up to which `peek` or `read` can give bytes now, from where the reader is; may grow as it goes on. */
  readonly availableBytes: number;
  readonly state: "growing" | "complete" | "failed";
  readonly error: EdgeError | undefined;
  /** False while it is not certain that the reader will get anything; absent: it is. */
  readonly isConfirmed?: boolean;
  /** True when it will not be kept: it arrives only as fast as it is read, and never becomes an object. */
  readonly isUnstored?: boolean;
  /** Bytes at the position that are in memory already; never to be changed. */
  peek(position: number): Buffer | undefined;
  /** Bytes `[position, end)` as far as they can be sent from a file itself; see `PartedFile.fileRun`. */
  fileRun?(position: number, end: number): FileRun | "later" | undefined;
  /** Reads into `target`; resolves with the count, at least 1 where `position < availableBytes`, else 0. */
  read(target: Buffer, length: number, position: number): Promise<number>;
  /**
   * Calls back after each change of length or state until the returned function is called. `position` tells where the
   * reader is: a body that cannot be stored keeps what lies behind it, and waits for it.
   */
  watch(listener: () => void, position?: () => number): () => void;
  /** One more reader; each is to `release` once. */
  retain(): void;
  release(): void;
}

interface Watcher {
  readonly listener: () => void;
  readonly position: (() => number) | undefined;
}

/** Listeners of a growing body; calling one may add or remove others. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();

  add(listener: () => void, position?: () => number): () => void {
    const watcher = { listener, position };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  notify(): void {
    for (const { listener } of [...this.#watchers]) listener();
  }

  /** Where the slowest reader is; undefined when none has told. */
  get lowestPosition(): number | undefined {
    let lowest: number | undefined;
    for (const { position } of this.#watchers) {
      const at = position?.();
      if (at !== undefined && (lowest === undefined || at < lowest)) lowest = at;
    }
    return lowest;
  }
}
