import type { EpochMs } from "@basalt/types";
import type { DiskSetting, ReleasedFile, SegmentFile } from "../contract.ts";
import { segmentBytesFor } from "../limits.ts";
import { type FileSystemRoom, lackingBytes, reserveOf } from "./fileSystemRoom.ts";
import type { SegmentMeasure } from "./segmentFiles.ts";
import { type ClosedSegment, SegmentShelf } from "./segmentShelf.ts";
import type { KeeperIndex } from "./spaceContext.ts";

interface OpenSegment {
  readonly isKeepers: boolean;
}

/** How much room is wanted beside what is used. */
export interface RoomWish {
  /** Share of the usual reserve that must be free within the quota: 0, or 1 at cleanup. */
  readonly quotaReserve: number;
  /** Share of the usual reserve that must be free on the file system: 1, or 2 at cleanup. */
  readonly fileSystemReserve: number;
}

export const USUAL_ROOM: RoomWish = { quotaReserve: 0, fileSystemReserve: 1 };
export const CLEANUP_ROOM: RoomWish = { quotaReserve: 1, fileSystemReserve: 2 };

/**
 * What is known of one disk without looking at it: closed segments by their length, open ones as if they were full,
 * body files by the index, files being filled by what their writers tell.
 */
export class DiskAccount {
  setting: DiskSetting;
  /** Whether the segments that were there before have been listed. */
  isListed = false;
  room: FileSystemRoom | undefined;
  /** False while the file system does not tell its free space: that is reported once. */
  isRoomKnown = true;
  readonly shelf = new SegmentShelf();
  /** Closed, but their length has not been looked at yet. */
  readonly closing = new Map<number, OpenSegment>();
  readonly #open = new Map<number, OpenSegment>();
  readonly #growing = new Map<number, number>();
  /** What the disk refused to delete, and its bytes; tried again after the next listing. */
  readonly #stuck = new Map<number, number>();
  #growingBytes = 0;
  #stuckBytes = 0;
  /** Freed since the file system was measured. */
  #freedBytes = 0;
  /** Segments that were closed or deleted while the disk is being listed: the listing may be wrong about them. */
  #changedSinceListing: Set<number> | undefined;

  constructor(setting: DiskSetting) {
    this.setting = setting;
  }

  get number(): number {
    return this.setting.number;
  }

  /** Length of a full segment: a share of the quota, or of a file system that is smaller. */
  get segmentBytes(): number {
    const limitBytes = Math.min(this.setting.quotaBytes ?? Infinity, this.room?.totalBytes ?? Infinity);
    return segmentBytesFor(Number.isFinite(limitBytes) ? limitBytes : undefined);
  }

  get growingBytes(): number {
    return this.#growingBytes;
  }

  /** Bytes of segments, open ones counted by `openBytesOf`. */
  segmentBytesUsed(openBytesOf: (segment: number) => number): number {
    let usedBytes = this.shelf.bytes + this.#stuckBytes;
    for (const segments of [this.#open, this.closing]) {
      for (const segment of segments.keys()) usedBytes += openBytesOf(segment);
    }
    return usedBytes;
  }

  /** Bytes above the quota or lacking on the file system, whichever is more. */
  neededBytes(index: KeeperIndex, released: readonly ReleasedFile[], wish: RoomWish): number {
    const { quotaBytes } = this.setting;
    let needed = 0;
    if (quotaBytes !== undefined) {
      const fullBytes = this.segmentBytes;
      let usedBytes = this.segmentBytesUsed(() => fullBytes) + index.fileUse(this.number).liveBytes;
      for (const { location } of released) if (location.disk === this.number) usedBytes += location.bodyBytes;
      needed = usedBytes + this.#growingBytes + reserveOf(quotaBytes) * wish.quotaReserve - quotaBytes;
    }
    if (this.room === undefined) return Math.max(0, needed);
    const room = { ...this.room, availableBytes: this.room.availableBytes + this.#freedBytes };
    return Math.max(0, needed, lackingBytes(room, this.#promisedBytes(index), wish.fileSystemReserve));
  }

  noteRoom(room: FileSystemRoom | undefined): void {
    this.room = room;
    this.#freedBytes = 0;
  }

  noteFreed(freedBytes: number): void {
    this.#freedBytes += freedBytes;
  }

  openSegment(segment: number, isKeepers: boolean): void {
    this.shelf.remove(segment);
    this.closing.delete(segment);
    this.#open.set(segment, { isKeepers });
  }

  closeSegment(segment: number): void {
    const open = this.#open.get(segment);
    if (open === undefined) return;
    this.#open.delete(segment);
    this.closing.set(segment, open);
    this.#changedSinceListing?.add(segment);
  }

  /** A closed segment was looked at; `assumed` is what to believe when the disk did not tell. */
  settleSegment(segment: number, measure: SegmentMeasure, assumed: SegmentFile): void {
    const closing = this.closing.get(segment);
    if (closing === undefined) return;
    this.closing.delete(segment);
    if (measure.kind === "gone") return;
    const { fileBytes, modifiedAt } = measure.kind === "found" ? measure : assumed;
    this.shelf.put({ disk: this.number, segment, fileBytes, modifiedAt, isReadmitted: closing.isKeepers });
  }

  /** A listing may have put it back meanwhile. */
  segmentDeleted(segment: number, fileBytes: number): void {
    this.shelf.remove(segment);
    this.#changedSinceListing?.add(segment);
    this.noteFreed(fileBytes);
  }

  segmentStuck(segment: number, fileBytes: number): void {
    this.shelf.remove(segment);
    this.#stuck.set(segment, fileBytes);
    this.#stuckBytes += fileBytes;
  }

  /** Whether something is known to be there under this id. */
  holdsSegment(segment: number): boolean {
    return (
      this.#open.has(segment) ||
      this.closing.has(segment) ||
      this.shelf.get(segment) !== undefined ||
      this.#stuck.has(segment)
    );
  }

  listingBegins(): void {
    this.#changedSinceListing = new Set();
  }

  /** Takes over what was found; what changed during the listing is known better. */
  listingEnds(found: readonly SegmentFile[]): void {
    const changed = this.#changedSinceListing ?? new Set();
    this.#changedSinceListing = undefined;
    this.isListed = true;
    this.#stuck.clear();
    this.#stuckBytes = 0;
    const shelf: ClosedSegment[] = [...this.shelf].filter(({ segment }) => changed.has(segment));
    for (const file of found) {
      if (changed.has(file.segment) || this.#open.has(file.segment) || this.closing.has(file.segment)) continue;
      shelf.push({ ...file, isReadmitted: this.shelf.get(file.segment)?.isReadmitted ?? false });
    }
    this.shelf.replaceAll(shelf);
  }

  listingFailed(): void {
    this.#changedSinceListing = undefined;
  }

  noteGrowing(file: number, fileBytes: number): void {
    this.#growingBytes += fileBytes - (this.#growing.get(file) ?? 0);
    if (fileBytes > 0) this.#growing.set(file, fileBytes);
    else this.#growing.delete(file);
  }

  oldestAt(nowMs: EpochMs): EpochMs {
    return this.shelf.oldestAt(nowMs);
  }

  openSegments(): Iterable<number> {
    return this.#open.keys();
  }

  /** What the writers may still write without asking. */
  #promisedBytes(index: KeeperIndex): number {
    let promisedBytes = 0;
    for (const segment of this.#open.keys()) {
      promisedBytes += Math.max(0, this.segmentBytes - index.indexedTo(segment));
    }
    return promisedBytes;
  }
}
