import { crc32 } from "node:zlib";
import { BLOCK_BYTES } from "../limits.ts";

/** CRC-32 of each of a run of blocks, computed while they are written. */
export class BlockChecksums {
  #finished: number[] = [];
  #current = 0;
  #currentBytes = 0;

  add(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const end = Math.min(chunk.length, start + BLOCK_BYTES - this.#currentBytes);
      this.#current = crc32(chunk.subarray(start, end), this.#current);
      this.#currentBytes += end - start;
      start = end;
      if (this.#currentBytes === BLOCK_BYTES) this.#finish();
    }
  }

  /** CRC-32 of what there is of the block at the position; of all of a short last one. */
  get tail(): number {
    return this.#current;
  }

  /** The body ends here: its last block may be short. Nothing is added any more. */
  finishLast(): void {
    if (this.#currentBytes > 0) this.#finished.push(this.#current);
    this.#currentBytes = 0;
  }

  /** Checksums of the blocks that became complete since the last call. */
  takeFinished(): number[] {
    const finished = this.#finished;
    if (finished.length > 0) this.#finished = [];
    return finished;
  }

  #finish(): void {
    this.#finished.push(this.#current);
    this.#current = 0;
    this.#currentBytes = 0;
  }
}
