import { crc32 } from "node:zlib";
import { BLOCK_BYTES } from "../limits.ts";
import type { BodyBlocks } from "./bodyBlocks.ts";
import { clampLength, PooledReader, type ReaderContext } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { withBlock } from "./spareBlocks.ts";

export interface BlockReaderContext extends ReaderContext {
  readonly blocks: BodyBlocks;
  /** Takes the block out of the map in the file, so that every process fetches it again; never rejects. */
  readonly clearEntry: (block: number) => Promise<void>;
}

/** A complete body with a file of its own. Verified blocks are read straight from the file. */
export class BlockReader extends PooledReader {
  protected readonly blocks: BodyBlocks;
  readonly #clearEntry: (block: number) => Promise<void>;

  constructor(context: BlockReaderContext) {
    super(context);
    this.blocks = context.blocks;
    this.#clearEntry = context.clearEntry;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.expectHeld();
    const wanted = clampLength(position, length, this.blocks.bodyBytes);
    const end = position + wanted;
    let at = position;
    while (at < end) {
      const block = Math.floor(at / BLOCK_BYTES);
      const to = targetOffset + at - position;
      if (this.blocks.isVerified(block)) {
        const runEnd = Math.min(end, this.#straightEnd(block, end));
        await this.readExactly(target, to, runEnd - at, at);
        at = runEnd;
      } else {
        const partEnd = Math.min(end, (block + 1) * BLOCK_BYTES);
        await this.#readVerified(block, target, to, at, partEnd);
        at = partEnd;
      }
    }
    return wanted;
  }

  /** End of the run of blocks from `block` on that need no verification, looked for no further than `limit`. */
  #straightEnd(block: number, limit: number): number {
    let next = block + 1;
    while (next * BLOCK_BYTES < limit && this.blocks.isVerified(next)) next += 1;
    return next * BLOCK_BYTES;
  }

  /** One reader of a block verifies it; those that come meanwhile read their bytes when it has. */
  async #readVerified(block: number, target: Buffer, to: number, from: number, end: number): Promise<void> {
    const { verifying } = this.blocks;
    const running = verifying.get(block);
    if (running !== undefined) {
      await running;
      return this.readExactly(target, to, end - from, from);
    }
    const verification = this.#verifyInto(block, target, to, from, end).finally(() => verifying.delete(block));
    verifying.set(block, verification);
    return verification;
  }

  async #verifyInto(block: number, target: Buffer, to: number, from: number, end: number): Promise<void> {
    const start = block * BLOCK_BYTES;
    const blockBytes = this.blocks.bytesOf(block);
    if (from === start && end - start === blockBytes) {
      await this.readExactly(target, to, blockBytes, start);
      await this.#verify(block, target.subarray(to, to + blockBytes));
      return;
    }
    await withBlock(async (buffer) => {
      await this.readExactly(buffer, 0, blockBytes, start);
      await this.#verify(block, buffer.subarray(0, blockBytes));
      buffer.copy(target, to, from - start, end - start);
    });
  }

  async #verify(block: number, content: Buffer): Promise<void> {
    const { path } = this.context.file;
    const expected = this.blocks.checksumOf(block);
    if (expected === undefined) throw unavailable(`${path}: block ${block} is absent`);
    if (crc32(content) === expected) return this.blocks.enterVerified(block, expected);
    this.blocks.remove(block);
    this.context.reports.damaged(path, `checksum of block ${block}`);
    await this.#clearEntry(block);
    throw unavailable(`${path}: damaged block ${block}`);
  }
}
