import { constants } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { EdgeError, type Problem } from "@basalt/types";
import type { Invalidation, InvalidationAction, InvalidationTarget } from "./protocol.ts";

export interface StaleLogSettings {
  /** `stale.log` in the home folder (OPT-83). */
  readonly path: string;
  /** `SyncStale` as it is now; OFF: nothing is written, and what is there is ignored (OPT-82). */
  readonly isOn: () => boolean;
  readonly onProblem: (problem: Problem) => void;
}

/**
 * Purge calls that the index on the disk may not show yet, to be repeated after an abnormal end (PRG-29). A log that
 * cannot be written never fails a call: it is reported once, and again after it worked in between.
 */
export interface StaleLog {
  /** Resolves when a power cut would not lose it, or when it could not be written. Calls at the same time share a write. */
  append(invalidation: Invalidation): Promise<void>;
  /** What is logged, in the order of the calls. Lines that are torn or not ours are passed over. */
  readAll(): Promise<Invalidation[]>;
  /** Forgets what the index shows by now: everything up to that version. What is newer stays. */
  clear(upToVersion: number): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

const NEWLINE = 10;
/** Room that is made at once: what is written into it later changes neither size nor blocks of the file. */
const ROOM_BYTES = 64 * 1024;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const textOf = (value: object, name: string): string | undefined => {
  const field: unknown = Reflect.get(value, name);
  return typeof field === "string" ? field : undefined;
};

const countOf = (value: object, name: string): number | undefined => {
  const field: unknown = Reflect.get(value, name);
  return typeof field === "number" && Number.isSafeInteger(field) && field >= 0 ? field : undefined;
};

const parseTarget = (value: unknown): InvalidationTarget | undefined => {
  if (!isObject(value)) return undefined;
  const kind = textOf(value, "kind");
  if (kind === "url" || kind === "collective") {
    const url = textOf(value, "url");
    return url === undefined ? undefined : { kind, url };
  }
  if (kind === "tag") {
    const tags: unknown = Reflect.get(value, "tags");
    const isWhole = Array.isArray(tags) && tags.length > 0 && tags.every((tag) => typeof tag === "string");
    return isWhole ? { kind, tags } : undefined;
  }
  const pattern = textOf(value, "pattern");
  return kind === "pattern" && pattern !== undefined ? { kind, pattern } : undefined;
};

const parseAction = (value: unknown): InvalidationAction | undefined => {
  if (!isObject(value)) return undefined;
  const kind = textOf(value, "kind");
  if (kind === "purge" || kind === "expire" || kind === "hardpurge") return { kind };
  const untilMs = countOf(value, "untilMs");
  return kind === "expireafter" && untilMs !== undefined ? { kind, untilMs } : undefined;
};

/** Boundary parser: undefined for anything that is not a whole line of ours. */
export const parseStaleLine = (line: string): Invalidation | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const version = countOf(value, "version");
  const vhost = textOf(value, "vhost");
  const target = parseTarget(Reflect.get(value, "target"));
  const action = parseAction(Reflect.get(value, "action"));
  if (version === undefined || vhost === undefined || target === undefined || action === undefined) return undefined;
  return { version, vhost, target, action };
};

const encodeLine = ({ version, vhost, target, action }: Invalidation): string =>
  `${JSON.stringify({ version, vhost, target, action })}\n`;

const ignoreAbsence = (cause: unknown): undefined => {
  if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
  throw cause;
};

/** Fails where the file system has no such thing, which costs the guarantee and nothing else. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
};

/** A call in the file: its version, and where its line is. */
interface LoggedCall {
  readonly version: number;
  readonly start: number;
  readonly end: number;
}

