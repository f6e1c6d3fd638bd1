import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type ConfigChangeKind,
  type ConfigFiles,
  type ConfigHistoryEntry,
  type ConfigHistoryKey,
  hashConfigFiles,
  packConfig,
} from "@basalt/management";
import { type EpochMs, PRODUCT_VERSION } from "@basalt/types";
import { writeDurably } from "./configHistoryPlacement.ts";

const LIST = "history.jsonl";
const DAY_MS = 86_400_000;
const ARCHIVE_NAME = /^(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)_([0-9A-F]{40})\.tgz$/;
const KINDS: readonly ConfigChangeKind[] = ["loaded", "modified", "uploaded", "restored"];

interface KeptEntry extends ConfigHistoryEntry {
  readonly atMs: number;
}

interface Recorded {
  readonly entry: ConfigHistoryEntry;
  readonly archive: Buffer;
  /** Why the entry is not on disk. */
  readonly failure: string | undefined;
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");

const momentOf = (atMs: number): { readonly date: string; readonly time: string } => {
  const local = new Date(atMs);
  const date = [local.getFullYear(), twoDigits(local.getMonth() + 1), twoDigits(local.getDate())].join("-");
  return { date, time: [local.getHours(), local.getMinutes(), local.getSeconds()].map(twoDigits).join(":") };
};

/** CFG-72. */
export const archiveNameOf = ({ date, time, hash }: ConfigHistoryEntry): string =>
  `${date.replaceAll("-", "")}_${time.replaceAll(":", "")}_${hash}.tgz`;

/** Boundary: a line of the list; undefined when it is torn or not ours. */
const parseLine = (line: string): KeptEntry | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const field = (name: string): unknown => Reflect.get(value, name);
  const kind = KINDS.find((known) => known === field("kind"));
  const [id, atMs, sizeBytes, hash] = [field("id"), field("atMs"), field("sizeBytes"), field("hash")];
  const isSound =
    typeof id === "number" && typeof atMs === "number" && typeof sizeBytes === "number" && typeof hash === "string";
  if (kind === undefined || !isSound || !Number.isSafeInteger(id) || !/^[0-9A-F]{40}$/.test(hash)) return undefined;
  const [date, time, version] = [field("date"), field("time"), field("productVersion")];
  if (typeof date !== "string" || typeof time !== "string") return undefined;
  const productVersion = typeof version === "string" ? version : "";
  const entry = { id, atMs, date, time, kind, sizeBytes, hash, productVersion };
  return ARCHIVE_NAME.test(archiveNameOf(entry)) ? entry : undefined;
};

const readList = async (path: string): Promise<readonly KeptEntry[]> => {
  const text = await readFile(path, "utf8").catch(() => "");
  const entries = text.split("\n").flatMap((line) => parseLine(line) ?? []);
  return entries.sort((one, other) => one.id - other.id);
};

/** Archives whose list is lost, as entries. */
const readArchiveNames = async (folder: string): Promise<readonly KeptEntry[]> => {
  const names = (await readdir(folder).catch((): string[] => [])).sort();
  const entries: KeptEntry[] = [];
  for (const name of names) {
    const [, year, month, day, hours, minutes, seconds, hash = ""] = ARCHIVE_NAME.exec(name) ?? [];
    if (year === undefined) continue;
    const date = `${year}-${month}-${day}`;
    const time = `${hours}:${minutes}:${seconds}`;
    const atMs = Date.parse(`${date}T${time}`);
    const { size: sizeBytes } = await stat(join(folder, name));
    entries.push({ id: entries.length + 1, atMs, date, time, kind: "modified", sizeBytes, hash, productVersion: "" });
  }
  return entries;
};

/**
 * The configurations that were in service: a list (`history.jsonl`, a line each) and an archive for each entry, in the
 * folder `conf` of the home folder. What cannot be written is said and stays known until the process ends.
 */
export class ConfigHistoryList {
  readonly #folder: string;
  #entries: readonly KeptEntry[];
  /** Archives by hash that could not be written; while there are some the list on disk may have gaps. */
  readonly #unwritten = new Map<string, Buffer>();
  /** Whatever changes the list follows what changed it before. */
  #last: Promise<unknown> = Promise.resolve();

  static async open(home: string): Promise<ConfigHistoryList> {
    const folder = join(home, "conf");
    const listed = await readList(join(folder, LIST));
    return new ConfigHistoryList(folder, listed.length > 0 ? listed : await readArchiveNames(folder));
  }

  private constructor(folder: string, entries: readonly KeptEntry[]) {
    this.#folder = folder;
    this.#entries = entries;
  }

