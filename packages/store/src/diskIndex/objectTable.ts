import type Database from "better-sqlite3";
import type { CacheKey } from "../contract.ts";
import { type EncodedColumns, prepareCommand, prepareQuery } from "./indexStatements.ts";
import { type EncodedRow, KEY_COLUMNS, ROW_COLUMNS } from "./rowCodec.ts";
import { BESIDE_HOME } from "./rowFinder.ts";
import { homeOf, homesBehind, urlRestOf, variantOf } from "./rowPlace.ts";

/** Home of the row's key: its id, unless another key had that. */
const HOME = "CASE WHEN id >= 0 THEN id ELSE (SELECT home FROM collided WHERE collided.id = object.id) END";
const COLUMNS = [HOME, ...ROW_COLUMNS.slice(1), "id"].join(", ");
const ID_COLUMN = ROW_COLUMNS.length;

/** The cursor before all rows. */
export const BEFORE_ALL_ROWS = Number.MIN_SAFE_INTEGER;
const BEHIND_ALL_ROWS = Number.MAX_SAFE_INTEGER;

const numberAt = (columns: EncodedColumns | undefined, place: number): number | undefined => {
  const value = columns?.[place];
  return typeof value === "number" ? value : undefined;
};

/** Cursor behind a row: what a walk over all rows goes on from. */
export const cursorBehind = (columns: EncodedColumns): number => numberAt(columns, ID_COLUMN) ?? BEHIND_ALL_ROWS;

const prepareStatements = (database: Database.Database) => {
  const rows = <Parameters extends unknown[]>(sql: string) => prepareQuery<Parameters>(database, sql);
  const command = <Parameters extends unknown[]>(sql: string) => prepareCommand<Parameters>(database, sql);
  const marks = ROW_COLUMNS.map(() => "?").join(", ");
  const changes = ROW_COLUMNS.slice(KEY_COLUMNS.length).map((name) => `${name} = excluded.${name}`);
  return {
    at: rows<[number]>(`SELECT ${COLUMNS} FROM object WHERE id = ?`),
    between: rows<[number, number]>(`SELECT ${COLUMNS} FROM object WHERE id BETWEEN ? AND ?`),
    besideBetween: rows<[number, number]>(
      `SELECT ${COLUMNS} FROM object WHERE id IN (SELECT id FROM collided WHERE home BETWEEN ? AND ?)`,
    ),
    chunk: rows<[number, number]>(`SELECT ${COLUMNS} FROM object WHERE id > ? ORDER BY id LIMIT ?`),
    owners: rows<[number, number]>("SELECT id, vhost, disk FROM object WHERE id > ? ORDER BY id LIMIT ?"),
    coldestFiles: rows<[number, number]>(
      `SELECT ${COLUMNS} FROM object WHERE file > 0 AND disk = ? ORDER BY updated + access LIMIT ?`,
    ),
    filesAfter: rows<[number, number, number]>(
      `SELECT updated + access, file FROM object WHERE file > 0 AND disk = ? AND updated + access > ?
       ORDER BY updated + access LIMIT ?`,
    ),
    filesAt: rows<[number, number]>(
      "SELECT updated + access, file FROM object WHERE file > 0 AND disk = ? AND updated + access = ?",
    ),
    put: command<[...EncodedRow]>(
      `INSERT INTO object (${ROW_COLUMNS.join(", ")}) VALUES (${marks}) ON CONFLICT (id) DO UPDATE
       SET ${changes.join(", ")} WHERE url_rest = excluded.url_rest AND variant = excluded.variant`,
    ),
    remove: command<[number, number, number]>("DELETE FROM object WHERE id = ? AND url_rest = ? AND variant = ?"),
    removeAt: command<[number]>("DELETE FROM object WHERE id = ?"),
    move: command<[number, number]>("UPDATE object SET id = ? WHERE id = ?"),
    idBeside: rows<[number, number, number]>(`SELECT id FROM object WHERE ${BESIDE_HOME}`),
    anyBeside: rows<[number]>("SELECT max(id) FROM collided WHERE home = ?"),
    lowestBeside: rows<[]>("SELECT min(id) FROM collided"),
    addBeside: command<[number, number]>("INSERT INTO collided VALUES (?, ?)"),
    removeBeside: command<[number]>("DELETE FROM collided WHERE id = ?"),
  };
};

/**
 * The rows of objects as the writer sees them, in the order of their ids: first those that lie beside their home, so
 * that one which takes its home while a walk is under way is met twice rather than never.
 */
export class ObjectTable {
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: Database.Database) {
    this.#statements = prepareStatements(database);
  }

  /** Rows whose keys begin with those of URL_PREFIX_BYTES. */
  withPrefix(prefix: Uint8Array): EncodedColumns[] {
    const { first, last } = homesBehind(prefix);
    return [...this.#statements.between.all(first, last), ...this.#statements.besideBetween.all(first, last)];
  }

  at(id: number): EncodedColumns | undefined {
    return this.#statements.at.get(id);
  }

  /** The next rows behind a cursor. */
  chunkAfter(cursor: number, limit: number): EncodedColumns[] {
    return this.#statements.chunk.all(cursor, limit);
  }

  /** Id (the cursor behind it), virtual host and disk of the next rows behind a cursor. */
  ownersAfter(
    cursor: number,
    limit: number,
  ): { readonly id: number; readonly vhost: unknown; readonly disk: unknown }[] {
    const owners = this.#statements.owners.all(cursor, limit);
    return owners.map(([id, vhost, disk]) => ({ id: typeof id === "number" ? id : BEHIND_ALL_ROWS, vhost, disk }));
  }

  coldestFiles(disk: number, limit: number): EncodedColumns[] {
    return this.#statements.coldestFiles.all(disk, limit);
  }

  /** Access and file of body files of a disk: those behind a moment, and those of exactly that moment. */
  filesAfter(disk: number, access: number, limit: number): EncodedColumns[] {
    return this.#statements.filesAfter.all(disk, access, limit);
  }

  filesAt(disk: number, access: number): EncodedColumns[] {
    return this.#statements.filesAt.all(disk, access);
  }

  /** Call it within a transaction, as `remove`. */
  put(row: EncodedRow): void {
    if (this.#statements.put.run(...row).changes > 0) return;
    const [home, urlRest, variant, ...rest] = row;
    let id = numberAt(this.#statements.idBeside.get(home, urlRest, variant), 0);
    if (id === undefined) {
      id = Math.min(0, numberAt(this.#statements.lowestBeside.get(), 0) ?? 0) - 1;
      this.#statements.addBeside.run(id, home);
    }
    this.#statements.put.run(id, urlRest, variant, ...rest);
  }

  remove(key: CacheKey): void {
    const home = homeOf(key);
    const urlRest = urlRestOf(key);
    const variant = variantOf(key);
    if (this.#statements.remove.run(home, urlRest, variant).changes > 0) {
      const next = numberAt(this.#statements.anyBeside.get(home), 0);
      if (next === undefined) return;
      this.#statements.move.run(home, next);
      this.#statements.removeBeside.run(next);
      return;
    }
    const id = numberAt(this.#statements.idBeside.get(home, urlRest, variant), 0);
    if (id === undefined) return;
    this.#statements.removeAt.run(id);
    this.#statements.removeBeside.run(id);
  }
}