const callsIn = (content: Buffer): LoggedCall[] => {
  const calls: LoggedCall[] = [];
  for (let start = 0; start < content.length; ) {
    const newline = content.indexOf(NEWLINE, start);
    const end = newline < 0 ? content.length : newline + 1;
    if (end - start > 1) {
      const invalidation = parseStaleLine(content.toString("utf8", start, end));
      if (invalidation !== undefined) calls.push({ version: invalidation.version, start, end });
    }
    start = end;
  }
  return calls;
};

/** The oldest first; lines of successive calls side by side as one range, with the line end in front of each write. */
const rangesOf = (calls: readonly LoggedCall[]): { readonly start: number; readonly end: number }[] => {
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end } of calls.toSorted((left, right) => left.version - right.version)) {
    const last = ranges.at(-1);
    if (last !== undefined && (start === last.end || start === last.end + 1)) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
};

/** The file while it is open. */
interface OpenLog {
  /** Its writes return when they are on the disk. */
  readonly durable: FileHandle;
  readonly plain: FileHandle;
  size: number;
  /** Where the next line may go, up to `limit`: from there on lines follow that count. */
  at: number;
  limit: number;
}

/**
 * Blank lines are free room: a call is written over them, and is blanked when the index shows it. So a write that waits
 * for the disk waits for its own few blocks, not for a commit of the file system, and forgetting never keeps one waiting.
 * A file that has been blank for a while is cut to nothing.
 */
class FileStaleLog implements StaleLog {
  readonly #settings: StaleLogSettings;
  #file: OpenLog | undefined;
  /** What counts in the file. */
  #calls: LoggedCall[] = [];
  #waiting: Invalidation[] = [];
  /** The write that will take what waits. */
  #nextWrite: Promise<void> | undefined;
  /** Whatever opens, writes or cuts the file follows what did before. */
  #last: Promise<void> = Promise.resolve();
  #clearing: Promise<void> = Promise.resolve();
  #isFailing = false;
  /** Nothing was written since the file was last cleared. */
  #isQuiet = true;
  #isKnownEmpty = false;

  constructor(settings: StaleLogSettings) {
    this.#settings = settings;
  }

  append(invalidation: Invalidation): Promise<void> {
    if (!this.#settings.isOn()) return Promise.resolve();
    this.#waiting.push(invalidation);
    this.#nextWrite ??= this.#inTurn(() => this.#write());
    return this.#nextWrite;
  }

  async readAll(): Promise<Invalidation[]> {
    const found: Invalidation[] = [];
    if (!this.#settings.isOn()) return found;
    await this.#inTurn(async () => {
      const content = await readFile(this.#settings.path, "utf8").catch(ignoreAbsence);
      for (const line of (content ?? "").split("\n")) {
        const invalidation = parseStaleLine(line);
        if (invalidation !== undefined) found.push(invalidation);
      }
    });
    return found.sort((left, right) => left.version - right.version);
  }

  clear(upToVersion: number): Promise<void> {
    this.#clearing = this.#clearing
      .then(() => this.#clearUpTo(upToVersion))
      .catch((cause: unknown) => this.#report(cause));
    return this.#clearing;
  }

  async close(): Promise<void> {
    await this.#clearing;
    await this.#inTurn(async () => {
      if (this.#file !== undefined && this.#calls.length === 0) await this.#cut();
      await this.#closeFile();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work).catch(async (cause: unknown) => {
      await this.#closeFile().catch(() => undefined);
      this.#report(cause);
    });
    this.#last = done;
    return done;
  }

  async #write(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#nextWrite = undefined;
    this.#isKnownEmpty = false;
    this.#isQuiet = false;
    this.#file ??= await this.#open(constants.O_CREAT);
    const file = this.#file;
    // What is before may be torn.
    const lines = [Buffer.from("\n"), ...waiting.map((invalidation) => Buffer.from(encodeLine(invalidation)))];
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    this.#makePlace(file, length);
    const { at } = file;
    const end = Math.max(file.size, Math.ceil((at + length) / ROOM_BYTES) * ROOM_BYTES);
    if (at + length > file.size) lines.push(Buffer.alloc(end - at - length, NEWLINE));
    const bytes = Buffer.concat(lines);
    const { bytesWritten } = await file.durable.write(bytes, 0, bytes.length, at);
    if (bytesWritten < bytes.length) throw new EdgeError("STORE_UNAVAILABLE", { detail: "not written whole" });
    file.size = end;
    file.at = at + length;
    let start = at + 1;
    for (const [index, { version }] of waiting.entries()) {
      const next = start + (lines[index + 1]?.length ?? 0);
      this.#calls.push({ version, start, end: next });
      start = next;
    }
    this.#isFailing = false;
  }

  /** Goes on behind the last line, else at the start where that is free by now, else at the end. */
  #makePlace(file: OpenLog, length: number): void {
    if (file.at + length <= Math.min(file.limit, file.size)) return;
    let first = file.size;
    let ahead = file.size;
    let last = 0;
    for (const { start, end } of this.#calls) {
      first = Math.min(first, start);
      if (start >= file.at) ahead = Math.min(ahead, start);
      last = Math.max(last, end);
    }
    if (file.at + length <= ahead) {
      file.limit = ahead;
    } else if (first >= Math.max(length, ROOM_BYTES / 2)) {
      file.at = 0;
      file.limit = first;
    } else {
      file.at = last;
      file.limit = Number.POSITIVE_INFINITY;
    }
  }

