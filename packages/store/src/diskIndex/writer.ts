import { setImmediate as nextTurn } from "node:timers/promises";
import { EdgeError } from "@basalt/types";
import {
  type CacheKey,
  type DiskIndex,
  type IndexRow,
  type LiveUse,
  type ObjectLocation,
  type ReleasedFile,
  ROW_FLAG,
  type SegmentUse,
  type Tally,
  type TallyQuestion,
  type VhostObjects,
} from "../contract.ts";
import { PENDING_ROWS_LIMIT, RELEASED_FILES_LIMIT, SCAN_CHUNK_ROWS } from "../limits.ts";
import { describeCause } from "../storeProblem.ts";
import { CACHE_KEY_BYTES, urlPrefix } from "./cacheKey.ts";
import { IdCounter } from "./idCounter.ts";
import type { EncodedColumns } from "./indexStatements.ts";
import { type IndexTables, MEMBER_PREFIX_BYTES } from "./indexTables.ts";
import { BEFORE_ALL_ROWS, cursorBehind } from "./objectTable.ts";
import type { OpenDatabaseContext } from "./openDatabase.ts";
import { RowBatches } from "./rowBatches.ts";
import { COLUMN, keyOfColumns, normaliseRow } from "./rowCodec.ts";
import { type TagCursor, tagDigest } from "./tagTable.ts";
import { Tallies } from "./tally.ts";

export type DiskIndexContext = OpenDatabaseContext;

/** A crash loses at most the rest of a block; ids have room for it. */
const SEGMENT_ID_BLOCK = 16;
const FILE_ID_BLOCK = 512;

/** Looks at the coldest files of a disk in one call, as long as they find rows to sweep. */
const COLDEST_LOOKS = 8;

const keyText = (key: CacheKey): string => key.toString("latin1");

/**
 * The one writer; every read looks at the waiting rows first. A row is dead when its virtual host was removed or its
 * disk retired: no read shows it, the accounts count it until it is replaced or swept, and none is ever waiting.
 */
class SqliteIndexWriter implements DiskIndex {
  readonly #batches: RowBatches;
  readonly #path: string;
  #tallies: Tallies;
  #released: ReleasedFile[] = [];
  #segmentIds: IdCounter;
  #fileIds: IdCounter;
  /** Undefined until somebody told which virtual hosts exist. */
  #keptVhosts: ReadonlySet<string> | undefined;
  #sweeping: Promise<number> | undefined;

  constructor(path: string, context: DiskIndexContext) {
    this.#path = path;
    this.#batches = new RowBatches(path, context, (survivors) => this.#beginAgain(survivors));
    this.#tallies = new Tallies(path);
    this.#segmentIds = this.#segmentCounter(0);
    this.#fileIds = this.#fileCounter(0);
  }

  get highestVersion(): number {
    return this.#batches.highestVersion;
  }

  get totals(): { readonly objects: number; readonly bytes: number } {
    const { objects, bytes } = this.#tables.accounts;
    return { objects, bytes };
  }

  put(row: IndexRow): void {
    if (row.key.length !== CACHE_KEY_BYTES) throw new RangeError(`a cache key has ${CACHE_KEY_BYTES} bytes`);
    const old = this.#findStored(row.key);
    const isOldLive = old === undefined || !this.#tables.hasDeadRows || this.find(row.key) !== undefined;
    this.#replace(old, taggedRow(row), row.tags, isOldLive);
  }

  update(key: CacheKey, change: Parameters<DiskIndex["update"]>[1]): IndexRow | undefined {
    const old = this.find(key);
    if (old === undefined) return undefined;
    const row = normaliseRow({ ...old, ...change });
    return this.#replace(old, row, undefined) ? row : undefined;
  }

  remove(key: CacheKey): IndexRow | undefined {
    const old = this.find(key);
    if (old !== undefined) this.#drop(old);
    return old;
  }

  passOver(location: ObjectLocation): void {
    this.#tables.accounts.noteKnown(location);
  }

