import { unlink } from "node:fs/promises";
import { EdgeError } from "@basalt/types";
import type { GrowingFile, ObjectLocation } from "../contract.ts";
import { describeCause } from "../storeProblem.ts";
import { BlockChecksums } from "./blockChecksums.ts";
import { closeFile, writeFully } from "./fileAccess.ts";

export interface GrowingFileContext {
  readonly disk: number;
  readonly file: number;
  readonly path: string;
  readonly descriptor: number;
  /** Stores the record that makes the file an object. */
  readonly appendRecord: (head: Buffer, checksums: Buffer, bodyBytes: number) => Promise<ObjectLocation>;
  /** Called once, when the file is complete or abandoned. */
  readonly onEnd: (file: GrowingFile) => void;
}

type State = "open" | "writing" | "ended";

/** Body file under construction. It is an object only once its record is written; until then it is an orphan. */
export class BodyFileWriter implements GrowingFile {
  readonly disk: number;
  readonly file: number;
  readonly #context: GrowingFileContext;
  readonly #checksums = new BlockChecksums();
  #length = 0;
  #state: State = "open";
  /** The write under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: GrowingFileContext) {
    this.#context = context;
    this.disk = context.disk;
    this.file = context.file;
  }

  get length(): number {
    return this.#length;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#expectOpen();
    this.#state = "writing";
    const written = writeFully(this.#context.descriptor, [chunk], this.#length);
    this.#writing = written.catch(() => undefined);
    try {
      await written;
      this.#checksums.add(chunk);
      this.#length += chunk.length;
    } catch (cause) {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: `${this.#context.path}: ${describeCause(cause)}`, cause });
    } finally {
      if (this.#state === "writing") this.#state = "open";
    }
  }

  async complete(head: Buffer): Promise<ObjectLocation> {
    this.#expectOpen();
    this.#state = "ended";
    this.#context.onEnd(this);
    await closeFile(this.#context.descriptor);
    try {
      return await this.#context.appendRecord(head, this.#checksums.toTable(), this.#length);
    } catch (cause) {
      await unlink(this.#context.path).catch(() => undefined);
      throw cause;
    }
  }

  async abandon(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#context.onEnd(this);
    await this.#writing;
    await closeFile(this.#context.descriptor);
    await unlink(this.#context.path).catch(() => undefined);
  }

  #expectOpen(): void {
    if (this.#state === "open") return;
    throw new Error(this.#state === "writing" ? "a write is under way" : "the file is complete or abandoned");
  }
}
