import { crc32 } from "node:zlib";
import type { ArrivedChecksums, BodyReader } from "../contract.ts";
import { BLOCK_BYTES, STRETCH_BYTES } from "../limits.ts";
import { describeCause } from "../storeProblem.ts";
import type { BlockPrefix } from "./bodyBlocks.ts";
import type { DescriptorPool, PooledFile } from "./descriptorPool.ts";
import { type DiskReports, unavailable } from "./diskReports.ts";
import type { Disk } from "./diskSet.ts";
import { readFully } from "./fileAccess.ts";
import { arePieces, countPieces, PIECE_BYTES, piecesAround, sumPieces } from "./pieceSums.ts";
import { QuickReads } from "./quickReads.ts";
import { withBlock } from "./spareBlocks.ts";

export interface ReaderContext {
  readonly pool: DescriptorPool;
  readonly reports: DiskReports;
  readonly disk: Disk;
  /** Held for this reader; released by it. */
  readonly file: PooledFile;
}

/** Bytes of a read that lie within `limit`. */
export const clampLength = (position: number, length: number, limit: number): number =>
  Math.max(0, Math.min(length, limit - position));

/** What was verified of a block that is being written, with the sums of its pieces; the last may be short. */
export interface VerifiedPrefix extends BlockPrefix {
  readonly sums: Float64Array;
}

const NO_PREFIX: VerifiedPrefix = { bytes: 0, checksum: 0, sums: new Float64Array(0) };

/** Of blocks of all bodies of this process. */
export const quickReads = new QuickReads();

export abstract class PooledReader implements BodyReader {
  protected readonly context: ReaderContext;
  #isReleased = false;

  constructor(context: ReaderContext) {
    this.context = context;
  }

  abstract read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.context.pool.release(this.context.file);
  }

  protected get isReleased(): boolean {
    return this.#isReleased;
  }

  protected expectHeld(): void {
    if (this.#isReleased) throw unavailable(`${this.context.file.path}: used after release`);
  }

  protected async readAt(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.expectHeld();
    const { pool, file, reports, disk } = this.context;
    try {
      return await pool.use(file, async (descriptor) => {
        const isQuick = length > 0 && length <= STRETCH_BYTES && quickReads.mayReadBlock();
        const count = isQuick
          ? quickReads.read(descriptor, target.subarray(targetOffset, targetOffset + length), position)
          : 0;
        if (count === length) return count;
        return count + (await readFully(descriptor, target, targetOffset + count, length - count, position + count));
      });
    } catch (cause) {
      reports.unreadable(disk, file.path, cause);
      throw unavailable(`${file.path}: ${describeCause(cause)}`, cause);
    }
  }

  /** As `readAt`; fewer bytes are damage, and the map is read again by whoever opens the body next. */
  protected async readExactly(target: Buffer, to: number, length: number, position: number): Promise<void> {
    const count = await this.readAt(target, to, length, position);
    if (count === length) return;
    this.context.file.blocks = undefined;
    this.context.reports.damaged(this.context.file.path, "the file became shorter");
    throw unavailable(`${this.context.file.path}: short read`);
  }

  /**
   * Reads from a block of which `prefix` has been written; nothing that was not verified is given out. Resolves with the
   * count, which ends where what was verified before does; 0 behind the prefix.
   */
  protected async readPrefix(target: Buffer, position: number, prefix: BlockPrefix): Promise<number> {
    const block = Math.floor(position / BLOCK_BYTES);
    const at = position - block * BLOCK_BYTES;
    const { prefixes, verifyingPrefixes } = this.context.file;
    for (;;) {
      const verified = prefixes.get(block);
      if (verified !== undefined && at < verified.bytes) {
        const count = Math.min(target.length, verified.bytes - at);
        await this.#readVerifiedPrefix(block, verified, target.subarray(0, count), at);
        return count;
      }
      if (at >= prefix.bytes) return 0;
      const running = verifyingPrefixes.get(block);
      if (running === undefined) break;
      await running;
    }
    const verifying = this.#verifyPrefix(block, prefix, target, at);
    const settled = verifying.then(() => undefined).finally(() => verifyingPrefixes.delete(block));
    settled.catch(() => undefined);
    verifyingPrefixes.set(block, settled);
    return await verifying;
  }

  /** Bytes that were verified, as far as they are still the same. */
  async #readVerifiedPrefix(block: number, verified: VerifiedPrefix, target: Buffer, at: number): Promise<void> {
    const run = piecesAround(at, at + target.length, verified.bytes);
    const firstPiece = run.start / PIECE_BYTES;
    await withBlock(async (buffer) => {
      const part = buffer.subarray(0, run.end - run.start);
      await this.readExactly(part, 0, part.length, block * BLOCK_BYTES + run.start);
      if (!arePieces(part, verified.sums, firstPiece)) throw this.#damagedPrefix(block);
      part.copy(target, 0, at - run.start);
    });
  }

  /** Verifies what is new of a block, and gives out what is wanted of that. */
  async #verifyPrefix(block: number, prefix: BlockPrefix, target: Buffer, at: number): Promise<number> {
    const { prefixes } = this.context.file;
    const verified = prefixes.get(block) ?? NO_PREFIX;
    const tailPiece = Math.floor(verified.bytes / PIECE_BYTES);
    const start = tailPiece * PIECE_BYTES;
    const tailBytes = verified.bytes - start;
    return await withBlock(async (buffer) => {
      const part = buffer.subarray(0, prefix.bytes - start);
      await this.readExactly(part, 0, part.length, block * BLOCK_BYTES + start);
      const isTailRight = arePieces(part.subarray(0, tailBytes), verified.sums, tailPiece);
      if (!isTailRight || crc32(part.subarray(tailBytes), verified.checksum) !== prefix.checksum) {
        throw this.#damagedPrefix(block);
      }
      const sums = new Float64Array(countPieces(prefix.bytes));
      sums.set(verified.sums.subarray(0, tailPiece));
      sumPieces(part, sums.subarray(tailPiece));
      prefixes.set(block, { ...prefix, sums });
      return part.copy(target, 0, at - start);
    });
  }

  #damagedPrefix(block: number): Error {
    const { file, reports } = this.context;
    file.prefixes.delete(block);
    reports.damaged(file.path, `checksum of what there is of block ${block}`);
    return unavailable(`${file.path}: damaged block ${block}`);
  }
}

/** A file that grows: what there is of it by the checksums that its writer has told. */
export class GrowingBodyReader extends PooledReader {
  readonly #checksums: ArrivedChecksums;

  constructor(context: ReaderContext, checksums: ArrivedChecksums) {
    super(context);
    this.#checksums = checksums;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    let filled = 0;
    while (filled < length) {
      const rest = target.subarray(targetOffset + filled, targetOffset + length);
      const count = await this.#readBlock(rest, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async #readBlock(target: Buffer, position: number): Promise<number> {
    const block = Math.floor(position / BLOCK_BYTES);
    const checksum = this.#checksums.of(block);
    if (checksum === undefined) return 0;
    const bytes = Math.min(BLOCK_BYTES, this.#checksums.bytes - block * BLOCK_BYTES);
    return await this.readPrefix(target, position, { bytes, checksum });
  }
}
