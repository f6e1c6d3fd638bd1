import { crc32 } from "node:zlib";
import type { ArrivedChecksums } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";

/** See ArrivedChecksums: computed by whoever writes the body, entered by whoever is told of it. */
export class ArrivedBlocks implements ArrivedChecksums {
  readonly #checksums: number[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  of(block: number): number | undefined {
    return this.#checksums[block];
  }

  from(block: number): number[] {
    return this.#checksums.slice(block);
  }

  /** The next bytes of the body. */
  add(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const block = Math.floor(this.#bytes / BLOCK_BYTES);
      const end = Math.min(chunk.length, start + (block + 1) * BLOCK_BYTES - this.#bytes);
      this.#checksums[block] = crc32(chunk.subarray(start, end), this.#checksums[block] ?? 0);
      this.#bytes += end - start;
      start = end;
    }
  }

  /** What was told: the body has come up to `bytes`, and these are the checksums of its blocks from one on. */
  enter(bytes: number, firstBlock: number, checksums: readonly number[]): void {
    if (bytes <= this.#bytes || firstBlock > this.#checksums.length) return;
    for (const [index, checksum] of checksums.entries()) this.#checksums[firstBlock + index] = checksum;
    this.#bytes = Math.min(bytes, this.#checksums.length * BLOCK_BYTES);
  }
}
