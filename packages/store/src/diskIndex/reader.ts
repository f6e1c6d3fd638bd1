import { statSync } from "node:fs";
import { type Clock, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import type { CacheKey, DiskIndexReader, IndexRow } from "../contract.ts";
import { cachePragma, hasCurrentSchema, type IndexingSettings } from "./openDatabase.ts";
import { decodeFound, RowFinder } from "./rowFinder.ts";
import { VhostNames } from "./vhostNames.ts";

/** How often the file is checked for having been replaced, and how long a failed open is not tried again. */
const CHECK_INTERVAL_MS = 500;

/** Age from which a lookup begins a new view. A view that is open keeps the writer's log from beginning anew. */
const VIEW_MS = 100;
/** How often an idle reader looks whether its view is too old to stay open. */
const IDLE_CHECK_MS = 250;

/**
 * One open file. A lookup of its own would be a transaction of its own, whose locks cost as much as the search; so
 * many lookups share one, which sees the index as it was when it began.
 */
class OpenIndex {
  readonly inode: number;
  readonly #database: Database.Database;
  readonly #begin: Database.Statement;
  readonly #end: Database.Statement;
  readonly #vhostChanges: Database.Statement<[], unknown[]>;
  readonly #rows: RowFinder;
  readonly #vhosts = new VhostNames();
  #loadedChanges: unknown;

  /** Throws what SQLite throws; the database stays the caller's to close then. */
  constructor(database: Database.Database, inode: number) {
    this.#database = database;
    this.inode = inode;
    this.#begin = database.prepare("BEGIN");
    this.#end = database.prepare("COMMIT");
    this.#vhostChanges = database.prepare<[], unknown[]>("SELECT vhost_changes FROM state WHERE id = 1").raw();
    this.#rows = new RowFinder(database);
  }

  /** Sees from now on what is in the index now. */
  beginView(): void {
    this.endView();
    this.#begin.run();
    const changes = this.#vhostChanges.get()?.[0];
    if (changes === this.#loadedChanges) return;
    this.#vhosts.load(this.#database);
    this.#loadedChanges = changes;
  }

  endView(): void {
    if (this.#database.inTransaction) this.#end.run();
  }

  find(key: CacheKey): IndexRow | undefined {
    const columns = this.#rows.find(key);
    return columns === undefined ? undefined : decodeFound(key, columns, this.#vhosts.presentNameOf);
  }

  close(): void {
    this.#database.close();
  }
}

const openReadOnly = (path: string, settings: IndexingSettings): OpenIndex | undefined => {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return undefined;
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 100 });
  try {
    if (hasCurrentSchema(database)) {
      database.pragma(cachePragma("reader", settings));
      return new OpenIndex(database, inode);
    }
  } catch (cause) {
    database.close();
    throw cause;
  }
  database.close();
  return undefined;
};

/** Lookups never throw: an index that is missing, damaged or just being replaced holds nothing for the moment. */
class SqliteIndexReader implements DiskIndexReader {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #settings: IndexingSettings;
  #index: OpenIndex | undefined;
  #nextCheck = Number.NEGATIVE_INFINITY;
  #nextReopen = Number.NEGATIVE_INFINITY;
  #viewEnd = Number.NEGATIVE_INFINITY;
  #idleCheck: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(path: string, clock: Clock, settings: IndexingSettings) {
    this.#path = path;
    this.#clock = clock;
    this.#settings = settings;
  }

  find(key: CacheKey): IndexRow | undefined {
    const now = this.#clock.monotonic();
    if (now >= this.#nextCheck) this.#followFile(now);
    try {
      return this.#lookUp(key, now);
    } catch {
      if (now < this.#nextReopen) return undefined;
      this.#nextReopen = now + CHECK_INTERVAL_MS;
      this.#drop();
      this.#followFile(now);
    }
    try {
      return this.#lookUp(key, now);
    } catch {
      return undefined;
    }
  }

  refresh(): void {
    this.#viewEnd = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #lookUp(key: CacheKey, now: number): IndexRow | undefined {
    const index = this.#index;
    if (index === undefined) return undefined;
    if (now >= this.#viewEnd) {
      this.#viewEnd = Number.NEGATIVE_INFINITY;
      index.beginView();
      this.#viewEnd = now + VIEW_MS;
      this.#idleCheck ??= setInterval(() => this.#endIdleView(), IDLE_CHECK_MS).unref();
    }
    return index.find(key);
  }

  #endIdleView(): void {
    if (this.#clock.monotonic() < this.#viewEnd) return;
    clearInterval(this.#idleCheck);
    this.#idleCheck = undefined;
    this.#viewEnd = Number.NEGATIVE_INFINITY;
    try {
      this.#index?.endView();
    } catch {
      this.#drop();
    }
  }

  /** Opens the file when it is not open, and opens its successor when it was replaced. */
  #followFile(now: number): void {
    if (this.#isClosed) return;
    this.#nextCheck = now + CHECK_INTERVAL_MS;
    try {
      if (this.#index !== undefined) {
        if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#index.inode) return;
        this.#drop();
      }
      this.#index = openReadOnly(this.#path, this.#settings);
    } catch {
      this.#drop();
    }
  }

  #drop(): void {
    clearInterval(this.#idleCheck);
    this.#idleCheck = undefined;
    this.#viewEnd = Number.NEGATIVE_INFINITY;
    this.#index?.close();
    this.#index = undefined;
  }
}

export interface DiskIndexReaderOptions extends IndexingSettings {
  readonly clock?: Clock;
}

/** A worker's view of the index. The file need not exist yet; it is opened when it appears. */
export const openDiskIndexReader = (path: string, options: DiskIndexReaderOptions = {}): DiskIndexReader =>
  new SqliteIndexReader(path, options.clock ?? systemClock, options);
