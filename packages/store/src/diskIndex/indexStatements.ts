import type Database from "better-sqlite3";

/** What SQLite holds for a row, in the order that the query asked for. */
export type EncodedColumns = readonly unknown[];

export interface Query<Parameters extends unknown[]> {
  get(...parameters: Parameters): unknown[] | undefined;
  all(...parameters: Parameters): unknown[][];
}

export interface Command<Parameters extends unknown[]> {
  run(...parameters: Parameters): { readonly changes: number };
}

export const prepareQuery = <Parameters extends unknown[]>(
  database: Database.Database,
  sql: string,
): Query<Parameters> => database.prepare<Parameters, unknown[]>(sql).raw();

export const prepareCommand = <Parameters extends unknown[]>(
  database: Database.Database,
  sql: string,
): Command<Parameters> => database.prepare<Parameters>(sql);

/** Everything the writer asks of SQLite beside its rows, prepared once. */
export const prepareStatements = (database: Database.Database) => {
  const rows = <Parameters extends unknown[]>(sql: string) => prepareQuery<Parameters>(database, sql);
  const command = <Parameters extends unknown[]>(sql: string) => prepareCommand<Parameters>(database, sql);
  return {
    state: rows<[]>("SELECT objects, bytes, highest_version, batch, segment_ids, file_ids FROM state WHERE id = 1"),
    segments: rows<[]>("SELECT id, disk, live_bytes, live_objects, indexed_to FROM segment"),
    diskFiles: rows<[]>("SELECT disk, live_bytes, live_objects FROM disk_files"),
    membersAfter: rows<[number, number]>(
      "SELECT batch, prefixes FROM member WHERE segment = ? AND batch > ? ORDER BY batch LIMIT 1",
    ),
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
