import type { ObjectLocation, PartedFile, PartWriter } from "../contract.ts";
import { BlockReader, type BlockReaderContext } from "./blockReader.ts";
import { unavailable } from "./diskReports.ts";

export interface PartedBodyContext extends BlockReaderContext {
  readonly location: ObjectLocation;
  readonly startPart: (block: number) => PartWriter;
  /** Looks at the map in the file; rejects with STORE_UNAVAILABLE. */
  readonly refresh: (first: number, end: number) => Promise<void>;
}

/** See PartedFile. Blocks that are absent are read as they lie: someone may be filling them. */
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

  protected override canReadStraight(block: number): boolean {
    return this.blocks.isVerified(block) || !this.blocks.has(block);
  }
}
