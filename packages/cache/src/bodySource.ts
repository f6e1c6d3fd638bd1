import type { EdgeError } from "@basalt/types";

/**
 * A body that is not (or not yet) one buffer in memory, as a delivery reads it: a file, or a body still arriving in
 * this worker or another. Positions count from the start of the body.
 */
export interface BodySource {
  /** -1 while the length is unknown. */
  readonly totalBytes: number;
  /** Bytes that `peek` or `read` can give now. */
  readonly availableBytes: number;
  readonly state: "growing" | "complete" | "failed";
  readonly error: EdgeError | undefined;
  /** Bytes at the position that are in memory already; never to be changed. */
  peek(position: number): Buffer | undefined;
  /** Reads into `target`; resolves with the count, at least 1 where `position < availableBytes`, else 0. */
  read(target: Buffer, length: number, position: number): Promise<number>;
  /** Calls back after each change of length or state until the returned function is called. */
  watch(listener: () => void): () => void;
  /** One more reader; each is to `release` once. */
  retain(): void;
  release(): void;
}

/** Listeners of a growing body; calling one may add or remove others. */
export class Watchers {
  readonly #listeners = new Set<() => void>();

  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
