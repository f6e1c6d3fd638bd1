import type { OpenAppendFile } from "./appendFile.ts";
import { LogAppender } from "./logAppender.ts";

/** Chunks of this length are used again; that of a log with few lines begins small and grows. */
const CHUNK_BYTES = 256 * 1024;
const FIRST_BYTES = 4 * 1024;
/** A chunk with this much in it goes to the file; the rest is room for the line that comes last. */
export const FULL_CHUNK_BYTES = 240 * 1024;
const FLUSH_EVERY_MS = 100;
/** After a failure the disk is left alone for a moment. */
const RETRY_AFTER_MS = 1_000;
/** What may wait for a slow or full disk, all logs of a process together. */
const WAITING_BYTES = 16 * 1024 * 1024;
const SPARE_CHUNKS = 8;
const OPEN_FILES = 512;
const CLOSE_LIMIT_MS = 2_000;

export interface LogWriterParts {
  readonly open: OpenAppendFile;
  /** Lines that there was no room for, or that could not be written at the end. */
  readonly onDropped: (lines: number) => void;
  /** A file could not be written; told once until it can again. */
  readonly onProblem: (path: string, cause: unknown) => void;
  readonly waitingBytes?: number;
  readonly flushEveryMs?: number;
}

/**
 * Writes the lines of all logs of one process. Nothing waits for it: lines go into chunks of memory, a chunk goes to its
 * file when it is full or 100 ms old, one write at a time, so that a disk that stalls holds one thread of the runtime and
 * no more. What finds no room meanwhile is dropped and counted.
 */
export class LogWriter {
  readonly parts: LogWriterParts;
  readonly #limitBytes: number;
  readonly #dirty = new Set<LogAppender>();
  readonly #spare: Buffer[] = [];
  readonly #open = new Set<LogAppender>();
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #pauseUntilMs = 0;
  #isClosing = false;

  constructor(parts: LogWriterParts) {
    this.parts = parts;
    this.#limitBytes = parts.waitingBytes ?? WAITING_BYTES;
  }

  createAppender(): LogAppender {
    return new LogAppender(this);
  }

  /**
   * Memory for lines; undefined when all that may wait waits already. A log whose file cannot be written has half of it,
   * so that it costs the others no line.
   */
  takeChunk(hasFailed: boolean): Buffer | undefined {
    if (this.#waitingBytes + FIRST_BYTES > this.#limitBytes / (hasFailed ? 2 : 1)) return undefined;
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#waitingBytes += memory.length;
    return memory;
  }

  /** A chunk has become longer while lines were written into it. */
  noteGrowth(fromBytes: number, toBytes: number): void {
    this.#waitingBytes += toBytes - fromBytes;
  }

  noteOpened(appender: LogAppender): void {
    this.#open.add(appender);
    if (this.#open.size <= OPEN_FILES) return;
    for (const oldest of this.#open) {
      if (oldest === appender) continue;
      oldest.closeUnused();
      return;
    }
  }

  noteClosed(appender: LogAppender): void {
    this.#open.delete(appender);
  }

  giveChunk(memory: Buffer): void {
    this.#waitingBytes -= memory.length;
    if (memory.length === CHUNK_BYTES && this.#spare.length < SPARE_CHUNKS) this.#spare.push(memory);
  }

  /** There are lines in the appender that are to be written. */
  noteDirty(appender: LogAppender, isUrgent: boolean): void {
    this.#dirty.add(appender);
    if (isUrgent) this.#write();
    else this.#timer ??= setTimeout(() => this.#flush(), this.parts.flushEveryMs ?? FLUSH_EVERY_MS);
  }

  /** Resolves when every line so far is written or given up for now. */
  async flush(): Promise<void> {
    this.#flush();
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Writes what is left, as far as the disk takes it within a moment. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pauseUntilMs = 0;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS).unref());
    // Twice: a round of writes that is under way leaves out what was not in its turn.
    await Promise.race([this.flush().then(() => this.flush()), limit]);
    for (const appender of this.#dirty) appender.giveUp();
    clearTimeout(this.#timer);
    for (const appender of [...this.#open]) appender.closeUnused();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const appender of this.#dirty) appender.seal();
    this.#write();
  }

  #write(): void {
    if (this.#writing !== undefined || this.#dirty.size === 0) return;
    if (performance.now() < this.#pauseUntilMs) {
      this.#timer ??= setTimeout(() => this.#flush(), RETRY_AFTER_MS);
      return;
    }
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#dirty.size === 0 || this.#isClosing) return;
      this.#timer ??= setTimeout(() => this.#flush(), this.parts.flushEveryMs ?? FLUSH_EVERY_MS);
    });
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    for (const appender of [...this.#dirty]) {
      this.#dirty.delete(appender);
      const isWritten = await appender.writeSealed();
      if (appender.hasLines) this.#dirty.add(appender);
      if (isWritten) continue;
      this.#pauseUntilMs = this.#isClosing ? 0 : performance.now() + RETRY_AFTER_MS;
      if (!this.#isClosing) return;
    }
    if (!this.#isClosing && [...this.#dirty].some((appender) => appender.hasSealed)) return this.#writeAll();
  }
}
