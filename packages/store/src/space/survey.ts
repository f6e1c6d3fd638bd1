import type { EpochMs } from "@basalt/types";
import type { DiskAccount } from "./diskAccount.ts";
import type { ClosedSegment } from "./segmentShelf.ts";
import type { KeeperIndex } from "./spaceContext.ts";

/** A closed segment may wait this long for the rows of its last records. */
export const ROWS_ARRIVE_WITHIN_MS = 60_000;
/** A segment of which less than this lives is worth the writing of what lives. */
const SPARSE_SHARE = 0.25;

/** Closed segments that can go without a loss worth mentioning. */
export interface Garbage {
  /** No row points into them. */
  readonly dead: readonly ClosedSegment[];
  /** Little of them lives; least first. */
  readonly sparse: readonly ClosedSegment[];
}

/** Looks over all segments of a disk: some ms for tens of thousands, so it is not done in every check. */
export const surveyGarbage = (account: DiskAccount, index: KeeperIndex, nowMs: EpochMs): Garbage => {
  const dead: ClosedSegment[] = [];
  const sparse: { readonly segment: ClosedSegment; readonly liveBytes: number }[] = [];
  const hasAllRows = (segment: ClosedSegment): boolean =>
    segment.modifiedAt + ROWS_ARRIVE_WITHIN_MS < nowMs || index.indexedTo(segment.segment) >= segment.fileBytes;
  const uses = index.segmentUse();
  let knownSegments = 0;
  for (const use of uses) {
    const segment = use.disk === account.number ? account.shelf.get(use.segment) : undefined;
    if (segment === undefined) continue;
    knownSegments += 1;
    const isSparse = use.liveObjects === 0 || use.liveBytes < segment.fileBytes * SPARSE_SHARE;
    if (!isSparse || !hasAllRows(segment)) continue;
    if (use.liveObjects === 0) dead.push(segment);
    else sparse.push({ segment, liveBytes: use.liveBytes });
  }
  if (knownSegments < account.shelf.size) {
    const known = new Set(uses.map(({ segment }) => segment));
    for (const segment of account.shelf) if (!known.has(segment.segment) && hasAllRows(segment)) dead.push(segment);
  }
  dead.sort((left, right) => left.modifiedAt - right.modifiedAt || left.segment - right.segment);
  sparse.sort((left, right) => left.liveBytes - right.liveBytes);
  return { dead, sparse: sparse.map(({ segment }) => segment) };
};

/** Drops what the index remembers of segments that are neither on a disk nor named by a row. */
export const forgetGoneSegments = (accounts: ReadonlyMap<number, DiskAccount>, index: KeeperIndex): void => {
  for (const { disk, segment, liveObjects } of index.segmentUse()) {
    if (liveObjects === 0 && accounts.get(disk)?.holdsSegment(segment) !== true) index.forgetSegment(segment);
  }
};
