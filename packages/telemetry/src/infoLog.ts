import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Clock } from "@basalt/types";
import { formatLogLine, type LogLevel } from "./logLine.ts";
import { compressFile, deleteFile, listLogFiles, outdatedFiles } from "./logs/keptFiles.ts";
import { logFileName, nextOrdinal, parseLogFileName, periodAt, rotationRule } from "./logs/rotation.ts";

/** What an operator says of the file. */
export interface InfoLogSettings {
  /** Whether there is a file; whoever listens has the lines in any case. */
  readonly enabled: boolean;
  readonly type: "time" | "size" | "both";
  /** Minutes for `time`, megabytes for `size`, both in that order for `both`. */
  readonly unit: readonly number[];
  readonly retention: number;
  /** 0: without limit. */
  readonly retentionDays: number;
  readonly compression: boolean;
}

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

/** The log itself, for its owner. */
export interface InfoLogFile extends InfoLog {
  /** LOG-02 before it is called. In force from the next line on. */
  configure(settings: InfoLogSettings): void;
  /** Hears each line, with its end; the result ends that. */
  listen(listener: (line: string) => void): () => void;
  /** Hears of each file that gets no more lines and has its last name. */
  onRotated(
    listener: (path: string, startMs: number, endMs: number) => void,
    isAwaited?: (path: string) => boolean,
  ): void;
}

export interface InfoLogOptions {
  /** Gets every line too, e.g. standard output when running in the foreground. */
  readonly echo?: (line: string) => void;
  readonly rotateBytes?: number;
  readonly keepFiles?: number;
  readonly bufferBytes?: number;
}

const DEFAULTS: InfoLogSettings = {
  enabled: true,
  type: "size",
  unit: [1],
  retention: 5,
  retentionDays: 0,
  compression: false,
};
/** Lines waiting for a slow or full disk; what comes on top is dropped and counted. */
const BUFFER_BYTES = 1024 * 1024;

class FileInfoLog implements InfoLogFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #rotateBytes: number | undefined;
  readonly #bufferBytes: number;
  #settings: InfoLogSettings;
  #rotationListener: ((path: string, startMs: number, endMs: number) => void) | undefined;
  #isAwaited: (path: string) => boolean = () => false;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #startMs = 0;
  #mustReopen = false;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #droppedLines = 0;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(path: string, clock: Clock, options: InfoLogOptions) {
    this.#path = path;
    this.#clock = clock;
    if (options.echo !== undefined) this.#listeners.add(options.echo);
    this.#rotateBytes = options.rotateBytes;
    this.#settings = { ...DEFAULTS, retention: options.keepFiles ?? DEFAULTS.retention };
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

  configure(settings: InfoLogSettings): void {
    this.#settings = settings;
  }

  listen(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onRotated(
    listener: (path: string, startMs: number, endMs: number) => void,
    isAwaited: (path: string) => boolean = () => false,
  ): void {
    this.#rotationListener = listener;
    this.#isAwaited = isAwaited;
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
    for (const listener of this.#listeners) {
      try {
        listener(line);
      } catch {
        // One that fails (a closed terminal) must not cost the line in the file.
      }
    }
    if (this.#closed || !this.#settings.enabled) return;
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
    if (this.#fileBytes > 0 && this.#isDue(bytes.length)) {
      await this.#closeFile();
      await this.#rotate();
      file = await this.#openFile();
    }
    await file.appendFile(bytes);
    this.#fileBytes += bytes.length;
  }

  #isDue(moreBytes: number): boolean {
    const rule = rotationRule(this.#settings.type, this.#settings.unit);
    const most = this.#rotateBytes ?? rule.bytes;
    if (most !== undefined && this.#fileBytes + moreBytes > most) return true;
    return rule.minutes !== undefined && this.#clock.now() >= periodAt(this.#startMs, rule.minutes).endMs;
  }

  async #openFile(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a", 0o644);
    const { size, birthtimeMs } = await file.stat();
    this.#fileBytes = size;
    this.#startMs = size === 0 || birthtimeMs === 0 ? this.#clock.now() : birthtimeMs;
    this.#file = file;
    return file;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  /** The file gets the name of its beginning (LOG-22), the one in use keeps its own. */
  async #rotate(): Promise<void> {
    const { type, unit, compression, retention, retentionDays } = this.#settings;
    const folder = dirname(this.#path);
    const prefix = basename(this.#path, extname(this.#path));
    const { minutes } = rotationRule(type, unit);
    const startMs = type === "time" && minutes !== undefined ? periodAt(this.#startMs, minutes).startMs : this.#startMs;
    const rule = { minutes, bytes: type === "time" ? undefined : 1 };
    const unnumbered = parseLogFileName(prefix, logFileName(prefix, startMs, rule))?.startMs ?? startMs;
    const ordinal = nextOrdinal(await listLogFiles(folder, prefix), unnumbered);
    const name = logFileName(prefix, startMs, rule, ordinal);
    const rotated = join(folder, name);
    await rename(this.#path, rotated);
    const compressed = compression ? await compressFile(rotated).catch(() => undefined) : undefined;
    this.#rotationListener?.(compressed ?? rotated, startMs, this.#clock.now());
    const files = await listLogFiles(folder, prefix);
    const outdated = outdatedFiles(files, { files: retention, days: retentionDays }, this.#clock.now());
    for (const { name: old } of outdated) {
      if (!this.#isAwaited(join(folder, old))) await deleteFile(folder, old).catch(() => undefined);
    }
  }
}

/**
 * The log of the server's own life. Never throws and never waits: a line that cannot be written is kept in a bounded
 * buffer until the next event, then dropped and counted. A rotated file is called `info_20130807_211042.log`.
 */
export const createInfoLog = (path: string, clock: Clock, options: InfoLogOptions = {}): InfoLogFile =>
  new FileInfoLog(path, clock, options);
