import type { AppendFile } from "./appendFile.ts";
import { LineBuffer } from "./lineBuffer.ts";
import { FULL_CHUNK_BYTES, type LogWriter } from "./logWriter.ts";

/** The file that lines go to. */
export interface LogTarget {
  readonly path: string;
  /** Lines of this moment and later belong to another file. */
  readonly untilMs: number;
}

/** What an appender needs to know of its log. */
export interface AppenderLog {
  /** The file of lines from a moment on at which the last one has ended by time. */
  readonly targetAt: (ms: number) => LogTarget;
  readonly header: (ms: number) => string;
  /** After each write that reached the file. */
  readonly onWritten?: ((path: string, bytes: number) => void) | undefined;
}

interface Chunk {
  readonly path: string;
  readonly memory: Buffer;
  readonly end: number;
  readonly header: string;
  /** Up to here it is written. */
  start: number;
}

const LINE_END = 10;
/** A clock that is set back further than this is believed. */
const BACKWARD_MS = 1_000;

const countLines = (bytes: Uint8Array): number => {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) count++;
  return count;
};

/** The lines of one log in one process: `begin`, write into the buffer, `end`. */
export class LogAppender {
  readonly #writer: LogWriter;
  #log: AppenderLog | undefined;
  #target: LogTarget | undefined;
  #buffer: LineBuffer | undefined;
  #lineStart = 0;
  /** Of the buffer's memory when it was taken. */
  #takenBytes = 0;
  #lastMs = 0;
  #sealed: Chunk[] = [];
  #file: { readonly path: string; readonly file: AppendFile } | undefined;
  #isWriting = false;
  #hasFailed = false;
  #closing: { readonly path: string; readonly done: () => void }[] = [];
  /** Gets each line, without its end; valid during the call. */
  listener: ((line: Buffer) => void) | undefined;

  constructor(writer: LogWriter) {
    this.#writer = writer;
  }

