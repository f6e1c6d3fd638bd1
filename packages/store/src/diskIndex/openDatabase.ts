import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, EdgeError } from "@basalt/types";
import Database from "better-sqlite3";
import { causeCode, describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { MOVES } from "./moves.ts";
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";
import { UnusableIndexError } from "./unusableIndex.ts";

/**
 * How the index is read (OPT-10 to OPT-12). `Memory`: all of it is brought into the page cache at start, and each process
 * keeps more of it for itself. `Disk`: what is needed is read when it is. Never through a map of the file: an error of
 * the disk below a map is the end of the process.
 */
export type Indexing = "Memory" | "Disk";

export interface IndexingSettings {
  /** `Disk` when absent. */
  readonly indexing?: Indexing;
  /** `Memory`: most bytes that are brought into the page cache. */
  readonly warmBytes?: number;
}

export interface OpenDatabaseContext extends IndexingSettings {
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
}

const CACHE_KIB = { writer: { Memory: 131_072, Disk: 32_768 }, reader: { Memory: 32_768, Disk: 8_192 } } as const;

/** The statement that sets the page cache of a connection. */
export const cachePragma = (role: "writer" | "reader", { indexing = "Disk" }: IndexingSettings): string =>
  `cache_size = -${CACHE_KIB[role][indexing]}`;

/** Whether SQLite found the content damaged; other codes (busy, full, no permission) blame the place or the program. */
export const isCorruption = (cause: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(causeCode(cause));

/** While opening, a statement that does not fit the tables (SQLITE_ERROR) also means that the content is not ours. */
const isUnusable = (cause: unknown): boolean =>
  cause instanceof UnusableIndexError || isCorruption(cause) || causeCode(cause) === "SQLITE_ERROR";

/** Milliseconds to wait for a lock: a predecessor that is just closing holds it for a moment. The event loop waits too. */
export const LOCK_TIMEOUT_MS = 500;

/** The log's file keeps this length when it begins anew: cutting off more than it ever needs holds the event loop. */
const LOG_KEPT_BYTES = 2 ** 30;

const pragmaNumber = (database: Database.Database, name: string): number => {
  const value: unknown = database.pragma(name, { simple: true });
  return typeof value === "number" ? value : -1;
};

/** Whether a connection, writer or reader, sees our tables in the version this program knows. */
export const hasCurrentSchema = (database: Database.Database): boolean =>
  pragmaNumber(database, "application_id") === APPLICATION_ID &&
  pragmaNumber(database, "user_version") === SCHEMA_VERSION;

const migrate = (database: Database.Database): void => {
  const version = pragmaNumber(database, "user_version");
  const isEmpty = pragmaNumber(database, "schema_version") === 0;
  if (isEmpty) database.pragma(`application_id = ${APPLICATION_ID}`);
  else if (pragmaNumber(database, "application_id") !== APPLICATION_ID) {
    throw new UnusableIndexError("it belongs to another program");
  }
  if (version > SCHEMA_VERSION) throw new UnusableIndexError(`its version ${version} is newer than ${SCHEMA_VERSION}`);
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.exec(statements);
      MOVES.get(index + 1)?.(database);
      database.pragma(`user_version = ${index + 1}`);
    })();
  }
};

const tryOpen = (path: string, settings: IndexingSettings): Database.Database => {
  const database = new Database(path, { timeout: LOCK_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.pragma("wal_autocheckpoint = 0");
    database.pragma(cachePragma("writer", settings));
    database.pragma(`journal_size_limit = ${LOG_KEPT_BYTES}`);
    migrate(database);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
};

const freeName = (path: string, clock: Clock): string => {
  const stamp = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, "");
  const base = `${path}.damaged-${stamp}`;
  let name = base;
  for (let attempt = 2; existsSync(name); attempt += 1) name = `${base}-${attempt}`;
  return name;
};

/** Moves a file that cannot be used, with its log, out of the way; nothing is thrown away. */
export const setAside = (path: string, reason: string, context: OpenDatabaseContext): void => {
  const name = freeName(path, context.clock);
  if (existsSync(path)) renameSync(path, name);
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${name}-wal`);
  rmSync(`${path}-shm`, { force: true });
  context.onProblem(
    storeProblem("error", path, `The index cannot be used (${reason}). It was kept as ${name}; a new one is built.`),
  );
};

/**
 * Opens the index for writing, creates it when absent, and replaces it by an empty one when `prepare` or SQLite
 * finds it damaged, foreign or of a newer version. Throws STORE_UNAVAILABLE when the place cannot be written.
 */
export const openDatabase = <Prepared>(
  path: string,
  context: OpenDatabaseContext,
  prepare: (database: Database.Database) => Prepared,
): Prepared => {
  const open = (): Prepared => {
    const database = tryOpen(path, context);
    try {
      return prepare(database);
    } catch (cause) {
      database.close();
      throw cause;
    }
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      return open();
    } catch (cause) {
      if (!isUnusable(cause)) throw cause;
      setAside(path, describeCause(cause), context);
      return open();
    }
  } catch (cause) {
    throw new EdgeError("STORE_UNAVAILABLE", { detail: `index ${path}: ${describeCause(cause)}`, cause });
  }
};
