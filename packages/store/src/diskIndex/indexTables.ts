import type { EpochMs } from "@basalt/types";
import type Database from "better-sqlite3";
import type { CacheKey, IndexRow } from "../contract.ts";
import { CACHE_KEY_BYTES } from "./cacheKey.ts";
import { firstId } from "./idCounter.ts";
import { UnusableIndexError } from "./openDatabase.ts";
import { decodeRow, type EncodedRow, encodeRow, ROW_COLUMNS } from "./rowCodec.ts";
import { UsageAccounts } from "./usageAccounts.ts";
import { VhostNames } from "./vhostNames.ts";

/** Bytes of a key that `member` keeps; they name at most the variants of one URL (collisions only cost a look). */
export const MEMBER_PREFIX_BYTES = 8;

/** Segments begin at most once a second over the life of a disk; body files at most a hundred times. */
const SEGMENTS_PER_SECOND = 1;
const FILES_PER_SECOND = 100;

export const SELECT_COLUMNS = ROW_COLUMNS.join(", ");

/** Everything one batch brings to the disk. */
export interface Batch {
  /** Key as latin1 text, and the row; undefined: removed. */
  readonly rows: ReadonlyMap<string, IndexRow | undefined>;
  /** Keys of rows that came to point into a segment. */
  readonly arrivals: ReadonlyMap<number, readonly CacheKey[]>;
  readonly forgotten: ReadonlySet<number>;
  readonly highestVersion: number;
}

const whole = (value: unknown): number => {
  if (!Number.isSafeInteger(value)) throw new UnusableIndexError("a counter is not a whole number");
  return Number(value);
};

/** The open index file: prepared statements and what is kept of it in memory. Boundary: columns come from SQLite. */
export class IndexTables {
  readonly accounts = new UsageAccounts();
  readonly vhosts = new VhostNames();
  readonly highestVersion: number;
  readonly reservedSegmentIds: number;
  readonly reservedFileIds: number;
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #batch: number;

  constructor(database: Database.Database, now: EpochMs) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    const state = this.#statements.state.get();
    if (state === undefined) throw new UnusableIndexError("its state is missing");
    const [objects, totalBytes, highestVersion, batch, segmentIds, fileIds] = state.map(whole);
    this.accounts.objects = objects ?? 0;
    this.accounts.bytes = totalBytes ?? 0;
    this.highestVersion = highestVersion ?? 0;
    this.#batch = batch ?? 0;
    this.reservedSegmentIds = Math.max(segmentIds ?? 0, segmentIds === 0 ? firstId(now, SEGMENTS_PER_SECOND) : 0);
    this.reservedFileIds = Math.max(fileIds ?? 0, fileIds === 0 ? firstId(now, FILES_PER_SECOND) : 0);
    this.vhosts.load(database);
    for (const columns of this.#statements.segments.all()) {
      const [id = 0, disk = 0, liveBytes = 0, liveObjects = 0] = columns.map(whole);
      this.accounts.segments.set(id, { disk, liveBytes, liveObjects });
    }
    for (const columns of this.#statements.diskFiles.all()) {
      const [disk = 0, liveBytes = 0, liveObjects = 0] = columns.map(whole);
      this.accounts.files.set(disk, { liveBytes, liveObjects });
    }
  }

  decode(columns: readonly unknown[]): IndexRow | undefined {
    return decodeRow(columns, (id) => this.vhosts.nameOf(id));
  }

  find(key: CacheKey): IndexRow | undefined {
    const columns = this.#statements.find.get(key);
    return columns === undefined ? undefined : this.decode(columns);
  }

  /** Rows between two keys, both included, in the order of the keys. */
  range(first: Buffer, last: Buffer): IndexRow[] {
    return this.#decodeAll(this.#statements.range.all(first, last));
  }

  /** The next rows behind a key, still encoded: a filter decides which are worth decoding. */
  chunkAfter(key: Buffer, limit: number): unknown[][] {
    return this.#statements.chunk.all(key, limit);
  }

  coldestFiles(disk: number, limit: number): IndexRow[] {
    return this.#decodeAll(this.#statements.coldestFiles.all(disk, limit));
  }

  /** Access and file of the next body files of a disk behind a moment; all that share the last moment are included. */
  filesAfter(disk: number, access: number, limit: number): (readonly [access: number, file: number])[] {
    const found = this.#statements.filesAfter.all(disk, access, limit).map(accessAndFile);
    const last = found.at(-1);
    if (last === undefined || found.length < limit) return found;
    const ties = this.#statements.filesAt.all(disk, last[0]).map(accessAndFile);
    return [...found.filter(([moment]) => moment !== last[0]), ...ties];
  }

  /** Next blob of key prefixes of a segment behind a batch. */
  membersAfter(segment: number, batch: number): { readonly batch: number; readonly prefixes: Buffer } | undefined {
    const columns = this.#statements.membersAfter.get(segment, batch);
    if (columns === undefined) return undefined;
    const [found, prefixes] = columns;
    return Buffer.isBuffer(prefixes) ? { batch: whole(found), prefixes } : undefined;
  }

  rowsWithPrefix(prefix: Buffer): IndexRow[] {
    const first = Buffer.alloc(CACHE_KEY_BYTES, 0x00);
    const last = Buffer.alloc(CACHE_KEY_BYTES, 0xff);
    prefix.copy(first);
    prefix.copy(last);
    return this.range(first, last);
  }

  reserveIds(kind: "segment" | "file", reservedUpTo: number): void {
    const statement = kind === "segment" ? this.#statements.reserveSegments : this.#statements.reserveFiles;
    statement.run(reservedUpTo);
  }

  /** One transaction; throws and changes nothing when it cannot be written. */
  write(batch: Batch): void {
    const statements = this.#statements;
    const { accounts, vhosts } = this;
    const number = this.#batch + 1;
    this.#database.transaction(() => {
      const encoded: EncodedRow[] = [];
      for (const [key, row] of batch.rows) {
        if (row === undefined) statements.remove.run(Buffer.from(key, "latin1"));
        else encoded.push(encodeRow(row, vhosts.idOf(row.vhost)));
      }
      for (const { id, name } of vhosts.unsaved) statements.addVhost.run(id, name);
      for (const row of encoded) statements.put.run(...row);
      for (const [segment, keys] of batch.arrivals) {
        statements.addMembers.run(segment, number, Buffer.concat(keys.map(memberPrefix)));
      }
      for (const segment of accounts.changedSegments) {
        const account = accounts.segments.get(segment);
        if (account === undefined) continue;
        statements.putSegment.run(segment, account.disk, account.liveBytes, account.liveObjects);
      }
      for (const disk of accounts.changedDisks) {
        const use = accounts.fileUse(disk);
        statements.putDiskFiles.run(disk, use.liveBytes, use.liveObjects);
      }
      for (const segment of batch.forgotten) {
        statements.removeMembers.run(segment);
        statements.removeSegment.run(segment);
      }
      statements.putState.run(accounts.objects, accounts.bytes, batch.highestVersion, number);
    })();
    this.#batch = number;
    accounts.settle();
    vhosts.settle();
  }

  close(): void {
    this.#database.close();
  }

  #decodeAll(rows: readonly (readonly unknown[])[]): IndexRow[] {
    return rows.map((columns) => this.decode(columns)).filter((row) => row !== undefined);
  }
}

