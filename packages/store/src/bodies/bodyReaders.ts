import { EdgeError } from "@basalt/types";
import type { BodyReader } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { isBlockIntact } from "./blockChecksums.ts";
import type { DescriptorPool, PooledFile } from "./descriptorPool.ts";
import { readFully } from "./fileAccess.ts";

/** Tells the store that bytes on the disk are not what was written. */
export type ReportDamage = (path: string, reason: string) => void;

const unreadable = (detail: string, cause?: unknown): EdgeError =>
  new EdgeError("STORE_UNAVAILABLE", { detail, cause });

/** Blocks are verified one at a time per process in most cases: a few buffers to read them into are enough. */
const SPARE_BLOCKS = 4;
const spareBlocks: Buffer[] = [];

const takeBlockBuffer = (): Buffer => spareBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
const giveBlockBuffer = (buffer: Buffer): void => {
  if (spareBlocks.length < SPARE_BLOCKS) spareBlocks.push(buffer);
};

/** Bytes of a read that lie within `limit`. */
const clampLength = (position: number, length: number, limit: number): number =>
  Math.max(0, Math.min(length, limit - position));

abstract class PooledReader implements BodyReader {
  protected readonly pool: DescriptorPool;
  protected readonly file: PooledFile;
  #isReleased = false;

  constructor(pool: DescriptorPool, file: PooledFile) {
    this.pool = pool;
    this.file = file;
  }

  abstract read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.pool.release(this.file);
  }

  protected async readAt(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    if (this.#isReleased) throw unreadable(`${this.file.path}: read after release`);
    try {
      return await this.pool.use(this.file, (descriptor) =>
        readFully(descriptor, target, targetOffset, length, position),
      );
    } catch (cause) {
      throw unreadable(`${this.file.path}: ${String(cause)}`, cause);
    }
  }
}

/** A body inside a verified record of a segment. */
export class PackedBodyReader extends PooledReader {
  readonly #start: number;
  readonly #bodyBytes: number;
  readonly #reportDamage: ReportDamage;

  constructor(pool: DescriptorPool, file: PooledFile, start: number, bodyBytes: number, reportDamage: ReportDamage) {
    super(pool, file);
    this.#start = start;
    this.#bodyBytes = bodyBytes;
    this.#reportDamage = reportDamage;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    const wanted = clampLength(position, length, this.#bodyBytes);
    const count = await this.readAt(target, targetOffset, wanted, this.#start + position);
    if (count === wanted) return count;
    this.#reportDamage(this.file.path, "the segment became shorter");
    throw unreadable(`${this.file.path}: short read`);
  }
}

/** A file that grows: what is there now, unverified because its checksums do not exist yet. */
export class GrowingBodyReader extends PooledReader {
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    return this.readAt(target, targetOffset, length, position);
  }
}

/**
 * A complete body file. A block is verified when it is first touched in this process, before any of its bytes are
 * given out; from then on reads go straight to the file.
 */
export class BlockBodyReader extends PooledReader {
  readonly #bodyBytes: number;
  readonly #table: Buffer;
  readonly #reportDamage: ReportDamage;

  constructor(pool: DescriptorPool, file: PooledFile, bodyBytes: number, table: Buffer, reportDamage: ReportDamage) {
    super(pool, file);
    this.#bodyBytes = bodyBytes;
    this.#table = table;
    this.#reportDamage = reportDamage;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    const wanted = clampLength(position, length, this.#bodyBytes);
    const end = position + wanted;
    let at = position;
    while (at < end) {
      const block = Math.floor(at / BLOCK_BYTES);
      const to = targetOffset + at - position;
      if (this.file.verified.has(block)) {
        const runEnd = Math.min(end, this.#verifiedEnd(block, end));
        await this.#readExactly(target, to, runEnd - at, at);
        at = runEnd;
      } else {
        const partEnd = Math.min(end, (block + 1) * BLOCK_BYTES);
        await this.#readVerified(block, target, to, at, partEnd);
        at = partEnd;
      }
    }
    return wanted;
  }

  /** End of the run of verified blocks that begins with `block`, looked for no further than `limit`. */
  #verifiedEnd(block: number, limit: number): number {
    let next = block + 1;
    while (next * BLOCK_BYTES < limit && this.file.verified.has(next)) next += 1;
    return next * BLOCK_BYTES;
  }

  async #readVerified(block: number, target: Buffer, to: number, from: number, end: number): Promise<void> {
    const start = block * BLOCK_BYTES;
    const blockBytes = Math.min(BLOCK_BYTES, this.#bodyBytes - start);
    if (from === start && end - start === blockBytes) {
      await this.#readExactly(target, to, blockBytes, start);
      this.#verify(block, target.subarray(to, to + blockBytes));
      return;
    }
    const buffer = takeBlockBuffer();
    try {
      await this.#readExactly(buffer, 0, blockBytes, start);
      this.#verify(block, buffer.subarray(0, blockBytes));
      buffer.copy(target, to, from - start, end - start);
    } finally {
      giveBlockBuffer(buffer);
    }
  }

  #verify(block: number, content: Buffer): void {
    if (isBlockIntact(content, block, this.#table)) {
      this.file.verified.set(block, content.length);
      return;
    }
    this.#reportDamage(this.file.path, `checksum of block ${block}`);
    throw unreadable(`${this.file.path}: damaged block ${block}`);
  }

  async #readExactly(target: Buffer, to: number, length: number, position: number): Promise<void> {
    const count = await this.readAt(target, to, length, position);
    if (count === length) return;
    this.#reportDamage(this.file.path, "the file became shorter");
    throw unreadable(`${this.file.path}: short read`);
  }
}
