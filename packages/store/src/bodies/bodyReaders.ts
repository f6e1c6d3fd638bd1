import type { BodyReader } from "../contract.ts";
import { describeCause } from "../storeProblem.ts";
import type { DescriptorPool, PooledFile } from "./descriptorPool.ts";
import { type DiskReports, unavailable } from "./diskReports.ts";
import type { Disk } from "./diskSet.ts";
import { readFully } from "./fileAccess.ts";

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

/** A file that grows: what is there now, unverified because its checksums do not exist yet. */
export class GrowingBodyReader extends PooledReader {
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    return this.readAt(target, targetOffset, length, position);
  }
}
