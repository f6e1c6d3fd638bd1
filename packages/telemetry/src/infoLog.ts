import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@basalt/types";
import { formatLogLine, type LogLevel } from "./logLine.ts";

export interface InfoLog {
  notice(text: string): void;
  warning(text: string): void;
  error(text: string): void;
  /** Opens the path anew before the next line: for rotation from outside. */
  reopen(): void;
  /** Resolves when every line so far is written or given up. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface InfoLogOptions {
  /** Gets every line too, e.g. standard output when running in the foreground. */
  readonly echo?: (line: string) => void;
  readonly rotateBytes?: number;
  readonly keepFiles?: number;
  readonly bufferBytes?: number;
}

const ROTATE_BYTES = 64 * 1024 * 1024;
const KEEP_FILES = 5;
/** Lines waiting for a slow or full disk; what comes on top is dropped and counted. */
const BUFFER_BYTES = 1024 * 1024;

class FileInfoLog implements InfoLog {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #echo: ((line: string) => void) | undefined;
  readonly #rotateBytes: number;
  readonly #keepFiles: number;
  readonly #bufferBytes: number;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #mustReopen = false;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #droppedLines = 0;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(path: string, clock: Clock, options: InfoLogOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#echo = options.echo;
    this.#rotateBytes = options.rotateBytes ?? ROTATE_BYTES;
    this.#keepFiles = options.keepFiles ?? KEEP_FILES;
    this.#bufferBytes = options.bufferBytes ?? BUFFER_BYTES;
  }

  notice(text: string): void {
    this.#append("NOTICE", text);
  }

  warning(text: string): void {
    this.#append("WARNING", text);
  }

  error(text: string): void {
    this.#append("ERROR", text);
  }

  reopen(): void {
    this.#mustReopen = true;
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    await this.#closeFile();
  }

  #append(level: LogLevel, text: string): void {
    const line = formatLogLine(this.#clock.now(), level, text);
    try {
      this.#echo?.(line);
    } catch {
      // An echo that fails (a closed terminal) must not cost the line in the file.
    }
    if (this.#closed) return;
    if (this.#waitingBytes + line.length > this.#bufferBytes) {
      this.#droppedLines += 1;
    } else {
      this.#waiting.push(line);
      this.#waitingBytes += line.length;
    }
    this.#writing ??= this.#writeWaiting().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Never rejects. A failed batch goes back to the buffer and is tried again with the next event. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      const dropped = this.#droppedLines;
      const lost =
        dropped === 0 ? "" : formatLogLine(this.#clock.now(), "WARNING", `${dropped} lines of this log were dropped.`);
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#write(Buffer.from(batch.join("") + lost));
        this.#droppedLines -= dropped;
      } catch {
        await this.#closeFile();
        this.#waiting = [...batch, ...this.#waiting];
        this.#waitingBytes = this.#waiting.reduce((total, line) => total + line.length, 0);
        return;
      }
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#mustReopen) {
      this.#mustReopen = false;
      await this.#closeFile();
    }
    let file = this.#file ?? (await this.#openFile());
    if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > this.#rotateBytes) {
      await this.#closeFile();
      await this.#rotate();
      file = await this.#openFile();
    }
    await file.appendFile(bytes);
    this.#fileBytes += bytes.length;
  }

  async #openFile(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a", 0o644);
    this.#fileBytes = (await file.stat()).size;
    this.#file = file;
    return file;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  async #rotate(): Promise<void> {
    for (let number = this.#keepFiles - 1; number >= 1; number -= 1) {
      await rename(`${this.#path}.${number}`, `${this.#path}.${number + 1}`).catch(() => undefined);
    }
    await rename(this.#path, `${this.#path}.1`);
  }
}

/**
 * The log of the server's own life. Never throws and never waits: a line that cannot be written is kept in a bounded
 * buffer until the next event, then dropped and counted. Rotates by size to `path.1` … `path.5`.
 */
export const createInfoLog = (path: string, clock: Clock, options: InfoLogOptions = {}): InfoLog =>
  new FileInfoLog(path, clock, options);
