import type { EpochMs } from "@basalt/types";

/**
 * What the store promises. Three parts with one rule between them: a location in the index always names bytes that
 * were written completely before the row was, so whatever the index knows can be served; what it does not know is
 * garbage and is reclaimed.
 */

/** 16 bytes: 10 of the digest of (vhost, URL), 6 of the digest of the variant, so that all variants of one URL are neighbours. */
export type CacheKey = Buffer;

/** Where head and body of an object are. Plain data: crosses process boundaries. */
export interface ObjectLocation {
  /** Number of the disk: given once to a folder and its content (`DiskIndex.numberDisk`), never again to another. */
  readonly disk: number;
  /** Segment that holds the record. */
  readonly segment: number;
  /** Byte offset of the record in the segment. */
  readonly offset: number;
  /** Length of the serialised head inside the record. */
  readonly headBytes: number;
  /** Length of the body, wherever it is. */
  readonly bodyBytes: number;
  /** 0: the body follows the head in the record. Otherwise the id of the file of its own that holds the body. */
  readonly file: number;
}

/** A `<Disk>` as a process uses it (CFG-39, CFG-40). */
export interface DiskSetting {
  /** See `ObjectLocation.disk`. */
  readonly number: number;
  readonly path: string;
  readonly quotaBytes?: number;
}

/** CFG-41, OPT-77. */
export type DiskState = "Normal" | "Invalid" | "Unmounted";

/** A row of the index; plain data. */
export interface IndexRow {
  readonly key: CacheKey;
  /** Name of the virtual host. */
  readonly vhost: string;
  /** Canonical URL (path and query string by the key rules). */
  readonly url: string;
  readonly location: ObjectLocation;
  /** Host-wide, ever growing: a later state of an object has a higher version. Bans compare with it. */
  readonly version: number;
  readonly freshUntil: EpochMs;
  /** The TTL last given, seconds: base of growth by ratio. */
  readonly ttl: number;
  readonly updatedAt: EpochMs;
  readonly lastAccess: EpochMs;
  /** Bits of ROW_FLAG. */
  readonly flags: number;
  /** Bytes of the body that are not on the disk; 0 for a complete object. Coarse while parts of it are being filled. */
  readonly missingBytes: number;
  /**
   * Tags, parted by one blank, on the way into the index: a row that is read has TAGGED among its flags, and `tagsOf`
   * tells which. A row with that flag that is put without them keeps those that its key has.
   */
  readonly tags?: string | undefined;
}

/**
 * What a record tells of its object beside head and body: enough to enter it in the index again when the process that
 * wrote it, or the primary, died before its row was written.
 */
export type RowImage = Omit<IndexRow, "location" | "lastAccess" | "missingBytes">;

export const ROW_FLAG = {
  /** Purged but kept for restore (PRG-14). */
  PURGED: 1 << 0,
  /** Expired by force (TTL-17). */
  EXPIRED_BY_FORCE: 1 << 1,
  /** Derived from another object (compressed copy …). */
  DERIVED: 1 << 2,
  /** Its TTL was extended although nobody confirmed it: `freshUntil` less `ttl` is no moment of a confirmation. */
  STRETCHED: 1 << 3,
  /** It has tags. */
  TAGGED: 1 << 4,
  /** Made anew whenever it is wanted, and kept only while it is in use: no write of it waits for the disk. */
  TRANSIENT: 1 << 5,
} as const;

/** Which objects of a virtual host are meant. */
export type RowTarget =
  | { readonly kind: "url"; readonly url: string }
  /** Every query string of the URL too (KEY-07). */
  | { readonly kind: "collective"; readonly url: string }
  /** `*` stands for any run of characters. */
  | { readonly kind: "pattern"; readonly pattern: string }
  /** Those that have one of the tags at least. */
  | { readonly kind: "tag"; readonly tags: readonly string[] };

/** Objects that are older than a version; derived ones never count. */
export interface TallyQuestion {
  readonly vhost: string;
  readonly target: RowTarget;
  readonly beforeVersion: number;
  /** Whether objects count that are purged and kept for restore. */
  readonly countsPurged: boolean;
  /** What does not count. */
  readonly except: readonly { readonly target: RowTarget; readonly beforeVersion: number }[];
}

export interface Tally {
  readonly count: number;
  readonly bytes: number;
}

/** Objects of a virtual host and the bytes of their bodies. Derived ones do not count. */
export interface VhostObjects {
  readonly objects: number;
  readonly bytes: number;
  /** Purged, and kept for restore. */
  readonly purgedObjects: number;
  readonly purgedBytes: number;
}