const accessAndFile = (columns: readonly unknown[]): readonly [number, number] => [
  whole(columns[0]),
  whole(columns[1]),
];

const memberPrefix = (key: CacheKey): Buffer => key.subarray(0, MEMBER_PREFIX_BYTES);

/** The key before all keys. */
export const KEY_BEFORE_ALL = Buffer.alloc(0);

const prepareStatements = (database: Database.Database) => {
  const rows = <Parameters extends unknown[]>(sql: string) => database.prepare<Parameters, unknown[]>(sql).raw();
  const marks = ROW_COLUMNS.map(() => "?").join(", ");
  return {
    state: rows<[]>("SELECT objects, bytes, highest_version, batch, segment_ids, file_ids FROM state WHERE id = 1"),
    segments: rows<[]>("SELECT id, disk, live_bytes, live_objects FROM segment"),
    diskFiles: rows<[]>("SELECT disk, live_bytes, live_objects FROM disk_files"),
    find: rows<[Buffer]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key = ?`),
    range: rows<[Buffer, Buffer]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key BETWEEN ? AND ? ORDER BY key`),
    chunk: rows<[Buffer, number]>(`SELECT ${SELECT_COLUMNS} FROM object WHERE key > ? ORDER BY key LIMIT ?`),
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
    put: database.prepare<[...EncodedRow]>(`INSERT OR REPLACE INTO object (${SELECT_COLUMNS}) VALUES (${marks})`),
    remove: database.prepare<[Buffer]>("DELETE FROM object WHERE key = ?"),
    addVhost: database.prepare<[number, string]>("INSERT INTO vhost (id, name) VALUES (?, ?)"),
    addMembers: database.prepare<[number, number, Buffer]>("INSERT INTO member VALUES (?, ?, ?)"),
    removeMembers: database.prepare<[number]>("DELETE FROM member WHERE segment = ?"),
    putSegment: database.prepare<[number, number, number, number]>(
      "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?)",
    ),
    removeSegment: database.prepare<[number]>("DELETE FROM segment WHERE id = ?"),
    putDiskFiles: database.prepare<[number, number, number]>("INSERT OR REPLACE INTO disk_files VALUES (?, ?, ?)"),
    putState: database.prepare<[number, number, number, number]>(
      "UPDATE state SET objects = ?, bytes = ?, highest_version = ?, batch = ? WHERE id = 1",
    ),
    reserveSegments: database.prepare<[number]>("UPDATE state SET segment_ids = ? WHERE id = 1"),
    reserveFiles: database.prepare<[number]>("UPDATE state SET file_ids = ? WHERE id = 1"),
  };
};
