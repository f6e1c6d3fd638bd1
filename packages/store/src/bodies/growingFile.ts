import { unlink } from "node:fs/promises";
import type { EdgeError } from "@basalt/types";
import type { GrowingFile, ObjectLocation, RowImage } from "../contract.ts";
import { ArrivedBlocks } from "./arrivedBlocks.ts";
import { encodeEntries, encodeMapHeader, mapOffsetOf } from "./blockMap.ts";
import { NotInUseError } from "./diskFaults.ts";
import { unavailable } from "./diskReports.ts";
import { closeFile, totalBytes, writeFully } from "./fileAccess.ts";

export interface GrowingFileContext {
  readonly disk: number;
  readonly file: number;
  readonly path: string;
  readonly descriptor: number;
  /** What is longer does not fit on the disk. */
  readonly limitBytes: number;
  /** Stores the record that makes the file an object. */
  readonly appendRecord: (image: RowImage, head: Buffer, bodyBytes: number) => Promise<ObjectLocation>;
  readonly onWritten: (path: string) => void;
  /** Gives the error for the caller. */
  readonly onWriteFailure: (cause: unknown) => EdgeError;
  /** Called once, when the file is complete, abandoned or dropped. */
  readonly onEnd: (file: BodyFileWriter) => void;
}

type State = "open" | "writing" | "ended" | "dropped";

/** Body file under construction. It is an object only once its record is written; until then it is an orphan. */
export class BodyFileWriter implements GrowingFile {
  readonly disk: number;
  readonly file: number;
  readonly #context: GrowingFileContext;
  readonly checksums = new ArrivedBlocks();
  #state: State = "open";
  /** The write under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: GrowingFileContext) {
    this.#context = context;
    this.disk = context.disk;
    this.file = context.file;
  }

  get length(): number {
    return this.checksums.bytes;
  }

  async write(...chunks: readonly Buffer[]): Promise<void> {
    this.#expectOpen();
    if (this.length + totalBytes(chunks) > this.#context.limitBytes) throw unavailable("the body is too long");
    this.#state = "writing";
    const written = this.#writeAt(chunks, this.length);
    this.#writing = written.catch(() => undefined);
    try {
      await written;
      for (const chunk of chunks) this.checksums.add(chunk);
    } finally {
      if (this.#state === "writing") this.#state = "open";
    }
  }

  async complete(image: RowImage, head: Buffer): Promise<ObjectLocation> {
    this.#expectOpen();
    this.#end("ended");
    try {
      try {
        await this.#writeMap();
      } finally {
        await closeFile(this.#context.descriptor);
      }
      return await this.#context.appendRecord(image, head, this.length);
    } catch (cause) {
      await unlink(this.#context.path).catch(() => undefined);
      throw cause;
    }
  }

  async abandon(): Promise<void> {
    if (this.#state === "ended" || this.#state === "dropped") return;
    this.#end("ended");
    await this.#writing;
    await closeFile(this.#context.descriptor);
    await unlink(this.#context.path).catch(() => undefined);
  }

  /** The disk left: what lies at the path may be something else by now, and stays. */
  async drop(): Promise<void> {
    if (this.#state === "ended" || this.#state === "dropped") return;
    this.#end("dropped");
    await this.#writing;
    await closeFile(this.#context.descriptor);
  }

  #end(state: "ended" | "dropped"): void {
    this.#state = state;
    this.#context.onEnd(this);
  }

  async #writeMap(): Promise<void> {
    const entries = encodeEntries(this.file, 0, this.checksums.from(0));
    await this.#writeAt([encodeMapHeader(this.file, this.length), entries], mapOffsetOf(this.length));
  }

  async #writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    try {
      await writeFully(this.#context.descriptor, buffers, position);
    } catch (cause) {
      throw this.#context.onWriteFailure(cause);
    }
    this.#context.onWritten(this.#context.path);
  }

  #expectOpen(): void {
    if (this.#state === "open") return;
    if (this.#state === "dropped") throw this.#context.onWriteFailure(new NotInUseError(this.#context.path));
    throw new Error(this.#state === "writing" ? "a write is under way" : "the file is complete or abandoned");
  }
}
