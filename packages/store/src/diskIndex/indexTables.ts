import type { EpochMs } from "@basalt/types";
import type Database from "better-sqlite3";
import type { CacheKey, IndexRow } from "../contract.ts";
import { DiskNumbers } from "./diskNumbers.ts";
import { firstId } from "./idCounter.ts";
import { type EncodedColumns, prepareStatements } from "./indexStatements.ts";
import { ObjectTable } from "./objectTable.ts";
import { isCorruption, LOCK_TIMEOUT_MS } from "./openDatabase.ts";
import { COLUMN, decodeRow, type EncodedRow, encodeRow } from "./rowCodec.ts";
import { decodeFound, ownerOfFound, RowFinder } from "./rowFinder.ts";
import { URL_PREFIX_BYTES } from "./rowPlace.ts";
import { TagTable } from "./tagTable.ts";
import { UnusableIndexError } from "./unusableIndex.ts";
import { UsageAccounts } from "./usageAccounts.ts";
import { VhostNames } from "./vhostNames.ts";
import { VhostUse } from "./vhostUse.ts";
import { WalConnection } from "./walConnection.ts";

/** Bytes of a key that `member` keeps; they name the variants of one URL (collisions only cost a look). */
export const MEMBER_PREFIX_BYTES = URL_PREFIX_BYTES;

/** Keys in a row of `member`: SQLite puts what is above 1,002 bytes on a page of its own, most of which would be empty. */
const MEMBERS_PER_ROW = 192;

/** Segments begin at most once a second over the life of a disk; body files at most a hundred times. */
const SEGMENTS_PER_SECOND = 1;
const FILES_PER_SECOND = 100;

/**
 * Ids left out when the index is opened, more than are given between two calls of `sync`: a power cut may have taken
 * the reservations made since the last one.
 */
const SEGMENT_ID_GAP = 256;
const FILE_ID_GAP = 65_536;

/** Everything one batch brings to the disk. */
export interface Batch {
  /** Key as latin1 text, and the row; undefined: removed. */
  readonly rows: ReadonlyMap<string, IndexRow | undefined>;
  /** Key as latin1 text, and tags parted by one blank. */
  readonly tags: ReadonlyMap<string, string>;
  /** Keys of rows that came to point into a segment. */
  readonly arrivals: ReadonlyMap<number, readonly CacheKey[]>;
  readonly forgotten: ReadonlySet<number>;
  readonly highestVersion: number;
}

const whole = (value: unknown): number => {
  if (!Number.isSafeInteger(value)) throw new UnusableIndexError("a counter is not a whole number");
  return Number(value);
};

/** The open index file: its tables and what is kept of them in memory. Boundary: columns come from SQLite. */
export class IndexTables {
  readonly accounts = new UsageAccounts();
  readonly vhosts = new VhostNames();
  readonly disks = new DiskNumbers();
  readonly objects: ObjectTable;
  readonly tags: TagTable;
  readonly use: VhostUse;
  readonly wal: WalConnection;
  readonly highestVersion: number;
  readonly reservedSegmentIds: number;
  readonly reservedFileIds: number;
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #finder: RowFinder;
  #batch: number;

