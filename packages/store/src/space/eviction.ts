import { setImmediate as nextTurn } from "node:timers/promises";
import { EdgeError, type EpochMs } from "@basalt/types";
import { recordBytesOf } from "../bodies/recordFormat.ts";
import type { CacheKey, IndexRow } from "../contract.ts";
import { SCAN_CHUNK_ROWS } from "../limits.ts";
import { storeProblem } from "../storeProblem.ts";
import { type DiskAge, isWorthless, wasUsedSinceWritten } from "./accessJudgement.ts";
import type { DiskAccount } from "./diskAccount.ts";
import { isCritical } from "./fileSystemRoom.ts";
import { relocate } from "./relocation.ts";
import type { SegmentMeasure } from "./segmentFiles.ts";
import type { ClosedSegment } from "./segmentShelf.ts";
import { bodyBytesOnDisk, EvictedRows, type SpaceContext } from "./spaceContext.ts";

/** Of a segment that is evicted at most this share is written anew: what is left is gained. */
const READMITTED_SHARE = 0.5;

/** What of a segment outlives it. */
export interface SegmentVerdict {
  readonly isKept: (row: IndexRow, segment: ClosedSegment) => boolean;
  /** Most bytes of records written anew, newest accesses first. */
  readonly keptShare: number;
}

/** Least recently used goes (CFG-39). Nothing is written anew on a disk that is about to be full. */
export const verdictOfAge = (account: DiskAccount, nowMs: EpochMs): SegmentVerdict => {
  const age: DiskAge = { nowMs, oldestAt: account.oldestAt(nowMs) };
  const mayWrite = account.room === undefined || !isCritical(account.room);
  return {
    isKept: (row, segment) => mayWrite && !isWorthless(row, nowMs) && wasUsedSinceWritten(row, segment, age),
    keptShare: READMITTED_SHARE,
  };
};

/** The segment goes because most of it is garbage: what lives in it stays. */
export const verdictOfGarbage = (nowMs: EpochMs): SegmentVerdict => ({
  isKept: (row) => !isWorthless(row, nowMs),
  keptShare: 1,
});

interface Candidate {
  readonly key: CacheKey;
  readonly lastAccess: EpochMs;
  readonly recordBytes: number;
}

/** Newest accesses first, as many as fit; the others are dropped. */
const splitByAccess = (
  candidates: Candidate[],
  limitBytes: number,
): { readonly kept: readonly CacheKey[]; readonly dropped: readonly CacheKey[] } => {
  candidates.sort((left, right) => right.lastAccess - left.lastAccess);
  const kept: CacheKey[] = [];
  const dropped: CacheKey[] = [];
  let keptBytes = 0;
  for (const { key, recordBytes } of candidates) {
    if (keptBytes + recordBytes > limitBytes) {
      dropped.push(key);
      continue;
    }
    keptBytes += recordBytes;
    kept.push(key);
  }
  return { kept, dropped };
};

export type MeasureSegment = (account: DiskAccount, segment: number) => Promise<SegmentMeasure>;

/** Gives up objects and deletes what they lay in. One step at a time: the keeper's steps exclude one another. */
export class Eviction {
  readonly #context: SpaceContext;
  readonly #measure: MeasureSegment;
  /** Body files deleted at once since the last `takeEvictedFiles`. */
  #evictedFiles = new Set<number>();

  constructor(context: SpaceContext, measure: MeasureSegment) {
    this.#context = context;
    this.#measure = measure;
  }

  /** Ids of body files that are deleted already: the index will still tell that they were released. */
  takeEvictedFiles(): ReadonlySet<number> {
    const evicted = this.#evictedFiles;
    this.#evictedFiles = new Set();
    return evicted;
  }