/** The one writer of the index; lives in the primary. Reads see every write at once; the disk sees batches. */
export interface DiskIndexWriter {
  put(row: IndexRow): void;
  /** Changes the mutable part of a row if it is present; returns the new row. */
  update(
    key: CacheKey,
    change: Partial<
      Pick<
        IndexRow,
        "location" | "version" | "freshUntil" | "ttl" | "updatedAt" | "lastAccess" | "flags" | "missingBytes"
      >
    >,
  ): IndexRow | undefined;
  remove(key: CacheKey): IndexRow | undefined;
  /**
   * The record at that place gets no row: a later state of its object is known, or nobody wants it. No recovery enters
   * it, even when that later state is gone by then.
   */
  passOver(location: ObjectLocation): void;
  find(key: CacheKey): IndexRow | undefined;
  /** All variants stored for one URL. */
  findVariants(vhost: string, url: string): IndexRow[];
  /**
   * Visits rows in batches without holding the event loop for more than a few ms; `visit` may write. `pause` is awaited
   * between batches.
   */
  scan(
    filter: { readonly vhost?: string; readonly pause?: () => Promise<void> },
    visit: (row: IndexRow) => void,
  ): Promise<void>;
  /** As `scan`, for the objects with one of these tags; one with several of them may be visited again. */
  scanTagged(tags: readonly string[], visit: (row: IndexRow) => void, pause?: () => Promise<void>): Promise<void>;
  /** Tags of an object, parted by one blank; empty for none. */
  tagsOf(key: CacheKey): string;
  /** Counts rows as they are at the moment of the call, without holding the event loop. Errors: STORE_UNAVAILABLE. */
  tally(question: TallyQuestion): Promise<Tally>;
  /** As `tally`, for all virtual hosts at once, by their names; those without any are left out. */
  tallyByHost(question: Omit<TallyQuestion, "vhost">): Promise<ReadonlyMap<string, Tally>>;
  objectsOf(vhost: string): VhostObjects;
  /** Highest version ever put: continue from here after a restart. */
  readonly highestVersion: number;
  /** Live objects and their body bytes. */
  readonly totals: { readonly objects: number; readonly bytes: number };
  /** Writes what is pending; resolves when workers' readers can see it. */
  flush(): Promise<void>;
  /** As `flush`, and resolves when a power cut would not lose it either. Never holds the event loop for the disk. */
  sync(): Promise<void>;
  close(): void;
}

/** What live rows account for in a segment or among the body files of a disk. */
export interface LiveUse {
  readonly liveBytes: number;
  readonly liveObjects: number;
}

export interface SegmentUse extends LiveUse {
  readonly segment: number;
  readonly disk: number;
}

export interface ReleasedFile {
  readonly key: CacheKey;
  readonly location: ObjectLocation;
}

/** What the primary's index knows beyond single rows: who lives where, and which ids are free. */
export interface DiskIndex extends DiskIndexWriter {
  /** Every segment that a row ever pointed into and that was not forgotten. */
  segmentUse(): SegmentUse[];
  /** Body files of one disk. */
  fileUse(disk: number): LiveUse;
  /** Visits the rows whose record lies in the segment, in batches as `scan` does; `visit` may write. */
  scanSegment(segment: number, visit: (row: IndexRow) => void): Promise<void>;
  /** Drops what is known about a segment; call it after its rows are gone. */
  forgetSegment(segment: number): void;
  /** Rows with a body file on that disk, least recently accessed first. */
  coldestFiles(disk: number, limit: number): IndexRow[];
  /** Tells for every body file whether a row named it when the promise resolved. */
  collectLiveFiles(): Promise<(disk: number, file: number) => boolean>;
  /** Body files whose row was removed or replaced since the last call; the caller deletes those that no row names now. */
  takeReleasedFiles(): ReleasedFile[];
  /** Ids are never given twice, not even after a crash. */
  nextSegmentId(): number;
  nextFileId(): number;
  /** Disks that have a number, by the path they were given it for. */
  disks(): readonly { readonly number: number; readonly path: string }[];
  /** Gives a folder a number of its own; on disk when it returns. */
  numberDisk(path: string): number;
  /** What lies on that disk is absent from now on, for good (OPT-75); its rows go in the background. */
  retireDisk(number: number): void;
  /**
   * Virtual hosts that exist: objects of all others are absent from now on, and stay so when a host of that name comes
   * again (CFG-56); their rows go in the background.
   */
  keepVhosts(names: ReadonlySet<string>): void;
  /** Removes the rows of retired disks and removed hosts, in batches as `scan` does; returns how many. */
  sweep(): Promise<number>;
  /** End of the last record of each segment that got a row or was passed over: what lies behind it may have been lost by a crash. */
  indexedTo(segment: number): number;
}

