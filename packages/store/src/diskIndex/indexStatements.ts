import type Database from "better-sqlite3";
import { type EncodedRow, ROW_COLUMNS } from "./rowCodec.ts";

export const SELECT_COLUMNS = ROW_COLUMNS.join(", ");

export interface Query<Parameters extends unknown[]> {
  get(...parameters: Parameters): unknown[] | undefined;
  all(...parameters: Parameters): unknown[][];
}

export interface Command<Parameters extends unknown[]> {
  run(...parameters: Parameters): unknown;
}

/** Everything the writer asks of SQLite, prepared once. */
export const prepareStatements = (database: Database.Database) => {
  const rows = <Parameters extends unknown[]>(sql: string): Query<Parameters> =>
    database.prepare<Parameters, unknown[]>(sql).raw();
  const command = <Parameters extends unknown[]>(sql: string): Command<Parameters> => database.prepare<Parameters>(sql);
  const marks = ROW_COLUMNS.map(() => "?").join(", ");
  return {
    state: rows<[]>("SELECT objects, bytes, highest_version, batch, segment_ids, file_ids FROM state WHERE id = 1"),
    segments: rows<[]>("SELECT id, disk, live_bytes, live_objects, indexed_to FROM segment"),
    diskFiles: rows<[]>("SELECT disk, live_bytes, live_objects FROM disk_files"),
    find: rows<[Buffer]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key = ?`),
    range: rows<[Buffer, Buffer]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key BETWEEN ? AND ? ORDER BY key`),
    chunk: rows<[Buffer, number]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key > ? ORDER BY key LIMIT ?`),
    owners: rows<[Buffer, number]>("SELECT key, vhost, disk FROM object WHERE key > ? ORDER BY key LIMIT ?"),
    coldestFiles: rows<[number, number]>(
      `SELECT ${SELECT_COLUMNS} FROM object WHERE file > 0 AND disk = ? ORDER BY updated + access LIMIT ?`,
    ),
    filesAfter: rows<[number, number, number]>(
      `SELECT updated + access, file FROM object WHERE file > 0 AND disk = ? AND updated + access > ?
       ORDER BY updated + access LIMIT ?`,
    ),
    filesAt: rows<[number, number]>(
      "SELECT updated + access, file FROM object WHERE file > 0 AND disk = ? AND updated + access = ?",
    ),
    membersAfter: rows<[number, number]>(
      "SELECT batch, prefixes FROM member WHERE segment = ? AND batch > ? ORDER BY batch LIMIT 1",
    ),
    put: command<[...EncodedRow]>(`INSERT OR REPLACE INTO object (${SELECT_COLUMNS}) VALUES (${marks})`),
    remove: command<[Buffer]>("DELETE FROM object WHERE key = ?"),
    putVhost: command<[number, string, number]>("INSERT OR REPLACE INTO vhost VALUES (?, ?, ?)"),
    countVhostChange: command<[]>("UPDATE state SET vhost_changes = vhost_changes + 1 WHERE id = 1"),
    putDisk: command<[number, string, number]>("INSERT OR REPLACE INTO disk VALUES (?, ?, ?)"),
    addMembers: command<[number, number, Buffer]>("INSERT INTO member VALUES (?, ?, ?)"),
    removeMembers: command<[number]>("DELETE FROM member WHERE segment = ?"),
    putSegment: command<[number, number, number, number, number]>(
      "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?)",
    ),
    removeSegment: command<[number]>("DELETE FROM segment WHERE id = ?"),
    putDiskFiles: command<[number, number, number]>("INSERT OR REPLACE INTO disk_files VALUES (?, ?, ?)"),
    putState: command<[number, number, number, number]>(
      "UPDATE state SET objects = ?, bytes = ?, highest_version = ?, batch = ? WHERE id = 1",
    ),
    reserveSegments: command<[number]>("UPDATE state SET segment_ids = ? WHERE id = 1"),
    reserveFiles: command<[number]>("UPDATE state SET file_ids = ? WHERE id = 1"),
  };
};
