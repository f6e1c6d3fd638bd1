import { type FileHandle, open, readFile, rename, rm, truncate } from "node:fs/promises";
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

const isAbsence = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** True when the next line would be glued to one that a crash or a full disk has torn. */
const endsTorn = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== NEWLINE;
};

/** Fails where the file system has no such thing, which costs the guarantee and nothing else. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
};

class FileStaleLog implements StaleLog {
  readonly #settings: StaleLogSettings;
  #file: FileHandle | undefined;
  #waiting: string[] = [];
  /** The write that will take what waits. */
  #nextWrite: Promise<void> | undefined;
  /** Whatever touches the file follows what touched it before. */
  #last: Promise<void> = Promise.resolve();
  #isFailing = false;
  #isKnownEmpty = false;

  constructor(settings: StaleLogSettings) {
    this.#settings = settings;
  }

  append(invalidation: Invalidation): Promise<void> {
    if (!this.#settings.isOn()) return Promise.resolve();
    this.#waiting.push(encodeLine(invalidation));
    this.#nextWrite ??= this.#inTurn(() => this.#write());
    return this.#nextWrite;
  }

  async readAll(): Promise<Invalidation[]> {
    const found: Invalidation[] = [];
    if (!this.#settings.isOn()) return found;
    await this.#inTurn(async () => {
      for (const [, invalidation] of await this.#readLines()) found.push(invalidation);
    });
    return found;
  }

  clear(upToVersion: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isKnownEmpty) return;
      const lines = await this.#readLines();
      const kept = lines.filter(([, { version }]) => version > upToVersion).map(([line]) => `${line}\n`);
      if (kept.length === 0) await this.#empty();
      else if (kept.length < lines.length) await this.#replaceBy(kept.join(""));
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#closeFile());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work).then(
      () => {
        this.#isFailing = false;
      },
      async (cause: unknown) => {
        await this.#closeFile().catch(() => undefined);
        this.#report(cause);
      },
    );
    this.#last = done;
    return done;
  }

  async #write(): Promise<void> {
    const lines = this.#waiting.join("");
    this.#waiting = [];
    this.#nextWrite = undefined;
    this.#isKnownEmpty = false;
    this.#file ??= await this.#openFile();
    const text = (await endsTorn(this.#file)) ? `\n${lines}` : lines;
    await this.#file.appendFile(text);
    await this.#file.datasync();
  }

  /** Its name survives a power cut too, whether the file is new or was put in the place of another. */
  async #openFile(): Promise<FileHandle> {
    const { path } = this.#settings;
    const file = await open(path, "a+", 0o640);
    await syncFolder(dirname(path)).catch(() => undefined);
    return file;
  }

  async #readLines(): Promise<[string, Invalidation][]> {
    const lines: [string, Invalidation][] = [];
    const text = await readFile(this.#settings.path, "utf8").catch((cause: unknown) => {
      if (isAbsence(cause)) return "";
      throw cause;
    });
    for (const line of text.split("\n")) {
      const invalidation = parseStaleLine(line);
      if (invalidation !== undefined) lines.push([line, invalidation]);
    }
    return lines;
  }

  async #empty(): Promise<void> {
    await truncate(this.#settings.path, 0).catch((cause: unknown) => {
      if (!isAbsence(cause)) throw cause;
    });
    this.#isKnownEmpty = true;
  }

  /** The old content stays until the new one is whole. */
  async #replaceBy(text: string): Promise<void> {
    const { path } = this.#settings;
    const draftPath = `${path}.new`;
    await this.#closeFile();
    const draft = await open(draftPath, "w", 0o640);
    try {
      await draft.writeFile(text);
      await draft.datasync();
    } finally {
      await draft.close();
    }
    await rename(draftPath, path).catch(async (cause: unknown) => {
      await rm(draftPath, { force: true });
      throw cause;
    });
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
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