/** A worker's read-only view. Synchronous point lookup: about 4 µs. */
export interface DiskIndexReader {
  /**
   * Also undefined for rows of removed virtual hosts. The caller knows which disks are in use. What is shown is the index
   * as it was at most 100 ms ago.
   */
  find(key: CacheKey): IndexRow | undefined;
  /** Lookups from now on show everything that was flushed before the call. */
  refresh(): void;
  close(): void;
}

/** CRC-32 of each block (BLOCK_BYTES) of a body as far as it has come. */
export interface ArrivedChecksums {
  /** Bytes of the body that they cover. */
  readonly bytes: number;
  /** That of a block, the last as far as it goes; undefined for what has not come. */
  of(block: number): number | undefined;
  /** Those of all blocks from one on. */
  from(block: number): readonly number[];
}

/** A body of unknown length that is being written while others read it. */
export interface GrowingFile {
  readonly disk: number;
  readonly file: number;
  /** Appends the chunks, gathered; resolves when the bytes can be read by any process. One write at a time. */
  write(...chunks: readonly Buffer[]): Promise<void>;
  /** Bytes readable now. */
  readonly length: number;
  /** Of these bytes: whoever reads them verifies them. */
  readonly checksums: ArrivedChecksums;
  /** Makes it an object: stores the head, closes the file. */
  complete(image: RowImage, head: Buffer): Promise<ObjectLocation>;
  /** Leaves no trace. */
  abandon(): Promise<void>;
}

/**
 * A body of known length in a sparse file of its own, present block by block (BLOCK_BYTES; the last may be shorter).
 * Every process of the host may read it and fill different blocks of it at the same time: the map of blocks lies in
 * the file, behind the body. A block counts as present once its bytes and its checksum are written, and only then.
 */
export interface PartedFile extends BodyReader {
  readonly location: ObjectLocation;
  readonly blockCount: number;
  /** Bytes of the blocks that are absent as far as this process knows. */
  readonly missingBytes: number;
  /** Whether the block is complete, as far as this process knows: true stays true unless it turns out damaged. */
  has(block: number): boolean;
  /** Looks at the map again for blocks `[first, end)`: what other processes have filled meanwhile. */
  refresh(first: number, end: number): Promise<void>;
  /** Begins to fill from the start of a block on. Writers of overlapping blocks are a mistake of the caller. */
  startPart(block: number): Promise<PartWriter>;
  /** Another process fills a part and tells `PartWriter.position` and `tailChecksum`. */
  noteWritten(position: number, tailChecksum: number): void;
  /**
   * As BodyReader, but fewer bytes may come: of present blocks, and of one that is being written as far as that is
   * known, here or by `noteWritten`. All are verified: a damaged block becomes absent, is counted, and the read fails,
   * as it does for bytes that are not there.
   */
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;
  /**
   * Bytes `[position, end)` as far as they can be sent from the file itself, now and without waiting: they were compared
   * with what was verified a moment ago. "later": by another turn of the event loop; undefined: they have to be read.
   */
  fileRun(position: number, end: number): FileRun | "later" | undefined;
}

/** Bytes of a body where they lie in an open file; valid until control is given back. */
export interface FileRun {
  readonly descriptor: number;
  /** In the file. */
  readonly position: number;
  readonly length: number;
  /** So many of them have been sent. */
  sent(byteCount: number): void;
}

/** One run of blocks being filled. Errors are EdgeError STORE_UNAVAILABLE. */
export interface PartWriter {
  /** Position in the body of the next byte. */
  readonly position: number;
  /** CRC-32 of what there is of the block that `position` lies in; 0 at its start. */
  readonly tailChecksum: number;
  /** As in GrowingFile; when it resolves, finished blocks are in the map too. */
  write(...chunks: readonly Buffer[]): Promise<void>;
  /** Bytes of a block that did not become complete are lost. */
  close(): Promise<void>;
}

/** Random access to a body; hold it while reading, release it after. Descriptors are pooled and counted. */
export interface BodyReader {
  /** Reads `length` bytes at `position` into `target` at `targetOffset`; resolves with the count (short only at the end). */
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;
  release(): void;
}