  /** Gives up a segment except for what the verdict keeps; returns the bytes written anew for that. */
  async evictSegment(account: DiskAccount, segment: ClosedSegment, verdict: SegmentVerdict): Promise<number> {
    account.shelf.remove(segment.segment);
    try {
      const lost = new EvictedRows(this.#context);
      const kept = await this.#dropRows(segment, verdict, lost);
      const moved = await relocate(this.#context, segment.segment, kept, lost);
      lost.tell();
      this.#context.counters.readmittedObjects += moved.bodies;
      this.#context.counters.readmittedBytes += moved.bodyRecordBytes;
      account.noteFreed(-moved.recordBytes);
      await this.deleteSegment(account, segment, moved.recordBytes);
      return moved.recordBytes;
    } catch (cause) {
      account.shelf.put(segment);
      throw cause;
    }
  }

  /** Gives up an object whose body has a file of its own, unless it was replaced meanwhile. */
  async evictFile(account: DiskAccount, row: IndexRow): Promise<void> {
    const { index, bodies } = this.#context;
    const current = index.find(row.key);
    if (current === undefined || current.location.file !== row.location.file) return;
    index.remove(row.key);
    this.#evictedFiles.add(current.location.file);
    const lost = new EvictedRows(this.#context);
    lost.add(current);
    lost.tell();
    await bodies.removeBodies([current.location]);
    this.#context.counters.freedBytes += bodyBytesOnDisk(current);
    account.noteFreed(bodyBytesOnDisk(current));
  }

  /**
   * Deletes a segment that no row names any more. The index is written first, so that it never names what is gone, and
   * when objects were moved a power cut must find them in their new place. A disk so full that the index cannot be
   * written is a reason to go on: a row without bytes is only a miss. `movedBytes`: what of it was written anew.
   */
  async deleteSegment(account: DiskAccount, segment: ClosedSegment, movedBytes = 0): Promise<void> {
    const { index, bodies, counters, onProblem } = this.#context;
    try {
      await (movedBytes > 0 ? index.sync() : index.flush());
    } catch (cause) {
      if (!(cause instanceof EdgeError)) throw cause;
    }
    const isDeleted = await bodies.deleteSegment(segment.disk, segment.segment);
    if (!isDeleted && (await this.#measure(account, segment.segment)).kind !== "gone") {
      account.segmentStuck(segment.segment, segment.fileBytes);
      onProblem(storeProblem("warning", `segment ${segment.segment}`, "It could not be deleted to make room."));
      return;
    }
    // The index still knows the segment: should a power cut undo the deletion, nothing in it is taken for new.
    account.segmentDeleted(segment.segment, segment.fileBytes);
    counters.deletedSegments += 1;
    counters.freedBytes += segment.fileBytes - movedBytes;
  }

  /** Removes the rows that are not kept; returns the keys of the others. */
  async #dropRows(segment: ClosedSegment, verdict: SegmentVerdict, lost: EvictedRows): Promise<readonly CacheKey[]> {
    const { index } = this.#context;
    const heads: CacheKey[] = [];
    const packed: Candidate[] = [];
    const nowMs = this.#context.clock.now();
    await index.scanSegment(segment.segment, (row) => {
      const hasFileOfItsOwn = row.location.file !== 0;
      if (hasFileOfItsOwn && !isWorthless(row, nowMs)) {
        heads.push(row.key);
      } else if (!hasFileOfItsOwn && verdict.isKept(row, segment)) {
        packed.push({ key: row.key, lastAccess: row.lastAccess, recordBytes: recordBytesOf(row.location) });
      } else {
        index.remove(row.key);
        lost.add(row);
      }
    });
    const { kept, dropped } = splitByAccess(packed, segment.fileBytes * verdict.keptShare);
    for (const [position, key] of dropped.entries()) {
      if (position % SCAN_CHUNK_ROWS === SCAN_CHUNK_ROWS - 1) await nextTurn();
      const row = index.find(key);
      if (row?.location.segment !== segment.segment) continue;
      index.remove(key);
      lost.add(row);
    }
    return [...heads, ...kept];
  }
}
