import type { PartWriter } from "../contract.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { BlockChecksums } from "./blockChecksums.ts";
import { encodeEntries, entryOffsetOf } from "./blockMap.ts";
import type { BodyBlocks } from "./bodyBlocks.ts";
import { unavailable } from "./diskReports.ts";
import { totalBytes } from "./fileAccess.ts";

export interface BlockWriterContext {
  readonly path: string;
  readonly blocks: BodyBlocks;
  /** Of the body so much fits on the disk. */
  readonly limitBytes: () => number;
  /** Writes into the file; rejects with STORE_UNAVAILABLE. */
  readonly writeAt: (buffers: readonly Buffer[], position: number) => Promise<void>;
  /** Called once, when nothing will be written any more. */
  readonly onEnd: () => void;
}

type State = "open" | "writing" | "failed" | "closed";

/** See PartWriter. Blocks enter the map behind their bytes, so a map never knows more than the file holds. */
export class BlockWriter implements PartWriter {
  readonly #context: BlockWriterContext;
  readonly #checksums = new BlockChecksums();
  #nextBlock: number;
  #position: number;
  #state: State = "open";
  /** The write under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: BlockWriterContext, block: number) {
    this.#context = context;
    this.#nextBlock = block;
    this.#position = block * BLOCK_BYTES;
  }

  get position(): number {
    return this.#position;
  }

  get tailChecksum(): number {
    return this.#checksums.tail;
  }

  async write(...chunks: readonly Buffer[]): Promise<void> {
    const length = totalBytes(chunks);
    if (this.#state !== "open") throw unavailable(`${this.#context.path}: the part is ${this.#state}`);
    if (this.#position + length > this.#context.blocks.bodyBytes) {
      throw unavailable(`${this.#context.path}: bytes behind the end of the body`);
    }
    const { bodyBytes, missingBytes } = this.#context.blocks;
    if (bodyBytes - missingBytes + length > this.#context.limitBytes()) {
      throw unavailable(`${this.#context.path}: the body does not fit on the disk`);
    }
    this.#state = "writing";
    const written = this.#writeChunks(chunks, length);
    this.#writing = written.catch(() => undefined);
    try {
      await written;
      this.#leaveWriting("open");
    } catch (cause) {
      this.#leaveWriting("failed");
      throw cause;
    }
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#writing;
    this.#context.onEnd();
  }

  #leaveWriting(state: "open" | "failed"): void {
    if (this.#state === "writing") this.#state = state;
  }

  async #writeChunks(chunks: readonly Buffer[], length: number): Promise<void> {
    const { blocks, writeAt } = this.#context;
    await writeAt(chunks, this.#position);
    for (const chunk of chunks) this.#checksums.add(chunk);
    this.#position += length;
    if (this.#position === blocks.bodyBytes) this.#checksums.finishLast();
    blocks.enterPrefix(this.#position, this.tailChecksum);
    const checksums = this.#checksums.takeFinished();
    if (checksums.length === 0) return;
    const first = this.#nextBlock;
    await writeAt([encodeEntries(blocks.file, first, checksums)], entryOffsetOf(blocks.bodyBytes, first));
    for (const [index, checksum] of checksums.entries()) blocks.enter(first + index, checksum);
    this.#nextBlock += checksums.length;
  }
}