  constructor(database: Database.Database, now: EpochMs) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#finder = new RowFinder(database);
    this.objects = new ObjectTable(database);
    this.tags = new TagTable(database);
    this.wal = new WalConnection(database, LOCK_TIMEOUT_MS);
    const state = this.#statements.state.get();
    if (state === undefined) throw new UnusableIndexError("its state is missing");
    const [objects, totalBytes, highestVersion, batch, segmentIds, fileIds] = state.map(whole);
    this.accounts.objects = objects ?? 0;
    this.accounts.bytes = totalBytes ?? 0;
    this.highestVersion = highestVersion ?? 0;
    this.#batch = batch ?? 0;
    this.reservedSegmentIds = segmentIds ? segmentIds + SEGMENT_ID_GAP : firstId(now, SEGMENTS_PER_SECOND);
    this.reservedFileIds = fileIds ? fileIds + FILE_ID_GAP : firstId(now, FILES_PER_SECOND);
    this.#reserveDurably();
    this.vhosts.load(database);
    this.disks.load(database);
    this.use = new VhostUse(database, this.vhosts);
    for (const columns of this.#statements.segments.all()) {
      const [id = 0, disk = 0, liveBytes = 0, liveObjects = 0, indexedTo = 0] = columns.map(whole);
      this.accounts.segments.set(id, { disk, liveBytes, liveObjects, indexedTo });
    }
    for (const columns of this.#statements.diskFiles.all()) {
      const [disk = 0, liveBytes = 0, liveObjects = 0] = columns.map(whole);
      this.accounts.files.set(disk, { liveBytes, liveObjects });
    }
  }

  /** Whether a row of this owner is absent: its virtual host was removed or its disk retired. */
  isDead(vhost: unknown, disk: unknown): boolean {
    if (typeof vhost === "number" && this.vhosts.presentNameOf(vhost) === undefined) return true;
    return typeof disk === "number" && this.disks.isRetired(disk);
  }

  /** Whether the tables may hold rows that are absent. */
  get hasDeadRows(): boolean {
    return this.vhosts.hasUnswept || this.disks.unswept().length > 0;
  }

  isDeadRow(columns: EncodedColumns): boolean {
    return this.isDead(columns[COLUMN.vhost], columns[COLUMN.disk]);
  }

  /** Undefined for dead rows too. */
  decode(columns: EncodedColumns): IndexRow | undefined {
    const disk = columns[COLUMN.disk];
    if (typeof disk === "number" && this.disks.isRetired(disk)) return undefined;
    return decodeRow(columns, this.vhosts.presentNameOf);
  }

  find(key: CacheKey): IndexRow | undefined {
    const columns = this.#finder.find(key);
    if (columns === undefined || this.isDead(...ownerOfFound(columns))) return undefined;
    return decodeFound(key, columns, this.vhosts.nameOf);
  }

  /** The row whether dead or not: what the accounts count. */
  findStored(key: CacheKey): IndexRow | undefined {
    const columns = this.#finder.find(key);
    return columns === undefined ? undefined : decodeFound(key, columns, this.vhosts.nameOf);
  }

  findDead(key: CacheKey): IndexRow | undefined {
    const columns = this.#finder.find(key);
    if (columns === undefined || !this.isDead(...ownerOfFound(columns))) return undefined;
    return decodeFound(key, columns, this.vhosts.nameOf);
  }

  /** Access and file of the next body files of a disk behind a moment; all that share the last moment are included. */
  filesAfter(disk: number, access: number, limit: number): (readonly [access: number, file: number])[] {
    const found = this.objects.filesAfter(disk, access, limit).map(accessAndFile);
    const last = found.at(-1);
    if (last === undefined || found.length < limit) return found;
    const ties = this.objects.filesAt(disk, last[0]).map(accessAndFile);
    return [...found.filter(([moment]) => moment !== last[0]), ...ties];
  }

  /** Next blob of key prefixes of a segment behind a batch. */
  membersAfter(segment: number, batch: number): { readonly batch: number; readonly prefixes: Buffer } | undefined {
    const columns = this.#statements.membersAfter.get(segment, batch);
    if (columns === undefined) return undefined;
    const [found, prefixes] = columns;
    return Buffer.isBuffer(prefixes) ? { batch: whole(found), prefixes } : undefined;
  }

  reserveIds(kind: "segment" | "file", reservedUpTo: number): void {
    const statement = kind === "segment" ? this.#statements.reserveSegments : this.#statements.reserveFiles;
    statement.run(reservedUpTo);
  }

  /** Whether `write` has something to do beside the batch. */
  get isUnsaved(): boolean {
    return this.vhosts.unsaved.length > 0 || this.disks.unsaved.length > 0;
  }

  /** One transaction; throws and changes nothing when it cannot be written. `durable`: it survives a power cut. */
  write(batch: Batch, durable: boolean): void {
    const transaction = this.#database.transaction(() => this.#writeBatch(batch));
    this.#batch = durable ? this.#durably(transaction) : transaction();
    this.accounts.settle();
    this.use.settle();
    this.vhosts.settle();
    this.disks.settle();
  }

  close(): void {
    this.#database.close();
  }

  /** What was left out has to stay so. When it cannot be written now, the first reservation will be refused too. */
  #reserveDurably(): void {
    const reserve = this.#database.transaction(() => {
      this.reserveIds("segment", this.reservedSegmentIds);
      this.reserveIds("file", this.reservedFileIds);
    });
    try {
      this.#durably(reserve);
    } catch (cause) {
      if (isCorruption(cause)) throw cause;
    }
  }

  #durably<Result>(work: () => Result): Result {
    this.#database.pragma("synchronous = FULL");
    try {
      return work();
    } finally {
      this.#database.pragma("synchronous = NORMAL");
    }
  }

  /** Answers the number that later ones have to go on from. */
  #writeBatch(batch: Batch): number {
    const statements = this.#statements;
    const { accounts, vhosts, disks } = this;
    const encoded: EncodedRow[] = [];
    for (const [key, row] of batch.rows) {
      if (row === undefined) this.objects.remove(Buffer.from(key, "latin1"));
      else encoded.push(encodeRow(row, vhosts.idOf(row.vhost)));
    }
    const { unsaved } = vhosts;
    for (const { id, name, removed } of unsaved) statements.putVhost.run(id, name, removed);
    if (unsaved.length > 0) statements.countVhostChange.run();
    for (const disk of disks.unsaved) statements.putDisk.run(disk.number, disk.path, disk.retired);
    encoded.sort((left, right) => left[0] - right[0]);
    for (const row of encoded) this.objects.put(row);
    for (const [key, tags] of batch.tags) this.tags.set(Buffer.from(key, "latin1"), tags);
    for (const segment of batch.forgotten) {
      statements.removeMembers.run(segment);
      statements.removeSegment.run(segment);
    }
    let number = this.#batch + 1;
    for (const [segment, keys] of batch.arrivals) {
      for (let start = 0; start < keys.length; start += MEMBERS_PER_ROW, number += 1) {
        const prefixes = keys.slice(start, start + MEMBERS_PER_ROW).map(memberPrefix);
        statements.addMembers.run(segment, number, Buffer.concat(prefixes));
      }
    }
    for (const segment of accounts.changedSegments) {
      const account = accounts.segments.get(segment);
      if (account === undefined) continue;
      statements.putSegment.run(segment, account.disk, account.liveBytes, account.liveObjects, account.indexedTo);
    }
    for (const disk of accounts.changedDisks) {
      const use = accounts.fileUse(disk);
      statements.putDiskFiles.run(disk, use.liveBytes, use.liveObjects);
    }
    this.use.write(vhosts);
    statements.putState.run(accounts.objects, accounts.bytes, batch.highestVersion, number);
    return number;
  }
}

const accessAndFile = (columns: EncodedColumns): readonly [number, number] => [whole(columns[0]), whole(columns[1])];

const memberPrefix = (key: CacheKey): Buffer => key.subarray(0, MEMBER_PREFIX_BYTES);
