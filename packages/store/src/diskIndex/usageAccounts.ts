import { recordBytesOf } from "../bodies/recordFormat.ts";
import { type IndexRow, type LiveUse, type ObjectLocation, ROW_FLAG, type SegmentUse } from "../contract.ts";

interface Account {
  liveBytes: number;
  liveObjects: number;
}

interface SegmentAccount extends Account {
  readonly disk: number;
  /** End of the furthest record that is known. */
  indexedTo: number;
}

const NOTHING: LiveUse = { liveBytes: 0, liveObjects: 0 };

/**
 * Running totals of all rows, so that nobody ever has to count them. A purged row kept for restore is not a live
 * object, but its bytes still occupy the disk; so do those of rows that are absent until they are swept.
 */
export class UsageAccounts {
  objects = 0;
  bytes = 0;
  readonly segments = new Map<number, SegmentAccount>();
  readonly files = new Map<number, Account>();
  /** What changed since the last `settle`. */
  readonly changedSegments = new Set<number>();
  readonly changedDisks = new Set<number>();

  add(row: IndexRow): void {
    this.noteKnown(row.location);
    this.#book(row, 1);
  }

  /** The record at that place is known, with a row or without. */
  noteKnown(location: ObjectLocation): void {
    const { disk, segment, offset } = location;
    const account = this.segments.get(segment) ?? { disk, liveBytes: 0, liveObjects: 0, indexedTo: 0 };
    account.indexedTo = Math.max(account.indexedTo, offset + recordBytesOf(location));
    this.segments.set(segment, account);
    this.changedSegments.add(segment);
  }

  /** Does not open an account again for a segment that was forgotten. */
  subtract(row: IndexRow): void {
    this.#book(row, -1);
  }

  settle(): void {
    this.changedSegments.clear();
    this.changedDisks.clear();
  }

  fileUse(disk: number): LiveUse {
    return this.files.get(disk) ?? NOTHING;
  }

  segmentUse(): SegmentUse[] {
    const uses: SegmentUse[] = [];
    for (const [segment, account] of this.segments) {
      uses.push({ segment, disk: account.disk, liveBytes: account.liveBytes, liveObjects: account.liveObjects });
    }
    return uses;
  }

  #book(row: IndexRow, sign: 1 | -1): void {
    const { location } = row;
    if ((row.flags & ROW_FLAG.PURGED) === 0) {
      this.objects += sign;
      this.bytes += sign * location.bodyBytes;
    }
    const segment = this.segments.get(location.segment);
    if (segment !== undefined) {
      segment.liveBytes += sign * recordBytesOf(location);
      segment.liveObjects += sign;
      this.changedSegments.add(location.segment);
    }
    if (location.file === 0) return;
    let files = this.files.get(location.disk);
    if (files === undefined) {
      files = { liveBytes: 0, liveObjects: 0 };
      this.files.set(location.disk, files);
    }
    files.liveBytes += sign * (location.bodyBytes - row.missingBytes);
    files.liveObjects += sign;
    this.changedDisks.add(location.disk);
  }
}
