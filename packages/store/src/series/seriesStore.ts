import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { EdgeError } from "@basalt/types";
import Database from "better-sqlite3";
import { isCorruption } from "../diskIndex/openDatabase.ts";
import { causeCode, describeCause } from "../storeProblem.ts";

/** Records of one length in time. */
export interface SeriesStep {
  readonly seconds: number;
  /** Older ones are deleted. */
  readonly keptSeconds: number;
}

export interface SeriesRecord {
  readonly endedAtMs: number;
  readonly bytes: Uint8Array;
}

export interface SeriesStoreSettings {
  readonly steps: readonly SeriesStep[];
  /** Beyond it the oldest records go, whatever their step, but for those of the name "". */
  readonly mostBytes: number;
  /** Without it a loss of power may cost the whole file; with it the last records, and writing waits for the disk at times. */
  readonly survivesPowerLoss?: boolean;
  /** Something about the file as a whole; never for each record. */
  readonly onProblem: (text: string) => void;
}

/**
 * Small records of named things by time, in a file of its own. What cannot be written is lost and nothing waits for it;
 * unless it is asked for, nothing is made durable against the loss of power either.
 */
export interface SeriesStore {
  /** Those of one moment; a name that has one of the same moment gets another. False: they were not written. */
  append(
    step: SeriesStep,
    endedAtMs: number,
    records: readonly (readonly [name: string, bytes: Uint8Array])[],
  ): boolean;
  /** In the order of time, `from` excluded and `to` included. */
  read(step: SeriesStep, name: string, fromMs: number, toMs: number): readonly SeriesRecord[];
  /** Deletes what is too old or too much, a bounded number of records at a time. True: some may be left. */
  prune(nowMs: number): boolean;
  close(): void;
}

/** `BaSe`: another program's file is set aside. */
const APPLICATION_ID = 0x42615365;
const VERSION = 1;
/** Deleted at a time: thousands would hold the event loop. */
const PRUNED_AT_ONCE = 2_000;
/** Of those that are too much; so many times at most. */
const SURPLUS_AT_ONCE = 250;
const SURPLUS_ROUNDS = 8;
const CACHE_KIB = 4_096;
/** A predecessor that is just closing holds the file for a moment. */
const LOCK_TIMEOUT_MS = 500;

const SCHEMA = `
  CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE records (
    step INTEGER NOT NULL, name INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (step, name, time)
  ) WITHOUT ROWID;
  CREATE INDEX records_by_time ON records (step, time);
`;

const numberOf = (database: Database.Database, pragma: string): number => {
  const value: unknown = database.pragma(pragma, { simple: true });
  return typeof value === "number" ? value : -1;
};

const tryOpen = (path: string, survivesPowerLoss: boolean): Database.Database => {
  const database = new Database(path, { timeout: LOCK_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${survivesPowerLoss ? "NORMAL" : "OFF"}`);
    database.pragma(`cache_size = -${CACHE_KIB}`);
    if (numberOf(database, "schema_version") === 0) {
      database.exec(SCHEMA);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${VERSION}`);
    }
    if (numberOf(database, "application_id") !== APPLICATION_ID || numberOf(database, "user_version") !== VERSION)
      throw new EdgeError("STORE_UNAVAILABLE", { detail: "it belongs to another program or version" });
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
};

/** The last one that was set aside is kept, no earlier one. */
const setAside = (path: string): void => {
  if (existsSync(path)) renameSync(path, `${path}.damaged`);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
};

const isUnusable = (cause: unknown): boolean =>
  cause instanceof EdgeError || /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(causeCode(cause));

interface RecordRow {
  readonly time: number;
  readonly bytes: Buffer;
}

class SqliteSeriesStore implements SeriesStore {
  readonly #settings: SeriesStoreSettings;
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #addName: Database.Statement<[string]>;
  readonly #put: Database.Statement<[number, number, number, Uint8Array]>;
  readonly #select: Database.Statement<[number, number, number, number], RecordRow>;
  readonly #findName: Database.Statement<[string], { readonly id: number }>;
  readonly #prune: Database.Statement<[number, number, number]>;
  readonly #pruneOldest: Database.Statement<[number, number]>;
  readonly #ids = new Map<string, number>();
  #isFailing = false;
  #isDamaged = false;

