import type { FileRun, ObjectLocation, PartedFile, PartWriter } from "../contract.ts";
import { BLOCK_BYTES, STRETCH_BYTES } from "../limits.ts";
import { BlockReader, type BlockReaderContext } from "./blockReader.ts";
import { quickReads } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { arePiecesRead, PIECE_BYTES, piecesAround } from "./pieceSums.ts";

const ignoreSent = (): void => {};

export interface PartedBodyContext extends BlockReaderContext {
  readonly location: ObjectLocation;
  readonly startPart: (block: number) => PartWriter;
  /** Looks at the map in the file; rejects with STORE_UNAVAILABLE. */
  readonly refresh: (first: number, end: number) => Promise<void>;
}

const STRETCH_BLOCKS = STRETCH_BYTES / BLOCK_BYTES;

/** See PartedFile. */
export class PartedBody extends BlockReader implements PartedFile {
  readonly location: ObjectLocation;
  readonly #startPart: (block: number) => PartWriter;
  readonly #refresh: (first: number, end: number) => Promise<void>;

  constructor(context: PartedBodyContext) {
    super(context);
    this.location = context.location;
    this.#startPart = context.startPart;
    this.#refresh = context.refresh;
  }

  get blockCount(): number {
    return this.blocks.blockCount;
  }

  get missingBytes(): number {
    return this.blocks.missingBytes;
  }

  has(block: number): boolean {
    return this.blocks.has(block);
  }

  async refresh(first: number, end: number): Promise<void> {
    this.expectHeld();
    const start = Math.max(0, first);
    const limit = Math.min(end, this.blockCount);
    if (start < limit) await this.#refresh(start, limit);
  }

  async startPart(block: number): Promise<PartWriter> {
    this.expectHeld();
    if (!Number.isSafeInteger(block) || block < 0 || block >= this.blockCount) {
      throw unavailable(`${this.context.file.path}: no block ${block}`);
    }
    return this.#startPart(block);
  }

  noteWritten(position: number, tailChecksum: number): void {
    this.blocks.enterPrefix(position, tailChecksum);
  }

  override async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.expectHeld();
    const block = Math.floor(position / BLOCK_BYTES);
    const prefix = this.blocks.prefixOf(block);
    const isInPrefix = prefix !== undefined && position - block * BLOCK_BYTES < prefix.bytes;
    if (!this.has(block) && !isInPrefix) await this.refresh(block, block - (block % STRETCH_BLOCKS) + STRETCH_BLOCKS);
    if (this.has(block)) return await super.read(target, targetOffset, this.#presentBytes(position, length), position);
    if (prefix === undefined || !isInPrefix) throw unavailable(`${this.context.file.path}: block ${block} is absent`);
    return await this.readPrefix(target.subarray(targetOffset, targetOffset + length), position, prefix);
  }

  fileRun(position: number, end: number): FileRun | "later" | undefined {
    const { file } = this.context;
    const { descriptor } = file;
    if (descriptor < 0 || file.isBarred || this.isReleased) return undefined;
    const nowMs = performance.now();
    const limit = Math.min(end, this.blocks.bodyBytes);
    for (let at = position; ; ) {
      const partEnd = this.#verifiedTo(at, limit);
      const verdict = at < partEnd ? this.#compare(descriptor, at, partEnd, nowMs) : "differs";
      if (verdict === "same") {
        at = partEnd;
        continue;
      }
      if (at === position) return verdict === "later" ? verdict : undefined;
      file.wasUsed = true;
      return { descriptor, position, length: at - position, sent: ignoreSent };
    }
  }

  /** End of what lies in verified blocks from the position on, within its stretch; the position when there is nothing. */
  #verifiedTo(position: number, limit: number): number {
    const stretchEnd = (Math.floor(position / STRETCH_BYTES) + 1) * STRETCH_BYTES;
    const end = Math.min(limit, stretchEnd);
    let at = position;
    while (at < end) {
      const block = Math.floor(at / BLOCK_BYTES);
      if (!this.blocks.isVerified(block)) break;
      at = (block + 1) * BLOCK_BYTES;
    }
    return Math.min(at, end);
  }

  /**
   * Whether bytes of verified blocks of one stretch are what was verified; what differs is left to a read, which decides
   * about it.
   */
  #compare(descriptor: number, from: number, end: number, nowMs: number): "same" | "differs" | "later" {
    const run = piecesAround(from, end, this.blocks.bodyBytes);
    if (this.blocks.areCompared(run, nowMs)) return "same";
    const first = Math.floor(run.start / BLOCK_BYTES);
    const sums = this.blocks.sumsOf(first, Math.ceil(run.end / BLOCK_BYTES) - first);
    if (sums === undefined || !quickReads.isAllowed) return "differs";
    if (!quickReads.mayReadBlock()) return "later";
    try {
      const read = (target: Buffer): number => quickReads.read(descriptor, target, run.start);
      const firstPiece = (run.start - first * BLOCK_BYTES) / PIECE_BYTES;
      if (!arePiecesRead(read, run.end - run.start, sums, firstPiece)) return "differs";
    } catch {
      return "differs";
    }
    this.blocks.noteCompared(run, nowMs);
    return "same";
  }

  /** Bytes from the position on, at most `length`, that lie in present blocks. */
  #presentBytes(position: number, length: number): number {
    let next = Math.floor(position / BLOCK_BYTES) + 1;
    while (next * BLOCK_BYTES < position + length && this.has(next)) next += 1;
    return Math.min(length, next * BLOCK_BYTES - position);
  }
}