/** What happened to the bodies since the process opened them. */
export interface BodyCounters {
  /** Records and blocks whose checksum or form did not match. */
  damaged: number;
  /** Records and files that were gone when asked for: evicted meanwhile. */
  missing: number;
  /** Reads and writes that the disk refused. */
  failed: number;
}

/** A record found in a segment. */
export interface FoundRecord {
  readonly image: RowImage;
  readonly location: ObjectLocation;
}

/** Upkeep of the disks, done by the process that decides what stays. */
export interface BodyUpkeep {
  readonly counters: Readonly<BodyCounters>;
  /** Deletes the files of their own that these objects had; their records go with their segment. Returns the count. */
  removeBodies(locations: readonly ObjectLocation[]): Promise<number>;
  /** Deletes a whole segment; true when it was there. */
  deleteSegment(disk: number, segment: number): Promise<boolean>;
  /** Every segment found on the disks. */
  listSegments(): Promise<SegmentFile[]>;
  /** Whole records of a segment from an offset on, in order; ends at the first that is not whole. */
  recordsOf(disk: number, segment: number, fromOffset: number): AsyncIterable<FoundRecord>;
  /** Bytes of the body that are on the disk, by its map; undefined when the file is gone or damaged. */
  presentBytesOf(location: ObjectLocation): Promise<number | undefined>;
  /**
   * From now on this process writes nothing and deletes nothing: what would is refused with STORE_UNAVAILABLE, and is no
   * failure of a disk. What is stored can be read as before. Resolves when the writes under way have ended.
   */
  seal(): Promise<void>;
  /** Removes folders of ours that hold nothing (CFG-49); returns how many. */
  removeEmptyFolders(): Promise<number>;
  /** Deletes body files that no row names, slowly; returns how many. */
  removeOrphanFiles(isLive: (disk: number, file: number) => boolean, sweep: OrphanSweep): Promise<number>;
}

export interface SegmentFile {
  readonly disk: number;
  readonly segment: number;
  readonly fileBytes: number;
  /** Moment of the last append. */
  readonly modifiedAt: EpochMs;
}

export interface OrphanSweep {
  /** Files written later may still be filled by a live worker and stay. */
  readonly modifiedBefore: EpochMs;
  /** Deletions per second. */
  readonly filesPerSecond: number;
}

/** Bodies on the disks, as one process sees them. Every worker and the transform host has its own. */
export interface BodyStore {
  /**
   * Puts these disks in use from now on: objects on others are absent, and nothing more is written to them. With none,
   * everything that writes is refused with STORE_UNAVAILABLE.
   */
  setDisks(disks: readonly DiskSetting[]): void;
  /** Whether objects on that disk can be had. */
  hasDisk(disk: number): boolean;
  /** Appends a small object as one record. */
  append(image: RowImage, head: Buffer, body: Buffer): Promise<ObjectLocation>;
  /** A new head for an object whose body stays: what a 304 brings. */
  replaceHead(location: ObjectLocation, image: RowImage, head: Buffer): Promise<ObjectLocation>;
  /** A body of unknown length. */
  createFile(): Promise<GrowingFile>;
  /** An object whose body is known by its length and will come in parts; its record is written at once. */
  createParted(image: RowImage, head: Buffer, bodyBytes: number): Promise<PartedFile>;
  /** The parts of a body with a file of its own; undefined when it is gone or is not what the location says. */
  openParted(location: ObjectLocation): Promise<PartedFile | undefined>;
  /** Head and, when it lies in the record, body, in one read. A damaged record is undefined, never an error. */
  load(location: ObjectLocation): Promise<{ readonly head: Buffer; readonly body: Buffer | undefined } | undefined>;
  /**
   * As `load`, at once, for a small packed object whose bytes are expected in the page cache. With `scratch` (at least
   * QUICK_RECORD_BYTES long) head and body are views into it, else into memory of their own. Undefined: not now, or not
   * readable; `load` tells which.
   */
  loadNow(location: ObjectLocation, scratch?: Buffer): { readonly head: Buffer; readonly body: Buffer } | undefined;
  /** Reader of a complete stored body. Undefined when it is gone or not complete. */
  openBody(location: ObjectLocation): Promise<BodyReader | undefined>;
  /** Reader of a file that is still being written, here or elsewhere: gives what these checksums cover. */
  openGrowing(disk: number, file: number, checksums: ArrivedChecksums): Promise<BodyReader | undefined>;
  /** Resolves when a power cut would not lose what was written before the call; failures count as failures of the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
