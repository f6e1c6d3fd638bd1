import { crc32 } from "node:zlib";
import { BLOCK_BYTES } from "../limits.ts";

/** CRC-32 of each block of a body, computed while it is written. */
export class BlockChecksums {
  readonly #finished: number[] = [];
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

  /** Little-endian table, four bytes per block; the last block may be short. */
  toTable(): Buffer {
    const checksums = this.#currentBytes === 0 ? this.#finished : [...this.#finished, this.#current];
    const table = Buffer.alloc(checksums.length * 4);
    for (const [index, checksum] of checksums.entries()) table.writeUInt32LE(checksum, index * 4);
    return table;
  }

  #finish(): void {
    this.#finished.push(this.#current);
    this.#current = 0;
    this.#currentBytes = 0;
  }
}

/** Whether a whole block has the checksum that the table holds for it. */
export const isBlockIntact = (block: Buffer, index: number, table: Buffer): boolean =>
  index * 4 + 4 <= table.length && crc32(block) === table.readUInt32LE(index * 4);
