import { statSync } from "node:fs";
import { type Clock, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import type { CacheKey, DiskIndexReader, IndexRow } from "../contract.ts";
import { SELECT_COLUMNS } from "./indexTables.ts";
import { hasCurrentSchema } from "./openDatabase.ts";
import { decodeRow } from "./rowCodec.ts";
import { VhostNames } from "./vhostNames.ts";

/** How often the file is checked for having been replaced, and how long a failed open is not tried again. */
const CHECK_INTERVAL_MS = 500;

interface OpenIndex {
  readonly database: Database.Database;
  readonly find: Database.Statement<[Buffer], unknown[]>;
  readonly vhosts: VhostNames;
  readonly inode: number;
}

const openReadOnly = (path: string): OpenIndex | undefined => {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return undefined;
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 100 });
  try {
    if (hasCurrentSchema(database)) {
      database.pragma("cache_size = -8192");
      const find = database.prepare<[Buffer], unknown[]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key = ?`).raw();
      const vhosts = new VhostNames();
      vhosts.load(database);
      return { database, find, vhosts, inode };
    }
  } catch (cause) {
    database.close();
    throw cause;
  }
  database.close();
  return undefined;
};

/**
 * Lookups never throw: an index that is missing, damaged or just being replaced holds nothing for the moment.
 * A virtual host seen for the first time makes the reader load the names again.
 */
class SqliteIndexReader implements DiskIndexReader {
  readonly #path: string;
  readonly #clock: Clock;
  #index: OpenIndex | undefined;
  #nextCheck = Number.NEGATIVE_INFINITY;
  #nextReopen = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  find(key: CacheKey): IndexRow | undefined {
    const now = this.#clock.monotonic();
    if (now >= this.#nextCheck) this.#followFile(now);
    try {
      return this.#lookUp(key);
    } catch {
      if (now < this.#nextReopen) return undefined;
      this.#nextReopen = now + CHECK_INTERVAL_MS;
      this.#drop();
      this.#followFile(now);
    }
    try {
      return this.#lookUp(key);
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #lookUp(key: CacheKey): IndexRow | undefined {
    const index = this.#index;
    const columns = index?.find.get(key);
    if (index === undefined || columns === undefined) return undefined;
    const vhostId = columns[1];
    if (typeof vhostId === "number" && index.vhosts.nameOf(vhostId) === undefined) index.vhosts.load(index.database);
    return decodeRow(columns, (id) => index.vhosts.nameOf(id));
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
      this.#index = openReadOnly(this.#path);
    } catch {
      this.#drop();
    }
  }

  #drop(): void {
    this.#index?.database.close();
    this.#index = undefined;
  }
}

/** A worker's view of the index. The file need not exist yet; it is opened when it appears. */
export const openDiskIndexReader = (path: string, options: { readonly clock?: Clock } = {}): DiskIndexReader =>
  new SqliteIndexReader(path, options.clock ?? systemClock);
