import { crc32 } from "node:zlib";
import { BLOCK_BYTES, STRETCH_BYTES } from "../limits.ts";
import type { BodyBlocks } from "./bodyBlocks.ts";
import { clampLength, PooledReader, type ReaderContext } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { arePieces, PIECE_BYTES, type PieceRun, piecesAround } from "./pieceSums.ts";
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
      const partEnd = Math.min(end, (Math.floor(at / STRETCH_BYTES) + 1) * STRETCH_BYTES);
      const to = targetOffset + at - position;
      await this.#readWithin(target.subarray(to, to + partEnd - at), at);
      at = partEnd;
    }
    return wanted;
  }

  /** Of one stretch. One reader of a block verifies it; those that come meanwhile read their bytes when it has. */
  async #readWithin(target: Buffer, position: number): Promise<void> {
    const { verifying } = this.blocks;
    const first = Math.floor(position / BLOCK_BYTES);
    const end = Math.ceil((position + target.length) / BLOCK_BYTES);
    for (;;) {
      const running = this.#verificationWithin(first, end);
      if (running !== undefined) {
        await running;
        continue;
      }
      const unverified: number[] = [];
      for (let block = first; block < end; block += 1) {
        if (!this.blocks.isVerified(block)) unverified.push(block);
      }
      const reading = this.#readBlocks(target, position);
      if (unverified.length > 0) {
        // Whoever waits finds out by himself which of them could not be had.
        const settled = reading.then(
          () => undefined,
          () => undefined,
        );
        for (const block of unverified) verifying.set(block, settled);
      }
      try {
        if (await reading) return;
      } finally {
        for (const block of unverified) verifying.delete(block);
      }
    }
  }

  #verificationWithin(first: number, end: number): Promise<void> | undefined {
    for (let block = first; block < end; block += 1) {
      const running = this.blocks.verifying.get(block);
      if (running !== undefined) return running;
    }
    return undefined;
  }

  /** False when blocks are no longer what was verified: nothing is given out, and they are to be verified anew. */
  async #readBlocks(target: Buffer, position: number): Promise<boolean> {
    const end = position + target.length;
    const readFrom = this.#toBeRead(Math.floor(position / BLOCK_BYTES), position, end).start;
    const readTo = this.#toBeRead(Math.ceil(end / BLOCK_BYTES) - 1, position, end).end;
    if (readFrom === position && readTo === end) {
      let isRight = false;
      try {
        await this.readExactly(target, 0, target.length, position);
        isRight = await this.#areRight(target, position);
      } finally {
        if (!isRight) target.fill(0);
      }
      return isRight;
    }
    return await withBlock(async (buffer) => {
      const content = buffer.subarray(0, readTo - readFrom);
      await this.readExactly(content, 0, content.length, readFrom);
      if (!(await this.#areRight(content, readFrom))) return false;
      content.copy(target, 0, position - readFrom);
      return true;
    });
  }

  /** Positions of what has to be read of a block for `[from, end)`: whole pieces where it is verified, else all of it. */
  #toBeRead(block: number, from: number, end: number): PieceRun {
    const start = block * BLOCK_BYTES;
    const blockBytes = this.blocks.bytesOf(block);
    if (!this.blocks.isVerified(block)) return { start, end: start + blockBytes };
    const run = piecesAround(Math.max(0, from - start), Math.min(blockBytes, end - start), blockBytes);
    return { start: start + run.start, end: start + run.end };
  }

  /** Verifies blocks that were not yet; of others whether the pieces that begin at `position` are what they were. */
  async #areRight(content: Buffer, position: number): Promise<boolean> {
    const { blocks } = this;
    const end = position + content.length;
    let isRight = true;
    for (let from = position; from < end; ) {
      const block = Math.floor(from / BLOCK_BYTES);
      const start = block * BLOCK_BYTES;
      const part = content.subarray(from - position, Math.min(end, start + BLOCK_BYTES) - position);
      const sums = blocks.sumsOf(block);
      if (sums === undefined) {
        // Another reader may have found meanwhile that it is no longer what was verified.
        if (part.length === blocks.bytesOf(block)) await this.#verify(block, part);
        else isRight = false;
      } else if (!arePieces(part, sums, (from - start) / PIECE_BYTES)) {
        blocks.doubt(block);
        isRight = false;
      }
      from += part.length;
    }
    return isRight;
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
