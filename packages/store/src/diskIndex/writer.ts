import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, EdgeError } from "@basalt/types";
import type { CacheKey, DiskIndex, IndexRow, LiveUse, ReleasedFile, SegmentUse } from "../contract.ts";
import {
  FLUSH_DELAY_MS,
  FLUSH_RETRY_MS,
  FLUSH_ROWS,
  PENDING_ROWS_LIMIT,
  RELEASED_FILES_LIMIT,
  SCAN_CHUNK_ROWS,
} from "../limits.ts";
import { causeCode, describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { CACHE_KEY_BYTES, variantRange } from "./cacheKey.ts";
import { IdCounter } from "./idCounter.ts";
import { IndexTables, KEY_BEFORE_ALL, MEMBER_PREFIX_BYTES } from "./indexTables.ts";
import { isCorruption, openDatabase, setAside } from "./openDatabase.ts";
import { normaliseRow } from "./rowCodec.ts";

export interface DiskIndexContext {
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
}

/** A crash loses at most the rest of a block; ids have room for it. */
const SEGMENT_ID_BLOCK = 16;
const FILE_ID_BLOCK = 512;

const KEY_COLUMN = 0;
const VHOST_COLUMN = 1;

const keyText = (key: CacheKey): string => key.toString("latin1");

/**
 * The one writer. Rows wait in `#pending` (undefined: removed) until a batch takes them to the disk; every read looks
 * there first. What SQLite finds corrupt while running is set aside and the pending rows begin a new index.
 */
class SqliteIndexWriter implements DiskIndex {
  readonly #path: string;
  readonly #context: DiskIndexContext;
  readonly #pending = new Map<string, IndexRow | undefined>();
  readonly #arrivals = new Map<number, CacheKey[]>();
  readonly #forgotten = new Set<number>();
  #released: ReleasedFile[] = [];
  #tables: IndexTables;
  #segmentIds: IdCounter;
  #fileIds: IdCounter;
  #highestVersion: number;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #isClosed = false;

  constructor(path: string, context: DiskIndexContext) {
    this.#path = path;
    this.#context = context;
    this.#tables = this.#open();
    this.#highestVersion = this.#tables.highestVersion;
    this.#segmentIds = this.#counter("segment", this.#tables.reservedSegmentIds);
    this.#fileIds = this.#counter("file", this.#tables.reservedFileIds);
  }

  get highestVersion(): number {
    return this.#highestVersion;
  }

  get totals(): { readonly objects: number; readonly bytes: number } {
    const { objects, bytes } = this.#tables.accounts;
    return { objects, bytes };
  }

  put(row: IndexRow): void {
    if (row.key.length !== CACHE_KEY_BYTES) throw new RangeError(`a cache key has ${CACHE_KEY_BYTES} bytes`);
    this.#replace(this.find(row.key), normaliseRow(row));
  }

  update(key: CacheKey, change: Parameters<DiskIndex["update"]>[1]): IndexRow | undefined {
    const old = this.find(key);
    if (old === undefined) return undefined;
    const row = normaliseRow({ ...old, ...change });
    this.#replace(old, row);
    return row;
  }

  remove(key: CacheKey): IndexRow | undefined {
    const old = this.find(key);
    if (old === undefined) return undefined;
    this.#tables.accounts.subtract(old);
    this.#noteReleased(old);
    this.#enqueue(keyText(key), undefined);
    return old;
  }

  find(key: CacheKey): IndexRow | undefined {
    const text = keyText(key);
    const waiting = this.#pending.get(text);
    if (waiting !== undefined || this.#pending.has(text)) return waiting;
    return this.#read((tables) => tables.find(key), undefined);
  }

  findVariants(vhost: string, url: string): IndexRow[] {
    const { first, last } = variantRange(vhost, url);
    const isVariant = (row: IndexRow): boolean => row.vhost === vhost && row.url === url;
    const stored = this.#read((tables) => tables.range(first, last), []);
    const variants = stored.filter((row) => isVariant(row) && !this.#pending.has(keyText(row.key)));
    for (const row of this.#pending.values()) if (row !== undefined && isVariant(row)) variants.push(row);
    return variants;
  }

  async scan(filter: { readonly vhost?: string }, visit: (row: IndexRow) => void): Promise<void> {
    let after: Buffer = KEY_BEFORE_ALL;
    for (;;) {
      if (this.#isClosed) return;
      this.#write();
      const chunk = this.#read((tables) => tables.chunkAfter(after, SCAN_CHUNK_ROWS), []);
      const wanted = filter.vhost === undefined ? undefined : this.#tables.vhosts.find(filter.vhost);
      if (filter.vhost !== undefined && wanted === undefined) return;
      for (const columns of chunk) {
        if (wanted !== undefined && columns[VHOST_COLUMN] !== wanted) continue;
        const row = this.#tables.decode(columns);
        if (row !== undefined) this.#visitCurrent(row, visit);
      }
      const last = chunk.at(-1)?.[KEY_COLUMN];
      if (!Buffer.isBuffer(last) || chunk.length < SCAN_CHUNK_ROWS) return;
      after = last;
      await nextTurn();
    }
  }

  async scanSegment(segment: number, visit: (row: IndexRow) => void): Promise<void> {
    const visited = new Set<string>();
    let batch = 0;
    for (;;) {
      if (this.#isClosed) return;
      this.#write();
      const members = this.#read((tables) => tables.membersAfter(segment, batch), undefined);
      if (members === undefined) return;
      batch = members.batch;
      for (let start = 0; start < members.prefixes.length; start += MEMBER_PREFIX_BYTES) {
        const prefix = members.prefixes.subarray(start, start + MEMBER_PREFIX_BYTES);
        for (const row of this.#read((tables) => tables.rowsWithPrefix(prefix), [])) {
          const text = keyText(row.key);
          if (visited.has(text)) continue;
          visited.add(text);
          this.#visitCurrent(row, (current) => {
            if (current.location.segment === segment) visit(current);
          });
        }
        if ((start / MEMBER_PREFIX_BYTES) % SCAN_CHUNK_ROWS === SCAN_CHUNK_ROWS - 1) await nextTurn();
      }
      await nextTurn();
    }
  }

  segmentUse(): SegmentUse[] {
    return this.#tables.accounts.segmentUse();
  }

  fileUse(disk: number): LiveUse {
    return this.#tables.accounts.fileUse(disk);
  }

  forgetSegment(segment: number): void {
    this.#tables.accounts.segments.delete(segment);
    this.#arrivals.delete(segment);
    this.#forgotten.add(segment);
    this.#schedule(FLUSH_DELAY_MS);
  }

  coldestFiles(disk: number, limit: number): IndexRow[] {
    this.#write();
    const rows = this.#read((tables) => tables.coldestFiles(disk, limit), []);
    return rows.filter((row) => !this.#pending.has(keyText(row.key)));
  }

  async collectLiveFiles(): Promise<(disk: number, file: number) => boolean> {
    const live = new Map<number, Set<number>>();
    for (const disk of [...this.#tables.accounts.files.keys()]) {
      const files = new Set<number>();
      live.set(disk, files);
      for (let access = -1, isMore = true; isMore; ) {
        this.#write();
        const chunk = this.#read((tables) => tables.filesAfter(disk, access, SCAN_CHUNK_ROWS), []);
        for (const [, file] of chunk) files.add(file);
        isMore = chunk.length >= SCAN_CHUNK_ROWS && !this.#isClosed;
        access = chunk.at(-1)?.[0] ?? access;
        await nextTurn();
      }
    }
    return (disk, file) => live.get(disk)?.has(file) ?? false;
  }

  takeReleasedFiles(): ReleasedFile[] {
    const released = this.#released;
    this.#released = [];
    return released;
  }

  nextSegmentId(): number {
    return this.#segmentIds.take();
  }

  nextFileId(): number {
    return this.#fileIds.take();
  }

  async flush(): Promise<void> {
    this.#write();
    if (this.#pending.size > 0)
      throw new EdgeError("STORE_UNAVAILABLE", { detail: `index ${this.#path}: not written` });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#write();
    clearTimeout(this.#timer);
    this.#isClosed = true;
    this.#tables.close();
  }

  #replace(old: IndexRow | undefined, row: IndexRow): void {
    if (this.#pending.size >= PENDING_ROWS_LIMIT) {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: `index ${this.#path}: too many rows wait for the disk` });
    }
    const { accounts } = this.#tables;
    if (old !== undefined) {
      accounts.subtract(old);
      if (old.location.file !== row.location.file) this.#noteReleased(old);
    }
    accounts.add(row);
    if (row.version > this.#highestVersion) this.#highestVersion = row.version;
    const { segment } = row.location;
    if (old?.location.segment !== segment) {
      const keys = this.#arrivals.get(segment);
      if (keys === undefined) this.#arrivals.set(segment, [row.key]);
      else keys.push(row.key);
    }
    this.#enqueue(keyText(row.key), row);
  }

  #noteReleased({ key, location }: IndexRow): void {
    if (location.file !== 0 && this.#released.length < RELEASED_FILES_LIMIT) this.#released.push({ key, location });
  }

  #enqueue(key: string, row: IndexRow | undefined): void {
    this.#pending.set(key, row);
    if (this.#pending.size >= FLUSH_ROWS && !this.#isFailing) this.#write();
    else this.#schedule(this.#isFailing ? FLUSH_RETRY_MS : FLUSH_DELAY_MS);
  }

  /** Visits the row as it is now: a visit before may have changed or removed it. */
  #visitCurrent(row: IndexRow, visit: (row: IndexRow) => void): void {
    const text = keyText(row.key);
    const current = this.#pending.has(text) ? this.#pending.get(text) : row;
    if (current !== undefined) visit(current);
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, delayMs);
    this.#timer.unref();
  }

  /** Takes what is pending to the disk. A failure keeps it for the next attempt and is reported once. */
  #write(): void {
    if (this.#isClosed || (this.#pending.size === 0 && this.#forgotten.size === 0)) return;
    try {
      this.#tables.write({
        rows: this.#pending,
        arrivals: this.#arrivals,
        forgotten: this.#forgotten,
        highestVersion: this.#highestVersion,
      });
      this.#pending.clear();
      this.#arrivals.clear();
      this.#forgotten.clear();
      this.#isFailing = false;
    } catch (cause) {
      if (isCorruption(cause)) {
        this.#rebuild(cause);
        return;
      }
      if (!this.#isFailing) {
        const message = `The index cannot be written: ${describeCause(cause)} ${causeCode(cause)}`.trim();
        this.#context.onProblem(storeProblem("error", this.#path, `${message}. It is tried again.`));
      }
      this.#isFailing = true;
      this.#schedule(FLUSH_RETRY_MS);
    }
  }

  #read<Result>(query: (tables: IndexTables) => Result, otherwise: Result): Result {
    if (this.#isClosed) return otherwise;
    try {
      return query(this.#tables);
    } catch (cause) {
      if (!isCorruption(cause)) throw new EdgeError("STORE_UNAVAILABLE", { detail: describeCause(cause), cause });
      this.#rebuild(cause);
      return otherwise;
    }
  }

  #rebuild(cause: unknown): void {
    const rows = [...this.#pending.values()].filter((row) => row !== undefined);
    this.#pending.clear();
    this.#arrivals.clear();
    this.#forgotten.clear();
    this.#tables.close();
    setAside(this.#path, describeCause(cause), this.#context);
    this.#tables = this.#open();
    this.#segmentIds = this.#counter("segment", Math.max(this.#segmentIds.reserved, this.#tables.reservedSegmentIds));
    this.#fileIds = this.#counter("file", Math.max(this.#fileIds.reserved, this.#tables.reservedFileIds));
    for (const row of rows) this.#replace(undefined, row);
  }

  #open(): IndexTables {
    const now = this.#context.clock.now();
    return openDatabase(this.#path, this.#context, (database) => new IndexTables(database, now));
  }

  #counter(kind: "segment" | "file", reservedBefore: number): IdCounter {
    const blockSize = kind === "segment" ? SEGMENT_ID_BLOCK : FILE_ID_BLOCK;
    return new IdCounter(reservedBefore, blockSize, (upTo) => this.#tables.reserveIds(kind, upTo));
  }
}

/**
 * Opens or creates the index at `path`. A file that is damaged, foreign or newer is kept as
 * `<path>.damaged-<time>`, reported, and an empty index takes its place.
 */
export const openDiskIndexWriter = (path: string, context: DiskIndexContext): DiskIndex =>
  new SqliteIndexWriter(path, context);
