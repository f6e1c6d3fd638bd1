import { crc32 } from "node:zlib";
import { BLOCK_BYTES } from "../limits.ts";
import type { BodyBlocks } from "./bodyBlocks.ts";
import { clampLength, PooledReader, type ReaderContext } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { arePieces, PIECE_BYTES, piecesAround } from "./pieceSums.ts";
import { withBlock } from "./spareBlocks.ts";

export interface BlockReaderContext extends ReaderContext {
  readonly blocks: BodyBlocks;
  /** Takes the block out of the map in the file, so that every process fetches it again; never rejects. */
  readonly clearEntry: (block: number) => Promise<void>;
}

/** A complete body with a file of its own. What each read gives is compared with what was verified. */
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
    for (let at = position; at < end; ) {
      const block = Math.floor(at / BLOCK_BYTES);
      const to = targetOffset + at - position;
      const partEnd = Math.min(end, (block + 1) * BLOCK_BYTES);
      await this.#readPart(block, target, to, at, partEnd);
      at = partEnd;
    }
    return wanted;
  }

  async #readPart(block: number, target: Buffer, to: number, from: number, end: number): Promise<void> {
    const sums = this.blocks.sumsOf(block);
    if (sums !== undefined && (await this.#readUnchanged(block, sums, target, to, from, end))) return;
    await this.#readVerified(block, target, to, from, end);
  }

  /** Whether the pieces that the bytes lie in are those of the block when it was verified; the bytes are there then. */
  async #readUnchanged(
    block: number,
    sums: Float64Array,
    target: Buffer,
    to: number,
    from: number,
    end: number,
  ): Promise<boolean> {
    const blockStart = block * BLOCK_BYTES;
    const run = piecesAround(from - blockStart, end - blockStart, this.blocks.bytesOf(block));
    const firstPiece = run.start / PIECE_BYTES;
    const runStart = blockStart + run.start;
    const runBytes = run.end - run.start;
    let isUnchanged: boolean;
    if (runStart === from && runBytes === end - from) {
      await this.readExactly(target, to, runBytes, from);
      isUnchanged = arePieces(target.subarray(to, to + runBytes), sums, firstPiece);
      if (!isUnchanged) target.fill(0, to, to + runBytes);
    } else {
      isUnchanged = await withBlock(async (buffer) => {
        await this.readExactly(buffer, 0, runBytes, runStart);
        if (!arePieces(buffer.subarray(0, runBytes), sums, firstPiece)) return false;
        buffer.copy(target, to, from - runStart, end - runStart);
        return true;
      });
    }
    if (!isUnchanged) this.blocks.doubt(block);
    return isUnchanged;
  }

  /** One reader of a block verifies it; those that come meanwhile read their bytes when it has. */
  async #readVerified(block: number, target: Buffer, to: number, from: number, end: number): Promise<void> {
    const { verifying } = this.blocks;
    const running = verifying.get(block);
    if (running !== undefined) {
      await running;
      return this.#readPart(block, target, to, from, end);
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
    if (crc32(content) === expected) return this.blocks.enterVerified(block, expected, content);
    // First, as it is fetched anew from the moment that it is absent here: what comes then must not be taken out of the map.
    await this.#clearEntry(block);
    this.blocks.remove(block);
    this.context.reports.damaged(path, `checksum of block ${block}`);
    throw unavailable(`${path}: damaged block ${block}`);
  }
}