  get entries(): readonly ConfigHistoryEntry[] {
    return this.#entries;
  }

  find({ hash, id }: ConfigHistoryKey): ConfigHistoryEntry | undefined {
    if (hash === undefined) return this.#entries.find((entry) => entry.id === id);
    return this.#entries.findLast((entry) => entry.hash === hash.toUpperCase());
  }

  /** Undefined when its archive is gone. */
  async readArchive(entry: ConfigHistoryEntry): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.#folder, archiveNameOf(entry)));
    } catch {
      return this.#unwritten.get(entry.hash);
    }
  }

  /** Adds an entry with its archive; tells why when they are not on disk, where nothing else is lost then. */
  record(files: ConfigFiles, kind: ConfigChangeKind, now: EpochMs): Promise<Recorded> {
    return this.#inTurn(() => this.#record(files, kind, now));
  }

  async #record(files: ConfigFiles, kind: ConfigChangeKind, now: EpochMs): Promise<Recorded> {
    const hash = hashConfigFiles(files);
    const id = (this.#entries.at(-1)?.id ?? 0) + 1;
    const same = this.#entries.findLast((entry) => entry.hash === hash);
    const kept = same === undefined ? undefined : await this.readArchive(same);
    const archive = kept ?? (await packConfig(files, new Date(now)));
    const moment = momentOf(now);
    const sizeBytes = archive.length;
    const entry: KeptEntry = { id, atMs: now, ...moment, kind, sizeBytes, hash, productVersion: PRODUCT_VERSION };
    this.#entries = [...this.#entries, entry];
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await this.#writeArchive(entry, archive, kept === undefined ? undefined : same);
      if (this.#unwritten.size === 0) await this.#append(entry);
      else await this.#writeWhatIsMissing();
      return { entry, archive, failure: undefined };
    } catch (error) {
      this.#unwritten.set(hash, archive);
      return { entry, archive, failure: error instanceof Error ? error.message : String(error) };
    }
  }

  /** CFG-51: entries older than so many days go with their archives; the last one stays. Resolves with their number. */
  prune(days: number, now: EpochMs): Promise<number> {
    return this.#inTurn(() => this.#prune(days, now));
  }

  async #prune(days: number, now: EpochMs): Promise<number> {
    const isKept = (entry: KeptEntry, index: number): boolean =>
      index === this.#entries.length - 1 || now - entry.atMs <= days * DAY_MS;
    const kept = this.#entries.filter(isKept);
    const gone = this.#entries.filter((entry, index) => !isKept(entry, index));
    if (gone.length === 0) return 0;
    await this.#writeList(kept);
    this.#entries = kept;
    const names = new Set(kept.map(archiveNameOf));
    for (const entry of gone) {
      const name = archiveNameOf(entry);
      if (!names.has(name)) await rm(join(this.#folder, name), { force: true });
    }
    return gone.length;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #writeArchive(entry: KeptEntry, archive: Buffer, same: KeptEntry | undefined): Promise<void> {
    const path = join(this.#folder, archiveNameOf(entry));
    if (same !== undefined) {
      if (archiveNameOf(same) === archiveNameOf(entry)) return;
      // The same bytes under another name cost no space.
      const isLinked = await link(join(this.#folder, archiveNameOf(same)), path).then(
        () => true,
        () => false,
      );
      if (isLinked) return;
    }
    await writeDurably(`${path}.draft`, archive, 0o600);
    await rename(`${path}.draft`, path);
  }

  async #writeWhatIsMissing(): Promise<void> {
    for (const entry of this.#entries) {
      const archive = this.#unwritten.get(entry.hash);
      if (archive !== undefined) await this.#writeArchive(entry, archive, undefined);
    }
    await this.#writeList(this.#entries);
    this.#unwritten.clear();
  }

  async #writeList(entries: readonly KeptEntry[]): Promise<void> {
    const draft = join(this.#folder, `${LIST}.draft`);
    await writeDurably(draft, Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join("")), 0o600);
    await rename(draft, join(this.#folder, LIST));
  }

  async #append(entry: KeptEntry): Promise<void> {
    const file = await open(join(this.#folder, LIST), "a", 0o600);
    try {
      const { size } = await file.stat();
      // A line that a crash has torn ends here, so that this one is whole.
      const isTorn = size > 0 && !(await endsWithLineFeed(join(this.#folder, LIST), size));
      await file.appendFile(`${isTorn ? "\n" : ""}${JSON.stringify(entry)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

const endsWithLineFeed = async (path: string, size: number): Promise<boolean> => {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await file.close();
  }
};