  find(key: CacheKey): IndexRow | undefined {
    const text = keyText(key);
    const waiting = this.#batches.rows.get(text);
    if (waiting !== undefined || this.#batches.rows.has(text)) return waiting;
    return this.#batches.read((tables) => tables.find(key), undefined);
  }

  findVariants(vhost: string, url: string): IndexRow[] {
    const prefix = urlPrefix(vhost, url);
    const isVariant = (row: IndexRow): boolean => row.vhost === vhost && row.url === url;
    const variants: IndexRow[] = [];
    for (const columns of this.#batches.read((tables) => tables.objects.withPrefix(prefix), [])) {
      const row = this.#tables.decode(columns);
      if (row !== undefined && isVariant(row) && !this.#batches.rows.has(keyText(row.key))) variants.push(row);
    }
    for (const row of this.#batches.rows.values()) if (row !== undefined && isVariant(row)) variants.push(row);
    return variants;
  }

  async scan(
    filter: { readonly vhost?: string; readonly pause?: () => Promise<void> },
    visit: (row: IndexRow) => void,
  ): Promise<void> {
    const pause = filter.pause ?? nextTurn;
    let after = BEFORE_ALL_ROWS;
    for (;;) {
      if (this.#batches.isClosed) return;
      this.#batches.write();
      const { generation } = this.#batches;
      const chunk = this.#batches.read((tables) => tables.objects.chunkAfter(after, SCAN_CHUNK_ROWS), []);
      const wanted = filter.vhost === undefined ? undefined : this.#tables.vhosts.find(filter.vhost);
      if (filter.vhost !== undefined && wanted === undefined) return;
      for (const columns of chunk) {
        if (wanted === undefined || columns[COLUMN.vhost] === wanted) this.#visitCurrent(columns, generation, visit);
      }
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < SCAN_CHUNK_ROWS) return;
      after = cursorBehind(last);
      await pause();
    }
  }

  async scanTagged(
    tags: readonly string[],
    visit: (row: IndexRow) => void,
    pause: () => Promise<void> = nextTurn,
  ): Promise<void> {
    for (const tag of tags) {
      const digest = tagDigest(tag);
      let cursor: TagCursor | undefined;
      do {
        if (this.#batches.isClosed) return;
        this.#batches.write();
        const from = cursor;
        const page = this.#batches.read((tables) => tables.tags.keysAfter(digest, from, SCAN_CHUNK_ROWS), undefined);
        for (const key of page?.keys ?? []) {
          const row = this.find(key);
          if (row !== undefined) visit(row);
        }
        cursor = page?.cursor;
        await pause();
      } while (cursor !== undefined);
    }
  }

  tagsOf(key: CacheKey): string {
    return this.#batches.tags.get(keyText(key)) ?? this.#batches.read((tables) => tables.tags.textOf(key), "");
  }

  async tally(question: TallyQuestion): Promise<Tally> {
    // A host has its number from its first batch on.
    this.#batches.write();
    const vhost = this.#tables.vhosts.find(question.vhost);
    const tallies = vhost === undefined ? undefined : await this.#count(question, vhost);
    return tallies?.get(vhost ?? 0) ?? { count: 0, bytes: 0 };
  }

  async tallyByHost(question: Omit<TallyQuestion, "vhost">): Promise<ReadonlyMap<string, Tally>> {
    const { vhosts } = this.#tables;
    const byName = new Map<string, Tally>();
    for (const [vhost, tally] of await this.#count(question, undefined)) {
      const name = vhosts.presentNameOf(vhost);
      if (name !== undefined) byName.set(name, tally);
    }
    return byName;
  }

  objectsOf(vhost: string): VhostObjects {
    const { use, disks } = this.#tables;
    return use.objectsOf(vhost, (disk) => disks.isRetired(disk));
  }

  async scanSegment(segment: number, visit: (row: IndexRow) => void): Promise<void> {
    const visited = new Set<string>();
    let batch = 0;
    for (;;) {
      if (this.#batches.isClosed) return;
      this.#batches.write();
      const members = this.#batches.read((tables) => tables.membersAfter(segment, batch), undefined);
      if (members === undefined) return;
      batch = members.batch;
      for (let start = 0; start < members.prefixes.length; start += MEMBER_PREFIX_BYTES) {
        const prefix = members.prefixes.subarray(start, start + MEMBER_PREFIX_BYTES);
        const { generation } = this.#batches;
        for (const columns of this.#batches.read((tables) => tables.objects.withPrefix(prefix), [])) {
          const key = keyOfColumns(columns);
          if (key === undefined || visited.has(keyText(key))) continue;
          visited.add(keyText(key));
          if (this.#tables.isDeadRow(columns)) this.#dropDead(key);
          else {
            this.#visitCurrent(columns, generation, (current) => {
              if (current.location.segment === segment) visit(current);
            });
          }
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

  indexedTo(segment: number): number {
    return this.#tables.accounts.segments.get(segment)?.indexedTo ?? 0;
  }

  forgetSegment(segment: number): void {
    this.#batches.forgetSegment(segment);
  }

  /** Dead rows in the way are removed; the caller finds their files among the released ones. */
  coldestFiles(disk: number, limit: number): IndexRow[] {
    if (this.#tables.disks.isRetired(disk)) return [];
    const found: IndexRow[] = [];
    for (let look = 0; look < COLDEST_LOOKS && found.length === 0; look += 1) {
      this.#batches.write();
      const { generation } = this.#batches;
      const rows = this.#batches.read((tables) => tables.objects.coldestFiles(disk, limit), []);
      for (const columns of rows) this.#visitCurrent(columns, generation, (row) => found.push(row));
      const dead = rows.filter((columns) => this.#tables.isDeadRow(columns));
      for (const columns of dead) this.#dropDead(keyOfColumns(columns));
      if (dead.length === 0) break;
    }
    return found.filter(({ location }) => location.disk === disk && location.file !== 0);
  }

  async collectLiveFiles(): Promise<(disk: number, file: number) => boolean> {
    await this.sweep();
    const live = new Map<number, Set<number>>();
    for (const disk of [...this.#tables.accounts.files.keys()]) {
      const files = new Set<number>();
      live.set(disk, files);
      for (let access = -1, isMore = true; isMore; ) {
        this.#batches.write();
        const chunk = this.#batches.read((tables) => tables.filesAfter(disk, access, SCAN_CHUNK_ROWS), []);
        for (const [, file] of chunk) files.add(file);
        isMore = chunk.length >= SCAN_CHUNK_ROWS && !this.#batches.isClosed;
        access = chunk.at(-1)?.[0] ?? access;
        await nextTurn();
      }
    }
    for (const row of this.#batches.rows.values()) {
      if (row !== undefined && row.location.file !== 0) live.get(row.location.disk)?.add(row.location.file);
    }
    const { disks } = this.#tables;
    return (disk, file) => !disks.isRetired(disk) && (live.get(disk)?.has(file) ?? false);
  }

  takeReleasedFiles(): ReleasedFile[] {
    const { disks } = this.#tables;
    const released = this.#released.filter(({ location }) => !disks.isRetired(location.disk));
    this.#released = [];
    return released;
  }

  nextSegmentId(): number {
    return this.#takeId(() => this.#segmentIds);
  }

  nextFileId(): number {
    return this.#takeId(() => this.#fileIds);
  }

  disks(): readonly { readonly number: number; readonly path: string }[] {
    return this.#tables.disks.list();
  }

  numberDisk(path: string): number {
    const number = this.#tables.disks.give(path);
    this.#batches.write({ durable: true });
    try {
      this.#batches.assertWritten();
    } catch (cause) {
      this.#tables.disks.withdraw(number);
      throw cause;
    }
    return number;
  }

  retireDisk(number: number): void {
    if (!this.#tables.disks.retire(number)) return;
    this.#dropWaiting(({ location }) => location.disk === number);
    this.#batches.write({ durable: true });
  }

  keepVhosts(names: ReadonlySet<string>): void {
    this.#keptVhosts = new Set(names);
    this.#tables.vhosts.keepOnly(names);
    this.#tables.use.keepOnly(names);
    this.#dropWaiting(({ vhost }) => !names.has(vhost));
    if (this.#tables.isUnsaved) this.#batches.write({ durable: true });
  }

  sweep(): Promise<number> {
    this.#sweeping ??= this.#sweepDead().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  flush(): Promise<void> {
    return this.#batches.flush();
  }

  sync(): Promise<void> {
    return this.#batches.sync();
  }

  close(): void {
    this.#tallies.close();
    this.#batches.close();
  }

  get #tables(): IndexTables {
    return this.#batches.tables;
  }

  /** The row that the accounts count for a key, dead or not. */
  #findStored(key: CacheKey): IndexRow | undefined {
    const text = keyText(key);
    const waiting = this.#batches.rows.get(text);
    if (waiting !== undefined || this.#batches.rows.has(text)) return waiting;
    return this.#batches.read((tables) => tables.findStored(key), undefined);
  }

  #isAbsent({ vhost, location }: IndexRow): boolean {
    if (this.#tables.disks.isRetired(location.disk)) return true;
    return this.#keptVhosts !== undefined && !this.#keptVhosts.has(vhost);
  }

  /** False when the new state is absent from the start: then the key has no row. */
  #replace(old: IndexRow | undefined, row: IndexRow, tags: string | undefined, isOldLive = true): boolean {
    if (this.#batches.rows.size >= PENDING_ROWS_LIMIT) {
      throw this.#batches.unavailable("too many rows wait for the disk");
    }
    this.#batches.noteVersion(row.version);
    if (old !== undefined && old.location.file !== row.location.file) this.#noteReleased(old);
    if (this.#isAbsent(row)) {
      this.#noteReleased(row);
      if (old !== undefined) this.#forget(old, isOldLive);
      return false;
    }
    const { accounts, use } = this.#tables;
    if (old !== undefined) {
      accounts.subtract(old);
      if (isOldLive) use.subtract(old);
    }
    accounts.add(row);
    use.add(row);
    this.#noteTags(old, row, tags);
    const { segment } = row.location;
    if (old?.location.segment !== segment) this.#batches.noteArrival(segment, row.key);
    this.#batches.enqueue(keyText(row.key), row);
    return true;
  }

  #noteTags(old: IndexRow | undefined, row: IndexRow, tags: string | undefined): void {
    const isTagged = (row.flags & ROW_FLAG.TAGGED) !== 0;
    if (isTagged && tags !== undefined) this.#batches.noteTags(keyText(row.key), tags);
    if (!isTagged && old !== undefined && (old.flags & ROW_FLAG.TAGGED) !== 0) {
      this.#batches.noteTags(keyText(row.key), "");
    }
  }

  #drop(row: IndexRow, isLive = true): void {
    this.#noteReleased(row);
    this.#forget(row, isLive);
  }

  #forget(row: IndexRow, isLive = true): void {
    this.#tables.accounts.subtract(row);
    if (isLive) this.#tables.use.subtract(row);
    if ((row.flags & ROW_FLAG.TAGGED) !== 0) this.#batches.noteTags(keyText(row.key), "");
    this.#batches.enqueue(keyText(row.key), undefined);
  }

  /** Removes a row that was found dead in the tables; false when something else took its place meanwhile. */
  #dropDead(key: CacheKey | undefined): boolean {
    if (key === undefined || this.#batches.rows.has(keyText(key))) return false;
    const row = this.#batches.read((tables) => tables.findDead(key), undefined);
    if (row === undefined) return false;
    this.#drop(row, false);
    return true;
  }

  #dropWaiting(isDead: (row: IndexRow) => boolean): void {
    for (const row of [...this.#batches.rows.values()]) if (row !== undefined && isDead(row)) this.#drop(row);
  }

  #noteReleased({ key, location }: IndexRow): void {
    if (location.file !== 0 && this.#released.length < RELEASED_FILES_LIMIT) this.#released.push({ key, location });
  }

  /** Visits the row as it is now: a visit may have changed or removed it since it was read in that generation. */
  #visitCurrent(columns: EncodedColumns, generation: number, visit: (row: IndexRow) => void): void {
    const key = keyOfColumns(columns);
    if (key === undefined) return;
    const isAsRead = generation === this.#batches.generation && !this.#batches.rows.has(keyText(key));
    const current = isAsRead ? this.#tables.decode(columns) : this.find(key);
    if (current !== undefined) visit(current);
  }

  async #sweepDead(): Promise<number> {
    const tables = this.#tables;
    const vhosts = tables.vhosts.unswept();
    const retired = new Set(tables.disks.unswept());
    if (vhosts.length === 0 && retired.size === 0) return 0;
    let count = 0;
    for (let after: number | undefined = BEFORE_ALL_ROWS; after !== undefined; ) {
      this.#batches.write();
      if (this.#batches.isClosed || this.#batches.isFailing || this.#tables !== tables) return count;
      const chunk = this.#ownersAfter(after);
      for (const { id, vhost, disk } of chunk) {
        if (tables.isDead(vhost, disk) && this.#dropDead(this.#keyAt(id))) count += 1;
      }
      after = chunk.length === SCAN_CHUNK_ROWS ? chunk.at(-1)?.id : undefined;
      await nextTurn();
    }
    if (this.#batches.isClosed || this.#tables !== tables) return count;
    for (const id of vhosts) tables.vhosts.noteSwept(id);
    for (const number of retired) tables.disks.noteSwept(number);
    for (const { segment, disk } of this.segmentUse()) if (retired.has(disk)) this.forgetSegment(segment);
    this.#batches.write();
    return count;
  }

  #ownersAfter(cursor: number): ReturnType<IndexTables["objects"]["ownersAfter"]> {
    return this.#batches.read((tables) => tables.objects.ownersAfter(cursor, SCAN_CHUNK_ROWS), []);
  }

  #keyAt(id: number): CacheKey | undefined {
    const columns = this.#batches.read((tables) => tables.objects.at(id), undefined);
    return columns === undefined ? undefined : keyOfColumns(columns);
  }

  #takeId(counter: () => IdCounter): number {
    try {
      return counter().take();
    } catch (cause) {
      throw EdgeError.from(cause).code === "STORE_UNAVAILABLE"
        ? cause
        : this.#batches.unavailable(describeCause(cause));
    }
  }

  /** By the number of the virtual host; everything that was put before the call is seen. */
  #count(question: Omit<TallyQuestion, "vhost">, vhost: number | undefined): Promise<ReadonlyMap<number, Tally>> {
    this.#batches.write();
    const unavailable = (cause: unknown): EdgeError => this.#batches.unavailable(describeCause(cause));
    if (this.#batches.isClosed || this.#batches.isFailing) return Promise.reject(unavailable("not written"));
    const { accounts, disks } = this.#tables;
    const scope = { vhost, goneDisks: disks.unswept(), objects: accounts.objects };
    return this.#tallies.count(question, scope).catch((cause: unknown) => {
      throw unavailable(cause);
    });
  }

  /** A new index took the place of a corrupt one. */
  #beginAgain(survivors: readonly IndexRow[]): void {
    this.#tallies.close();
    this.#tallies = new Tallies(this.#path);
    this.#segmentIds = this.#segmentCounter(this.#segmentIds.reserved);
    this.#fileIds = this.#fileCounter(this.#fileIds.reserved);
    for (const row of survivors) this.#replace(undefined, row, undefined);
  }

  #segmentCounter(reservedBefore: number): IdCounter {
    const reserved = Math.max(reservedBefore, this.#tables.reservedSegmentIds);
    return new IdCounter(reserved, SEGMENT_ID_BLOCK, (upTo) => this.#tables.reserveIds("segment", upTo));
  }

  #fileCounter(reservedBefore: number): IdCounter {
    const reserved = Math.max(reservedBefore, this.#tables.reservedFileIds);
    return new IdCounter(reserved, FILE_ID_BLOCK, (upTo) => this.#tables.reserveIds("file", upTo));
  }
}

/** The row as it is kept: its flags tell whether it has tags, where it brings some along. */
const taggedRow = (row: IndexRow): IndexRow => {
  if (row.tags === undefined) return normaliseRow(row);
  const flags = row.tags === "" ? row.flags & ~ROW_FLAG.TAGGED : row.flags | ROW_FLAG.TAGGED;
  return normaliseRow({ ...row, flags });
};

/**
 * Opens or creates the index at `path`. A file that is damaged, foreign or newer is kept as
 * `<path>.damaged-<time>`, reported, and an empty index takes its place.
 */
export const openDiskIndexWriter = (path: string, context: DiskIndexContext): DiskIndex =>
  new SqliteIndexWriter(path, context);
