import fs from "node:fs";

/** A read that took longer did not come from memory, or another process had the core meanwhile. */
const SLOW_READ_MS = 1;
/** Time lost to slow reads within a window after which none is tried for as long as a window lasts. */
const LOST_LIMIT_MS = 20;
const WINDOW_MS = 1_000;
/** Of blocks, by one turn of the event loop: what is more goes another way, so that all connections have their turns. */
const BLOCKS_PER_TURN = 4;

/**
 * Small reads on the event loop's own thread. From the page cache they take a few microseconds, a tenth of what the way
 * through the thread pool costs; from a disk they would stop everything, so a disk that is really read ends them for a
 * while: they may hold the loop up for about 1 % of the time.
 */
export class QuickReads {
  #pausedUntilMs = 0;
  #windowStartMs = 0;
  #lostMs = 0;
  /** Blocks that this process has had read from disks, as the kernel counts them. */
  #blocksRead = 0;
  #blocksThisTurn = 0;

  /** True when reads are expected to come from memory. */
  get isAllowed(): boolean {
    return performance.now() >= this.#pausedUntilMs;
  }

  /** As `isAllowed`, for a whole block, which is to be read if so. */
  mayReadBlock(): boolean {
    if (this.#blocksThisTurn >= BLOCKS_PER_TURN || !this.isAllowed) return false;
    if (this.#blocksThisTurn === 0) {
      setImmediate(() => {
        this.#blocksThisTurn = 0;
      });
    }
    this.#blocksThisTurn += 1;
    return true;
  }

  /** Bytes read into `target`; fewer than its length at the end of the file. Throws the system's errors. */
  read(descriptor: number, target: Buffer, position: number): number {
    const startedMs = performance.now();
    const count = fs.readSync(descriptor, target, 0, target.length, position);
    const endedMs = performance.now();
    if (endedMs - startedMs > SLOW_READ_MS) this.#noteSlow(endedMs, endedMs - startedMs);
    return count;
  }

  #noteSlow(nowMs: number, tookMs: number): void {
    const { fsRead } = process.resourceUsage();
    if (fsRead === this.#blocksRead) return;
    this.#blocksRead = fsRead;
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#lostMs = 0;
    }
    this.#lostMs += tookMs;
    if (this.#lostMs > LOST_LIMIT_MS) this.#pausedUntilMs = nowMs + WINDOW_MS;
  }
}
