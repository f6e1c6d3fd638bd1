import type { Clock } from "@basalt/types";
import type { DiskSetting, IndexRow } from "../contract.ts";
import type { ReportProblem } from "../storeProblem.ts";
import type { CleanupReport, CleanupSettings } from "./cleanup.ts";
import type { FileSystemRoom } from "./fileSystemRoom.ts";
import type { SegmentMeasure } from "./segmentFiles.ts";
import type { KeeperBodies, KeeperIndex, SpaceCounters } from "./spaceContext.ts";

export interface SpaceKeeperSettings {
  readonly disks: readonly DiskSetting[];
  readonly index: KeeperIndex;
  /** Appends, lists and deletes on the same disks; asks for its segments as KEEPER_WRITER. */
  readonly bodies: KeeperBodies;
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
  /** Whether a body file that no row names is kept for the time being; it goes all the same where space is short. */
  readonly keepsFile?: (file: number) => boolean;
  /** Told about objects that were given up, in batches. */
  readonly onEvicted?: (rows: readonly IndexRow[]) => void;
  /** Most objects of the host (OPT-11); none with Indexing Disk (OPT-12). */
  readonly objectLimit?: number | undefined;
  readonly measureRoom?: (path: string) => Promise<FileSystemRoom>;
  readonly measureSegment?: (disk: DiskSetting, segment: number) => Promise<SegmentMeasure>;
  readonly pause?: (pauseMs: number) => Promise<void>;
}

/** What a disk holds, from the keeper's accounts. */
export interface DiskUse {
  readonly disk: number;
  /** Open segments by what the index knows of them. */
  readonly segmentBytes: number;
  /** Share of `segmentBytes` that no row points to any more. */
  readonly deadBytes: number;
  readonly fileBytes: number;
  readonly growingBytes: number;
  readonly quotaBytes: number | undefined;
  /** Of the file system, when it was measured last; undefined when that failed. */
  readonly availableBytes: number | undefined;
  readonly totalBytes: number | undefined;
}

/**
 * Keeps every disk below its quota and its file system from filling up (CFG-39, CFG-40). Lives in the primary, which
 * gives out segment ids by `grantSegment` only and calls `check` every second; then the disks never hold more than the
 * quota and one segment per writer.
 */
export interface SpaceKeeper {
  readonly counters: Readonly<SpaceCounters>;
  /**
   * Disks in use from now on; the keeper's body store must have been told before, the writers are told after. One that
   * left is not touched any more, and the rows of those that were retired are swept in the background; one that came is
   * listed by the next check.
   */
  setDisks(disks: readonly DiskSetting[]): void;
  /**
   * Makes room, then gives a writer (a process) the id of its next segment on that disk; the one it wrote before is
   * closed. The store that the keeper was given must ask as KEEPER_WRITER: it never waits for room, because a check
   * may be what it writes for.
   */
  grantSegment(writer: string, disk: number): Promise<number>;
  /** A writer that outlived the primary tells which segment it has open. */
  segmentOpened(writer: string, disk: number, segment: number): void;
  /** The process ended: its segments are closed. */
  writerGone(writer: string): void;
  /** Length of a body file that is being filled; 0 when it is complete or abandoned. */
  noteGrowing(disk: number, file: number, fileBytes: number): void;
  /** The index knows of more bytes on the disks: makes room at once where it lacks. */
  noteWritten(): void;
  /** A write met a full disk: frees at least a segment's worth at once. Calls meanwhile share the run; never rejects. */
  diskFull(disk: number): Promise<void>;
  /**
   * Makes room where it lacks. The first one may delete segments that no row names: records that a crash left without
   * a row must have been entered in the index before. Costs what changed, not what is stored. Calls during a
   * run share the next one.
   */
  check(): Promise<void>;
  /** Removes rows of removed virtual hosts and retired disks (CFG-44, CFG-56); calls meanwhile share the run. */
  sweep(): Promise<number>;
  /** The daily or demanded cleaning (CFG-47 to CFG-49, CFG-52), gradually; one at a time. Not for memory-only mode (OPT-08). */
  cleanup(settings: CleanupSettings): Promise<CleanupReport>;
  usage(): readonly DiskUse[];
  /** Begins nothing new; resolves when the step under way has ended. */
  close(): Promise<void>;
}

/** Name under which the keeper's own store asks for segments. */
export const KEEPER_WRITER = "keeper";
