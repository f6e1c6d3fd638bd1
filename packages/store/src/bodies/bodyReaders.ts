import { crc32 } from "node:zlib";
import type { ArrivedChecksums, BodyReader } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { describeCause } from "../storeProblem.ts";
import type { BlockPrefix } from "./bodyBlocks.ts";
import type { DescriptorPool, PooledFile } from "./descriptorPool.ts";
import { type DiskReports, unavailable } from "./diskReports.ts";
import type { Disk } from "./diskSet.ts";
import { readFully } from "./fileAccess.ts";
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

const NO_PREFIX: BlockPrefix = { bytes: 0, checksum: 0 };

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

  protected expectHeld(): void {
    if (this.#isReleased) throw unavailable(`${this.context.file.path}: used after release`);
  }

  protected async readAt(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.expectHeld();
    const { pool, file, reports, disk } = this.context;
    try {
      return await pool.use(file, (descriptor) => readFully(descriptor, target, targetOffset, length, position));
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
      const verifiedBytes = prefixes.get(block)?.bytes ?? 0;
      if (at < verifiedBytes) {
        const count = Math.min(target.length, verifiedBytes - at);
        await this.readExactly(target, 0, count, position);
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

  /** Verifies what is new of a block, and gives out what is wanted of that. */
  async #verifyPrefix(block: number, prefix: BlockPrefix, target: Buffer, at: number): Promise<number> {
    const verified = this.context.file.prefixes.get(block) ?? NO_PREFIX;
    const newBytes = prefix.bytes - verified.bytes;
    const isAll = at === verified.bytes && newBytes <= target.length;
    if (isAll) {
      await this.#readBehind(block, verified, prefix, target);
      return newBytes;
    }
    return await withBlock(async (buffer) => {
      await this.#readBehind(block, verified, prefix, buffer);
      return buffer.copy(target, 0, at - verified.bytes, newBytes);
    });
  }

  /** Reads what a prefix has more than a verified one, and verifies it. */
  async #readBehind(block: number, verified: BlockPrefix, prefix: BlockPrefix, buffer: Buffer): Promise<void> {
    const { path, prefixes } = this.context.file;
    const newBytes = prefix.bytes - verified.bytes;
    await this.readExactly(buffer, 0, newBytes, block * BLOCK_BYTES + verified.bytes);
    if (crc32(buffer.subarray(0, newBytes), verified.checksum) !== prefix.checksum) {
      this.context.reports.damaged(path, `checksum of what there is of block ${block}`);
      throw unavailable(`${path}: damaged block ${block}`);
    }
    prefixes.set(block, prefix);
  }
}

/** A body inside a verified record of a segment. */
export class PackedBodyReader extends PooledReader {
  readonly #start: number;
  readonly #bodyBytes: number;

  constructor(context: ReaderContext, start: number, bodyBytes: number) {
    super(context);
    this.#start = start;
    this.#bodyBytes = bodyBytes;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    const wanted = clampLength(position, length, this.#bodyBytes);
    await this.readExactly(target, targetOffset, wanted, this.#start + position);
    return wanted;
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
    const block = Math.floor(position / BLOCK_BYTES);
    const checksum = this.#checksums.of(block);
    if (checksum === undefined) return 0;
    const bytes = Math.min(BLOCK_BYTES, this.#checksums.bytes - block * BLOCK_BYTES);
    return await this.readPrefix(target.subarray(targetOffset, targetOffset + length), position, { bytes, checksum });
  }
}
