import type { EpochMs } from "@basalt/types";
import type { DiskAccount } from "./diskAccount.ts";
import { type Eviction, verdictOfGarbage } from "./eviction.ts";
import { bodyBytesOnDisk, EvictedRows, type SpaceContext } from "./spaceContext.ts";
import { surveyGarbage } from "./survey.ts";

export interface CleanupSettings {
  /** CFG-48, CFG-52; 0: only what space demands. */
  readonly ageDays: number;
  /** CFG-49. */
  readonly emptyFolder: "delete" | "keep";
  readonly nowMs: EpochMs;
}

export interface CleanupReport {
  readonly objects: number;
  /** Bytes that the disks got back. */
  readonly bytes: number;
  readonly segments: number;
  readonly folders: number;
}

/** What of the keeper a cleanup needs: its steps stand in line with the checks. */
export interface CleanupParts {
  readonly context: SpaceContext;
  readonly eviction: Eviction;
  readonly accounts: () => Iterable<DiskAccount>;
  readonly exclusively: <Result>(step: () => Promise<Result>) => Promise<Result>;
  readonly sweep: () => Promise<number>;
  /** Makes room with twice the usual reserve. */
  readonly makeMuchRoom: () => Promise<void>;
  /** Deletes body files whose rows are gone and brings the accounts up to date. */
  readonly settle: () => Promise<void>;
  readonly pause: (pauseMs: number) => Promise<void>;
  readonly isStopped: () => boolean;
}

const DAY_MS = 24 * 3_600_000;
/** Rewriting goes no faster than this, so that service does not suffer (CFG-47). */
const REWRITTEN_BYTES_PER_SECOND = 16 * 1024 * 1024;
/** Deletions cost the file system time too. */
const PAUSE_PER_SEGMENT_MS = 10;

type Freed = Pick<CleanupReport, "objects" | "bytes" | "segments">;

export const runCleanup = async (parts: CleanupParts, settings: CleanupSettings): Promise<CleanupReport> => {
  const { context } = parts;
  const sweptObjects = await parts.sweep();
  const aged =
    settings.ageDays > 0
      ? await removeAged(context, settings.nowMs - settings.ageDays * DAY_MS)
      : await parts.exclusively(() => counted(context, parts.makeMuchRoom));
  await parts.exclusively(parts.settle);
  const compacted = await compactDisks(parts);
  const folders = settings.emptyFolder === "delete" ? await context.bodies.removeEmptyFolders() : 0;
  return {
    objects: sweptObjects + aged.objects + compacted.objects,
    bytes: aged.bytes + compacted.bytes,
    segments: aged.segments + compacted.segments,
    folders,
  };
};

/** What a step that excludes all others has freed. */
const counted = async (context: SpaceContext, step: () => Promise<unknown>): Promise<Freed> => {
  const before = { ...context.counters };
  await step();
  const { evictedObjects, freedBytes, deletedSegments } = context.counters;
  return {
    objects: evictedObjects - before.evictedObjects,
    bytes: freedBytes - before.freedBytes,
    segments: deletedSegments - before.deletedSegments,
  };
};

/** Removes what was not accessed since that moment; packed bodies give their bytes back with their segment. */
const removeAged = async (context: SpaceContext, accessedBefore: number): Promise<Freed> => {
  const lost = new EvictedRows(context);
  let objects = 0;
  let fileBytes = 0;
  await context.index.scan({}, (row) => {
    if (row.lastAccess >= accessedBefore) return;
    context.index.remove(row.key);
    lost.add(row);
    objects += 1;
    if (row.location.file !== 0) fileBytes += bodyBytesOnDisk(row);
  });
  lost.tell();
  return { objects, bytes: fileBytes, segments: 0 };
};

/** Deletes segments of which little or nothing lives, a segment at a time. */
const compactDisks = async (parts: CleanupParts): Promise<Freed> => {
  const { context, eviction, exclusively, pause } = parts;
  const total = { objects: 0, bytes: 0, segments: 0 };
  for (const account of [...parts.accounts()]) {
    const nowMs = context.clock.now();
    const { dead, sparse } = surveyGarbage(account, context.index, nowMs);
    for (const segment of [...dead, ...sparse]) {
      if (parts.isStopped()) return total;
      let writtenBytes = 0;
      const freed = await exclusively(() =>
        counted(context, async () => {
          // A check may have evicted it since the survey.
          const current = account.shelf.get(segment.segment);
          if (current === undefined) return;
          writtenBytes = await eviction.evictSegment(account, current, verdictOfGarbage(nowMs));
        }),
      );
      total.objects += freed.objects;
      total.bytes += freed.bytes;
      total.segments += freed.segments;
      await pause(PAUSE_PER_SEGMENT_MS + (writtenBytes / REWRITTEN_BYTES_PER_SECOND) * 1000);
    }
  }
  return total;
};