  async #clearUpTo(version: number): Promise<void> {
    if (this.#isKnownEmpty) return;
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    await this.#inTurn(async () => {
      this.#file ??= await this.#open(0).catch(ignoreAbsence);
      if (this.#file === undefined) this.#isKnownEmpty = true;
    });
    const file = this.#file;
    if (file === undefined) return;
    const done = this.#calls.filter((call) => call.version <= version);
    // An older call that is repeated without a later one might undo what that has done.
    for (const { start, end } of rangesOf(done)) {
      await file.plain.write(Buffer.alloc(end - start, NEWLINE), 0, end - start, start);
    }
    if (done.length > 0) {
      await file.plain.datasync();
      const forgotten = new Set(done);
      this.#calls = this.#calls.filter((call) => !forgotten.has(call));
    }
    if (wasQuiet && this.#calls.length === 0) {
      await this.#inTurn(async () => {
        if (this.#calls.length > 0 || !this.#isQuiet) return;
        await this.#cut();
        await this.#closeFile();
        this.#isKnownEmpty = true;
      });
    }
  }

  /** Its name survives a power cut too, whether the file is new or not. */
  async #open(creation: number): Promise<OpenLog> {
    const { path } = this.#settings;
    const { O_RDWR, O_DSYNC } = constants;
    const plain = await open(path, O_RDWR | creation, 0o640);
    try {
      const content = await plain.readFile();
      this.#calls = callsIn(content);
      if (creation !== 0) await syncFolder(dirname(path)).catch(() => undefined);
      const durable = await open(path, O_RDWR | O_DSYNC);
      return { durable, plain, size: content.length, at: content.length, limit: Number.POSITIVE_INFINITY };
    } catch (cause) {
      await plain.close();
      throw cause;
    }
  }

  async #cut(): Promise<void> {
    await this.#file?.plain.truncate(0);
    if (this.#file !== undefined) Object.assign(this.#file, { size: 0, at: 0, limit: Number.POSITIVE_INFINITY });
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await Promise.all([file?.durable.close(), file?.plain.close()]);
  }

  #report(cause: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { detail } = EdgeError.from(cause);
    const message = `The log of purge calls cannot be used: ${detail}. The calls take effect all the same.`;
    const { path, onProblem } = this.#settings;
    onProblem({ severity: "error", file: path, line: 0, column: 0, element: "", message });
  }
}

export const createStaleLog = (settings: StaleLogSettings): StaleLog => new FileStaleLog(settings);
