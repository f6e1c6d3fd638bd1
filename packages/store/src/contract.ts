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
  /** Position of the disk in the configured list. */
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
}

export const ROW_FLAG = {
  /** Purged but kept for restore (PRG-14). */
  PURGED: 1 << 0,
  /** Expired by force (TTL-17). */
  EXPIRED_BY_FORCE: 1 << 1,
  /** Derived from another object (compressed copy …). */
  DERIVED: 1 << 2,
} as const;

/** The one writer of the index; lives in the primary. Reads see every write at once; the disk sees batches. */
export interface DiskIndexWriter {
  put(row: IndexRow): void;
  /** Changes the mutable part of a row if it is present; returns the new row. */
  update(
    key: CacheKey,
    change: Partial<
      Pick<IndexRow, "location" | "version" | "freshUntil" | "ttl" | "updatedAt" | "lastAccess" | "flags">
    >,
  ): IndexRow | undefined;
  remove(key: CacheKey): IndexRow | undefined;
  find(key: CacheKey): IndexRow | undefined;
  /** All variants stored for one URL. */
  findVariants(vhost: string, url: string): IndexRow[];
  /** Visits rows in batches without holding the event loop for more than a few ms; `visit` may write. */
  scan(filter: { readonly vhost?: string }, visit: (row: IndexRow) => void): Promise<void>;
  /** Highest version ever put: continue from here after a restart. */
  readonly highestVersion: number;
  /** Live objects and their body bytes. */
  readonly totals: { readonly objects: number; readonly bytes: number };
  /** Writes what is pending; resolves when workers' readers can see it. */
  flush(): Promise<void>;
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
}

/** A worker's read-only view. Synchronous point lookup: about 5 µs. */
export interface DiskIndexReader {
  find(key: CacheKey): IndexRow | undefined;
  close(): void;
}

/** A large body that is being written while others read it. */
export interface GrowingFile {
  readonly disk: number;
  readonly file: number;
  /** Appends; resolves when the bytes can be read by any process. One write at a time. */
  write(chunk: Buffer): Promise<void>;
  /** Bytes readable now. */
  readonly length: number;
  /** Makes it an object: stores the head, closes the file. */
  complete(head: Buffer): Promise<ObjectLocation>;
  /** Leaves no trace. */
  abandon(): Promise<void>;
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

/** Upkeep of the disks, done by the process that decides what stays. */
export interface BodyUpkeep {
  readonly counters: Readonly<BodyCounters>;
  /** Deletes the files of their own that these objects had; their records go with their segment. Returns the count. */
  removeBodies(locations: readonly ObjectLocation[]): Promise<number>;
  /** Deletes a whole segment; true when it was there. */
  deleteSegment(disk: number, segment: number): Promise<boolean>;
  /** Every segment found on the disks. */
  listSegments(): Promise<SegmentFile[]>;
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
  /** Appends a small object as one record. */
  append(head: Buffer, body: Buffer): Promise<ObjectLocation>;
  /** A new head for an object whose body stays: what a 304 brings. */
  replaceHead(location: ObjectLocation, head: Buffer): Promise<ObjectLocation>;
  createFile(): Promise<GrowingFile>;
  /** Head and, when it lies in the record, body, in one read. A damaged record is undefined, never an error. */
  load(location: ObjectLocation): Promise<{ readonly head: Buffer; readonly body: Buffer | undefined } | undefined>;
  /**
   * As `load`, at once, for a small packed object whose bytes are expected in the page cache. With `scratch` (at least
   * QUICK_RECORD_BYTES long) head and body are views into it, else into memory of their own. Undefined: not now, or not
   * readable; `load` tells which.
   */
  loadNow(location: ObjectLocation, scratch?: Buffer): { readonly head: Buffer; readonly body: Buffer } | undefined;
  /** Reader of a stored body. Undefined when it is gone. */
  openBody(location: ObjectLocation): Promise<BodyReader | undefined>;
  /** Reader of a file that another process is still writing. */
  openGrowing(disk: number, file: number): Promise<BodyReader | undefined>;
  close(): Promise<void>;
}
