import type { Clock } from "@basalt/types";
import type { BodyStore, BodyUpkeep, DiskIndex, IndexRow } from "../contract.ts";
import type { ReportProblem } from "../storeProblem.ts";

export type KeeperIndex = Pick<
  DiskIndex,
  | "find"
  | "update"
  | "remove"
  | "scan"
  | "scanSegment"
  | "segmentUse"
  | "indexedTo"
  | "forgetSegment"
  | "fileUse"
  | "coldestFiles"
  | "takeReleasedFiles"
  | "nextSegmentId"
  | "totals"
  | "flush"
  | "sync"
  | "sweep"
>;

export type KeeperBodies = Pick<
  BodyStore & BodyUpkeep,
  "load" | "append" | "replaceHead" | "sync" | "removeBodies" | "deleteSegment" | "listSegments" | "removeEmptyFolders"
>;

/** What the keeper has done since it was made. */
export interface SpaceCounters {
  /** Objects given up to make room, by age or by the limit of their number, and the bytes their bodies had on disk. */
  evictedObjects: number;
  evictedBytes: number;
  /** Objects written anew because they were in use when their segment went, and the bytes of their records. */
  readmittedObjects: number;
  readmittedBytes: number;
  deletedSegments: number;
  /** Bytes that the disks got back, less what was written anew. */
  freedBytes: number;
}

export interface SpaceContext {
  readonly index: KeeperIndex;
  readonly bodies: KeeperBodies;
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
  /** Whether a body file that no row names is kept for the time being. */
  readonly keepsFile: (file: number) => boolean;
  readonly onEvicted: (rows: readonly IndexRow[]) => void;
  readonly counters: SpaceCounters;
}

export const bodyBytesOnDisk = (row: IndexRow): number => row.location.bodyBytes - row.missingBytes;

/** Rows told at once: a segment of small objects has some hundred thousand. */
const TOLD_ROWS = 512;

/** Counts rows that were given up and tells of them in batches. */
export class EvictedRows {
  readonly #context: SpaceContext;
  #waiting: IndexRow[] = [];

  constructor(context: SpaceContext) {
    this.#context = context;
  }

  add(row: IndexRow): void {
    this.#context.counters.evictedObjects += 1;
    this.#context.counters.evictedBytes += bodyBytesOnDisk(row);
    this.#waiting.push(row);
    if (this.#waiting.length >= TOLD_ROWS) this.tell();
  }

  tell(): void {
    if (this.#waiting.length === 0) return;
    const rows = this.#waiting;
    this.#waiting = [];
    this.#context.onEvicted(rows);
  }
}
