import fs from "node:fs";

/** A read that took longer did not come from memory. */
const SLOW_READ_MS = 1;
/** After a slow read, none is tried for this long: at most one per second may hold the event loop up. */
const PAUSE_MS = 1_000;

/**
 * Small reads on the event loop's own thread. From the page cache they take a few microseconds, a tenth of what the way
 * through the thread pool costs; from a disk they would stop everything, so one slow read ends them for a while.
 */
export class QuickReads {
  #pausedUntilMs = 0;

  /** True when reads are expected to come from memory. */
  get isAllowed(): boolean {
    return performance.now() >= this.#pausedUntilMs;
  }

  /** Bytes read into `target`; fewer than its length at the end of the file. Throws the system's errors. */
  read(descriptor: number, target: Buffer, position: number): number {
    const startedMs = performance.now();
    const count = fs.readSync(descriptor, target, 0, target.length, position);
    const endedMs = performance.now();
    if (endedMs - startedMs > SLOW_READ_MS) this.#pausedUntilMs = endedMs + PAUSE_MS;
    return count;
  }
}
