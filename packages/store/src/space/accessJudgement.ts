import type { EpochMs } from "@basalt/types";
import { type IndexRow, ROW_FLAG } from "../contract.ts";
import type { ClosedSegment } from "./segmentShelf.ts";

/** Accesses reach the index at most this often per object and worker. */
export const ACCESS_GRANULARITY_MS = 60_000;
/** An object that expired and was last asked for this long ago is not worth a write. */
export const LONG_EXPIRED_MS = 24 * 3_600_000;
/** Share of the time that a disk looks back on in which an access counts as recent. */
const RECENT_SHARE = 0.25;

/** What the disk that an object lies on knows about time. */
export interface DiskAge {
  readonly nowMs: EpochMs;
  /** Last append to the oldest segment. */
  readonly oldestAt: EpochMs;
}

/** Nothing is written to keep such an object: purged (PRG-14 keeps it only while there is room), or long expired. */
export const isWorthless = (row: IndexRow, nowMs: EpochMs): boolean =>
  (row.flags & ROW_FLAG.PURGED) !== 0 || Math.max(row.freshUntil, row.lastAccess) + LONG_EXPIRED_MS < nowMs;

/**
 * Whether somebody asked for a packed object since it was written into this segment (CFG-39), so that it is kept when
 * the segment goes. A 304 renews the row but not the record, hence the earlier of both moments; a readmitted object
 * came to its segment after its accesses, at the latest with the last append.
 */
export const wasUsedSinceWritten = (row: IndexRow, segment: ClosedSegment, age: DiskAge): boolean => {
  const writtenAt = segment.isReadmitted ? segment.modifiedAt : Math.min(row.updatedAt, segment.modifiedAt);
  if (row.lastAccess - writtenAt > ACCESS_GRANULARITY_MS) return true;
  const recentSince = age.nowMs - (age.nowMs - age.oldestAt) * RECENT_SHARE;
  return row.lastAccess > segment.modifiedAt && row.lastAccess > recentSince;
};
