import type { BodyBlocks } from "./bodyBlocks.ts";
import type { VerifiedPrefix } from "./bodyReaders.ts";
import { NotInUseError } from "./diskFaults.ts";
import { closeFile, openFile } from "./fileAccess.ts";
import { VerifiedLimit, VerifiedRecords } from "./verifiedRecords.ts";

/** A file in use: opened when first needed, closed when idle or when its descriptor is needed elsewhere. */
export class PooledFile {
  readonly path: string;
  /** Whoever may still use it; the file is forgotten only when there is none. */
  holders = 0;
  /** Operations under way; the descriptor is closed only when there is none. */
  uses = 0;
  descriptor = -1;
  opening: Promise<number> | undefined;
  wasUsed = true;
  /** Removed from the disk: no longer found, closed by its last holder. */
  isRemoved = false;
  /** Its disk left: nobody may use it, and it is closed even while it is held. */
  isBarred = false;
  /** Records of a segment that were verified since the file is known. */
  readonly verified: VerifiedRecords;
  /** Of blocks that are being written: what has been verified of them. */
  readonly prefixes = new Map<number, VerifiedPrefix>();
  /** Verifications of such blocks under way: whoever else wants the block waits for it. */
  readonly verifyingPrefixes = new Map<number, Promise<void>>();
  /** The blocks of a body file, once its map was asked for; undefined inside when it has no map that can be used. */
  blocks: Promise<BodyBlocks | undefined> | undefined;

  constructor(path: string, limit: VerifiedLimit) {
    this.path = path;
    this.verified = new VerifiedRecords(limit);
  }
}

const SWEEP_INTERVAL_MS = 5000;

/**
 * Descriptors of one process, at most `limit`. A descriptor is pinned only while an operation runs, so readers held by
 * slow clients cannot starve others: an idle descriptor is closed and opened again when its reader comes back.
 */
export class DescriptorPool {
  readonly #limit: number;
  readonly #flags: "r" | "r+";
  /** Least recently held first. */
  readonly #files = new Map<string, PooledFile>();
  readonly #waiting: (() => void)[] = [];
  readonly #sweep: NodeJS.Timeout;
  readonly #verified = new VerifiedLimit();
  #open = 0;

  constructor(limit: number, flags: "r" | "r+" = "r") {
    this.#limit = Math.max(1, limit);
    this.#flags = flags;
    this.#sweep = setInterval(() => this.closeIdle(), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  get openCount(): number {
    return this.#open;
  }

  hold(path: string): PooledFile {
    let file = this.#files.get(path);
    if (file === undefined) file = new PooledFile(path, this.#verified);
    else this.#files.delete(path);
    this.#files.set(path, file);
    file.holders += 1;
    file.wasUsed = true;
    return file;
  }

  /** The file, if its descriptor is open; for one read before control is given back. */
  findOpen(path: string): PooledFile | undefined {
    const file = this.#files.get(path);
    if (file === undefined || file.descriptor < 0 || file.isRemoved) return undefined;
    file.wasUsed = true;
    return file;
  }

  release(file: PooledFile): void {
    file.holders -= 1;
    if (file.holders > 0) return;
    if (file.descriptor < 0) this.#forget(file);
    else this.#closeRemoved(file);
  }

  /** Runs `work` with the open descriptor; rejects with the system's error when the file cannot be opened. */
  async use<Result>(file: PooledFile, work: (descriptor: number) => Promise<Result>): Promise<Result> {
    if (file.isBarred) throw new NotInUseError(file.path);
    file.uses += 1;
    file.wasUsed = true;
    try {
      const descriptor = file.descriptor >= 0 ? file.descriptor : await this.#ensureOpen(file);
      return await work(descriptor);
    } finally {
      file.uses -= 1;
      if (file.uses === 0) {
        this.#closeRemoved(file);
        this.#wakeOne();
      }
    }
  }

  /** The file was deleted: nobody finds its descriptor again, and its space is free when the last holder is done. */
  remove(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    file.isRemoved = true;
    this.#closeRemoved(file);
  }

  /** The files whose paths begin so belong to a disk that left: nobody uses or finds them again. */
  bar(prefix: string): void {
    for (const file of [...this.#files.values()]) {
      if (!file.path.startsWith(prefix)) continue;
      file.isBarred = true;
      this.remove(file.path);
    }
  }

  /** Closes what was not used since the last call, so that deleted files give their space back. */
  closeIdle(): void {
    for (const file of this.#files.values()) {
      if (file.wasUsed) file.wasUsed = false;
      else if (file.holders === 0 && this.#isClosable(file)) this.#close(file);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closing: Promise<void>[] = [];
    for (const file of [...this.#files.values()]) if (this.#isClosable(file)) closing.push(this.#close(file));
    await Promise.all(closing);
  }

  #isClosable(file: PooledFile): boolean {
    return file.descriptor >= 0 && file.uses === 0;
  }

  #closeRemoved(file: PooledFile): void {
    if (file.isRemoved && (file.holders === 0 || file.isBarred) && this.#isClosable(file)) this.#close(file);
  }

  #ensureOpen(file: PooledFile): Promise<number> {
    file.opening ??= this.#openNow(file).finally(() => {
      file.opening = undefined;
    });
    return file.opening;
  }

  async #openNow(file: PooledFile): Promise<number> {
    while (this.#open >= this.#limit) await this.#freeDescriptor();
    this.#open += 1;
    try {
      file.descriptor = await openFile(file.path, this.#flags);
      return file.descriptor;
    } catch (cause) {
      this.#open -= 1;
      this.#wakeOne();
      throw cause;
    }
  }

  async #freeDescriptor(): Promise<void> {
    let victim: PooledFile | undefined;
    for (const file of this.#files.values()) {
      if (!this.#isClosable(file)) continue;
      victim ??= file;
      if (file.holders === 0) {
        victim = file;
        break;
      }
    }
    if (victim !== undefined) return this.#close(victim);
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async #close(file: PooledFile): Promise<void> {
    const { descriptor } = file;
    file.descriptor = -1;
    if (file.holders === 0) this.#forget(file);
    await closeFile(descriptor);
    this.#open -= 1;
    this.#wakeOne();
  }

  #forget(file: PooledFile): void {
    if (file.uses === 0 && this.#files.get(file.path) === file) this.#files.delete(file.path);
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }
}
