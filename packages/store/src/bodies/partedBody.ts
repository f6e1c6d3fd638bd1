import type { FileRun, ObjectLocation, PartedFile, PartWriter } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { BlockReader, type BlockReaderContext } from "./blockReader.ts";
import { quickReads } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { arePiecesRead, countPieces, PIECE_BYTES, piecesAround } from "./pieceSums.ts";

const ignoreSent = (): void => {};

export interface PartedBodyContext extends BlockReaderContext {
  readonly location: ObjectLocation;
  readonly startPart: (block: number) => PartWriter;
  /** Looks at the map in the file; rejects with STORE_UNAVAILABLE. */
  readonly refresh: (first: number, end: number) => Promise<void>;
}

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
    if (!this.has(block) && !isInPrefix) await this.refresh(block, block + 1);
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
      const block = Math.floor(at / BLOCK_BYTES);
      const partEnd = Math.min(limit, (block + 1) * BLOCK_BYTES);
      const verdict = at < limit ? this.#compare(descriptor, block, at, partEnd, nowMs) : "differs";
      if (verdict === "same") {
        at = partEnd;
        continue;
      }
      if (at === position) return verdict === "later" ? verdict : undefined;
      file.wasUsed = true;
      return { descriptor, position, length: at - position, sent: ignoreSent };
    }
  }

  /** Whether bytes of a block are what was verified; what differs is left to a read, which decides about it. */
  #compare(descriptor: number, block: number, from: number, end: number, nowMs: number): "same" | "differs" | "later" {
    const start = block * BLOCK_BYTES;
    const run = piecesAround(from - start, end - start, this.blocks.bytesOf(block));
    const firstPiece = run.start / PIECE_BYTES;
    const endPiece = countPieces(run.end);
    if (this.blocks.areCompared(block, firstPiece, endPiece, nowMs)) return "same";
    const sums = this.blocks.sumsOf(block);
    if (sums === undefined || !quickReads.isAllowed) return "differs";
    if (!quickReads.mayReadBlock()) return "later";
    try {
      const read = (target: Buffer): number => quickReads.read(descriptor, target, start + run.start);
      if (!arePiecesRead(read, run.end - run.start, sums, firstPiece)) return "differs";
    } catch {
      return "differs";
    }
    this.blocks.noteCompared(block, firstPiece, endPiece, nowMs);
    return "same";
  }

  /** Bytes from the position on, at most `length`, that lie in present blocks. */
  #presentBytes(position: number, length: number): number {
    let next = Math.floor(position / BLOCK_BYTES) + 1;
    while (next * BLOCK_BYTES < position + length && this.has(next)) next += 1;
    return Math.min(length, next * BLOCK_BYTES - position);
  }
}
