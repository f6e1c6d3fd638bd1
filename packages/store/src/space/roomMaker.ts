import type { EpochMs } from "@basalt/types";
import type { IndexRow } from "../contract.ts";
import type { DiskAccount, RoomWish } from "./diskAccount.ts";
import { type Eviction, verdictOfAge, verdictOfGarbage } from "./eviction.ts";
import { isCritical } from "./fileSystemRoom.ts";
import type { ReleasedFiles } from "./releasedFiles.ts";
import type { ClosedSegment } from "./segmentShelf.ts";
import type { SpaceContext } from "./spaceContext.ts";
import { surveyGarbage } from "./survey.ts";

const COLD_FILES_AT_ONCE = 32;

/** What has not been used for longest on a disk. */
export type Coldest =
  | { readonly kind: "segment"; readonly segment: ClosedSegment; readonly usedAt: EpochMs }
  | { readonly kind: "file"; readonly row: IndexRow; readonly usedAt: EpochMs };

/** Gives the objects of one disk in the order in which they are to go. */
export class ColdestFirst {
  readonly #context: SpaceContext;
  readonly #account: DiskAccount;
  #files: IndexRow[] = [];
  #mayHaveFiles = true;

  constructor(context: SpaceContext, account: DiskAccount) {
    this.#context = context;
    this.#account = account;
  }

  /** A segment counts as used when it was last appended to: what was used since then outlives it. */
  peek(): Coldest | undefined {
    if (this.#files.length === 0 && this.#mayHaveFiles) {
      this.#files = this.#context.index.coldestFiles(this.#account.number, COLD_FILES_AT_ONCE);
      this.#mayHaveFiles = this.#files.length > 0;
    }
    const segment = this.#account.shelf.oldest;
    const row = this.#files[0];
    if (row !== undefined && (segment === undefined || row.lastAccess < segment.modifiedAt)) {
      return { kind: "file", row, usedAt: row.lastAccess };
    }
    return segment === undefined ? undefined : { kind: "segment", segment, usedAt: segment.modifiedAt };
  }

  /** The file that `peek` gave has been dealt with. */
  skipFile(): void {
    this.#files.shift();
  }
}

export interface RoomMaking {
  readonly wish: RoomWish;
  /** Freed at least, whatever the accounts say: a write met a full disk. */
  readonly urgentBytes: number;
  /** Waits a moment for a sweep that is under way: its garbage is worth more than live objects. */
  readonly awaitSweep: () => Promise<void>;
}

/** Frees what lacks on one disk: garbage first (CFG-44), then what was not used for longest (CFG-39). */
export const makeRoom = async (
  context: SpaceContext,
  account: DiskAccount,
  eviction: Eviction,
  released: ReleasedFiles,
  making: RoomMaking,
): Promise<void> => {
  const freedBefore = context.counters.freedBytes;
  const lacks = (): boolean => {
    const freedBytes = context.counters.freedBytes - freedBefore;
    return freedBytes < making.urgentBytes || account.neededBytes(context.index, released.waiting, making.wish) > 0;
  };
  if (!lacks()) return;
  await released.deleteAll();
  if (!lacks()) return;
  await making.awaitSweep();
  await released.deleteAll();

  const nowMs = context.clock.now();
  const garbage = surveyGarbage(account, context.index, nowMs);
  for (const segment of garbage.dead) await eviction.deleteSegment(account, segment);
  for (const segment of garbage.sparse) {
    if (!lacks() || (account.room !== undefined && isCritical(account.room))) break;
    await eviction.evictSegment(account, segment, verdictOfGarbage(nowMs));
  }

  const coldestFirst = new ColdestFirst(context, account);
  while (lacks()) {
    const coldest = coldestFirst.peek();
    if (coldest === undefined) return;
    if (coldest.kind === "file") {
      coldestFirst.skipFile();
      await eviction.evictFile(account, coldest.row);
    } else {
      await eviction.evictSegment(account, coldest.segment, verdictOfAge(account, nowMs));
    }
  }
};