  /** Where lines go from now on; undefined: to the listener alone. */
  setTarget(log: AppenderLog, target: LogTarget | undefined): void {
    if (target?.path !== this.#target?.path) this.seal();
    this.#log = log;
    this.#target = target;
  }

  get path(): string | undefined {
    return this.#target?.path;
  }

  /** Whether anybody wants lines. */
  get isActive(): boolean {
    return this.#target !== undefined || this.listener !== undefined;
  }

  get hasLines(): boolean {
    return this.#sealed.length > 0 || (this.#buffer !== undefined && this.#buffer.length > 0);
  }

  get hasSealed(): boolean {
    return this.#sealed.length > 0;
  }

  /** The moment that a line which ends now carries: lines of one process never go back in time. */
  momentOf(ms: number): number {
    if (ms < this.#lastMs && this.#lastMs - ms < BACKWARD_MS) return this.#lastMs;
    this.#lastMs = ms;
    return ms;
  }

  /** Undefined: nobody wants the line, or there is no room for it. `atMs` comes from `momentOf`. */
  begin(atMs: number): LineBuffer | undefined {
    const target = this.#target;
    if (target !== undefined && atMs >= target.untilMs && this.#log !== undefined) {
      this.seal();
      this.#target = this.#log.targetAt(atMs);
    } else if (target === undefined && this.listener === undefined) {
      return undefined;
    }
    let buffer = this.#buffer;
    if (buffer === undefined) {
      const memory = this.#writer.takeChunk(this.#hasFailed);
      if (memory === undefined) {
        this.#writer.parts.onDropped(1);
        return undefined;
      }
      buffer = new LineBuffer(memory);
      this.#buffer = buffer;
      this.#takenBytes = memory.length;
    }
    this.#lineStart = buffer.length;
    return buffer;
  }

  end(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.listener?.(buffer.memory.subarray(this.#lineStart, buffer.length));
    if (this.#target === undefined) {
      buffer.length = this.#lineStart;
      return;
    }
    buffer.byte(LINE_END);
    if (buffer.length >= FULL_CHUNK_BYTES) {
      this.seal();
      this.#writer.noteDirty(this, true);
    } else if (this.#lineStart === 0) {
      this.#writer.noteDirty(this, false);
    }
  }

  /** What was begun is not to be a line. */
  cancel(): void {
    if (this.#buffer !== undefined) this.#buffer.length = this.#lineStart;
  }

  /** The lines so far are for the present file. */
  seal(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    if (buffer.length === 0 || this.#target === undefined) {
      this.#writer.noteGrowth(this.#takenBytes, buffer.memory.length);
      this.#writer.giveChunk(buffer.memory);
      return;
    }
    const header = this.#log?.header(this.#lastMs) ?? "";
    this.#writer.noteGrowth(this.#takenBytes, buffer.memory.length);
    this.#sealed.push({ path: this.#target.path, memory: buffer.memory, start: 0, end: buffer.length, header });
    this.#writer.noteDirty(this, false);
  }

  /** `done` is called when no line of this process is on its way to the file any more. */
  release(path: string, done: () => void): void {
    if (this.#target?.path === path) {
      this.seal();
      this.#target = undefined;
    }
    this.#closing.push({ path, done });
    this.#tellReleased();
  }

  /** False: the disk did not take all. Never rejects. */
  async writeSealed(): Promise<boolean> {
    this.#isWriting = true;
    try {
      for (let chunk = this.#sealed[0]; chunk !== undefined; chunk = this.#sealed[0]) {
        await this.#writeChunk(chunk);
        this.#sealed.shift();
        this.#writer.giveChunk(chunk.memory);
      }
      this.#hasFailed = false;
      return true;
    } catch (cause) {
      const path = this.#sealed[0]?.path ?? "";
      if (!this.#hasFailed) this.#writer.parts.onProblem(path, cause);
      this.#hasFailed = true;
      await this.#closeFile();
      return false;
    } finally {
      this.#isWriting = false;
      this.#tellReleased();
    }
  }

  /** Drops what is left. */
  giveUp(): void {
    this.seal();
    let lines = 0;
    for (const { memory, start, end } of this.#sealed) {
      lines += countLines(memory.subarray(start, end));
      this.#writer.giveChunk(memory);
    }
    this.#sealed = [];
    if (lines > 0) this.#writer.parts.onDropped(lines);
    this.#tellReleased();
  }

  async #writeChunk(chunk: Chunk): Promise<void> {
    const file = await this.#fileOf(chunk);
    while (chunk.start < chunk.end) {
      const data = chunk.memory.subarray(chunk.start, chunk.end);
      const count = await file.append(data);
      const whole = count === data.length ? count : await completeLine(file, data, count);
      chunk.start += whole;
      this.#log?.onWritten?.(chunk.path, whole);
      if (whole === 0) throw new Error("the disk takes no more");
    }
  }

  async #fileOf({ path, header }: Chunk): Promise<AppendFile> {
    if (this.#file?.path === path) return this.#file.file;
    await this.#closeFile();
    const file = await this.#writer.parts.open(path, header);
    this.#file = { path, file };
    this.#writer.noteOpened(this);
    return file;
  }

  /** It is opened again when there are lines. */
  closeUnused(): void {
    if (!this.#isWriting) void this.#closeFile();
  }

  async #closeFile(): Promise<void> {
    const open = this.#file;
    this.#file = undefined;
    this.#writer.noteClosed(this);
    await open?.file.close().catch(() => undefined);
  }

  #tellReleased(): void {
    if (this.#isWriting || this.#closing.length === 0) return;
    const waiting = this.#closing.filter(({ path }) => this.#sealed.some((chunk) => chunk.path === path));
    const done = this.#closing.filter((closing) => !waiting.includes(closing));
    this.#closing = waiting;
    if (done.some(({ path }) => path === this.#file?.path)) void this.#closeFile();
    for (const closing of done) closing.done();
  }
}

/**
 * The disk has taken a part, perhaps up to the middle of a line: that line is completed at once or taken back, so that
 * no other process's lines come in between. Returns how many bytes of `data` are in the file, whole lines all.
 */
const completeLine = async (file: AppendFile, data: Buffer, written: number): Promise<number> => {
  const wholeLines = written === 0 ? 0 : data.lastIndexOf(LINE_END, written - 1) + 1;
  if (wholeLines === written) return written;
  const lineEnd = data.indexOf(LINE_END, written) + 1;
  const more = await file.append(data.subarray(written, lineEnd)).catch(() => 0);
  if (written + more === lineEnd) return lineEnd;
  await file.takeBack(data.subarray(wholeLines, written + more));
  return wholeLines;
};