  constructor(path: string, settings: SeriesStoreSettings, database: Database.Database) {
    this.#path = path;
    this.#settings = settings;
    this.#database = database;
    this.#addName = database.prepare("INSERT OR IGNORE INTO names (name) VALUES (?)");
    this.#findName = database.prepare("SELECT id FROM names WHERE name = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO records (step, name, time, bytes) VALUES (?, ?, ?, ?)");
    this.#select = database.prepare(
      "SELECT time, bytes FROM records WHERE step = ? AND name = ? AND time > ? AND time <= ? ORDER BY time",
    );
    const places = "DELETE FROM records WHERE (step, name, time) IN";
    this.#prune = database.prepare(
      `${places} (SELECT step, name, time FROM records WHERE step = ? AND time < ? LIMIT ?)`,
    );
    this.#pruneOldest = database.prepare(
      `${places} (SELECT step, name, time FROM records WHERE step = ? AND name <> (SELECT id FROM names WHERE name = '') ORDER BY time LIMIT ?)`,
    );
    this.#idOf("");
  }

  append({ seconds }: SeriesStep, endedAtMs: number, records: readonly (readonly [string, Uint8Array])[]): boolean {
    return this.#attempt(() => {
      this.#database.transaction(() => {
        for (const [name, bytes] of records) this.#put.run(seconds, this.#idOf(name), Math.floor(endedAtMs), bytes);
      })();
      this.#isFailing = false;
      return true;
    }, false);
  }

  read({ seconds }: SeriesStep, name: string, fromMs: number, toMs: number): readonly SeriesRecord[] {
    return this.#attempt(() => {
      const id = this.#ids.get(name) ?? this.#findName.get(name)?.id;
      if (id === undefined) return [];
      const rows = this.#select.all(seconds, id, Math.floor(fromMs), Math.floor(toMs));
      return rows.map(({ time, bytes }) => ({ endedAtMs: time, bytes }));
    }, []);
  }

  prune(nowMs: number): boolean {
    return this.#attempt(() => {
      let isLeft = false;
      for (const { seconds, keptSeconds } of this.#settings.steps) {
        const { changes } = this.#prune.run(seconds, Math.floor(nowMs - keptSeconds * 1000), PRUNED_AT_ONCE);
        isLeft ||= changes === PRUNED_AT_ONCE;
      }
      for (let round = 0; round < SURPLUS_ROUNDS && this.#usedBytes() > this.#settings.mostBytes; round++) {
        for (const { seconds } of this.#settings.steps) this.#pruneOldest.run(seconds, SURPLUS_AT_ONCE);
      }
      return isLeft;
    }, false);
  }

  close(): void {
    this.#attempt(() => this.#database.close(), undefined);
  }

  #usedBytes(): number {
    const pages = numberOf(this.#database, "page_count") - numberOf(this.#database, "freelist_count");
    return pages * numberOf(this.#database, "page_size");
  }

  #idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#addName.run(name);
    const id = this.#findName.get(name)?.id ?? 0;
    this.#ids.set(name, id);
    return id;
  }

  /** SQLite has found the file corrupt: it will not work again. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Told of once until records can be written again: reading and deleting nothing works on a full disk too. */
  #attempt<Result>(work: () => Result, otherwise: Result): Result {
    try {
      return work();
    } catch (cause) {
      this.#isDamaged ||= isCorruption(cause);
      // A name may have been rolled back.
      this.#ids.clear();
      if (!this.#isFailing) this.#settings.onProblem(`${this.#path}: ${describeCause(cause)}`);
      this.#isFailing = true;
      return otherwise;
    }
  }
}

const openOrBegin = (path: string, settings: SeriesStoreSettings): SqliteSeriesStore | undefined => {
  const open = (): SqliteSeriesStore =>
    new SqliteSeriesStore(path, settings, tryOpen(path, settings.survivesPowerLoss === true));
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      return open();
    } catch (cause) {
      if (!isUnusable(cause)) throw cause;
      settings.onProblem(`${path} cannot be used and is begun anew: ${describeCause(cause)}`);
      setAside(path);
      return open();
    }
  } catch (cause) {
    settings.onProblem(`${path}: ${describeCause(cause)}`);
    return undefined;
  }
};

/** Damage shows where it is read, perhaps long after the file was opened. */
class RenewedSeriesStore implements SeriesStore {
  readonly #path: string;
  readonly #settings: SeriesStoreSettings;
  #store: SqliteSeriesStore | undefined;

  constructor(path: string, settings: SeriesStoreSettings, store: SqliteSeriesStore) {
    this.#path = path;
    this.#settings = settings;
    this.#store = store;
  }

  append(...parts: Parameters<SeriesStore["append"]>): boolean {
    return this.#usable()?.append(...parts) ?? false;
  }

  read(...parts: Parameters<SeriesStore["read"]>): readonly SeriesRecord[] {
    return this.#usable()?.read(...parts) ?? [];
  }

  prune(nowMs: number): boolean {
    return this.#usable()?.prune(nowMs) ?? false;
  }

  close(): void {
    this.#store?.close();
  }

  #usable(): SqliteSeriesStore | undefined {
    if (this.#store?.isDamaged !== true) return this.#store;
    this.#store.close();
    this.#store = undefined;
    try {
      setAside(this.#path);
      this.#store = openOrBegin(this.#path, this.#settings);
    } catch (cause) {
      this.#settings.onProblem(`${this.#path} cannot be begun anew: ${describeCause(cause)}`);
    }
    return this.#store;
  }
}

/**
 * Undefined when there is no place for it: told by `onProblem`. A file that is damaged or not ours is set aside, also
 * when that turns out later.
 */
export const openSeriesStore = (path: string, settings: SeriesStoreSettings): SeriesStore | undefined => {
  const store = openOrBegin(path, settings);
  return store === undefined ? undefined : new RenewedSeriesStore(path, settings, store);
};
