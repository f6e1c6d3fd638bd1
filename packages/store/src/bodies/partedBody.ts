import type { ObjectLocation, PartedFile, PartWriter } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { BlockReader, type BlockReaderContext } from "./blockReader.ts";
import { unavailable } from "./diskReports.ts";

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

  /** Bytes from the position on, at most `length`, that lie in present blocks. */
  #presentBytes(position: number, length: number): number {
    let next = Math.floor(position / BLOCK_BYTES) + 1;
    while (next * BLOCK_BYTES < position + length && this.has(next)) next += 1;
    return Math.min(length, next * BLOCK_BYTES - position);
  }
}
