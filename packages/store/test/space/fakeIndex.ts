import { recordBytesOf } from "../../src/bodies/recordFormat.ts";
import {
  type CacheKey,
  type IndexRow,
  type LiveUse,
  type ObjectLocation,
  type ReleasedFile,
  ROW_FLAG,
  type SegmentUse,
} from "../../src/contract.ts";
import type { KeeperIndex } from "../../src/space/spaceContext.ts";

const textOf = (key: CacheKey): string => key.toString("hex");

const recordEndOf = (location: ObjectLocation): number => location.offset + recordBytesOf(location);

interface MutableUse {
  liveBytes: number;
  liveObjects: number;
}

/** An index in memory that keeps the promises a space keeper relies on. */
export class FakeIndex implements KeeperIndex {
  readonly rows = new Map<string, IndexRow>();
  /** Virtual hosts whose rows are dead and wait for the sweep. */
  readonly removedHosts = new Set<string>();
  readonly calls = { segmentUse: 0, sync: 0, sweep: 0, scanSegment: 0 };
  readonly #segments = new Map<number, SegmentUse & MutableUse>();
  readonly #files = new Map<number, MutableUse>();
  readonly #indexedTo = new Map<number, number>();
  #released: ReleasedFile[] = [];
  #lastSegment = 0;
  #objects = 0;
  #bytes = 0;

  get totals(): { readonly objects: number; readonly bytes: number } {
    return { objects: this.#objects, bytes: this.#bytes };
  }

  put(row: IndexRow): void {
    this.remove(row.key);
    this.rows.set(textOf(row.key), row);
    this.#book(row, 1);
    const end = recordEndOf(row.location);
    this.#indexedTo.set(row.location.segment, Math.max(end, this.indexedTo(row.location.segment)));
  }

  update(key: CacheKey, change: Parameters<KeeperIndex["update"]>[1]): IndexRow | undefined {
    const old = this.find(key);
    if (old === undefined) return undefined;
    const row = { ...old, ...change };
    this.#book(old, -1);
    this.rows.set(textOf(key), row);
    this.#book(row, 1);
    const end = recordEndOf(row.location);
    this.#indexedTo.set(row.location.segment, Math.max(end, this.indexedTo(row.location.segment)));
    return row;
  }

  remove(key: CacheKey): IndexRow | undefined {
    const old = this.rows.get(textOf(key));
    if (old === undefined) return undefined;
    this.rows.delete(textOf(key));
    this.#book(old, -1);
    if (old.location.file !== 0) this.#released.push({ key, location: old.location });
    return old;
  }

  find(key: CacheKey): IndexRow | undefined {
    return this.#living(this.rows.get(textOf(key)));
  }

  scan(_filter: unknown, visit: (row: IndexRow) => void): Promise<void> {
    for (const row of [...this.rows.values()]) if (this.#living(row) !== undefined) visit(row);
    return Promise.resolve();
  }

  scanSegment(segment: number, visit: (row: IndexRow) => void): Promise<void> {
    this.calls.scanSegment += 1;
    for (const row of [...this.rows.values()]) {
      if (row.location.segment === segment && this.#living(row) !== undefined) visit(row);
    }
    return Promise.resolve();
  }

  segmentUse(): SegmentUse[] {
    this.calls.segmentUse += 1;
    return [...this.#segments.values()];
  }

  indexedTo(segment: number): number {
    return this.#indexedTo.get(segment) ?? 0;
  }

  forgetSegment(segment: number): void {
    this.#segments.delete(segment);
    this.#indexedTo.delete(segment);
  }

  fileUse(disk: number): LiveUse {
    return this.#files.get(disk) ?? { liveBytes: 0, liveObjects: 0 };
  }

  coldestFiles(disk: number, limit: number): IndexRow[] {
    return [...this.rows.values()]
      .filter((row) => row.location.disk === disk && row.location.file !== 0 && this.#living(row) !== undefined)
      .sort((left, right) => left.lastAccess - right.lastAccess)
      .slice(0, limit);
  }

  takeReleasedFiles(): ReleasedFile[] {
    const released = this.#released;
    this.#released = [];
    return released;
  }

  nextSegmentId(): number {
    this.#lastSegment += 1;
    return this.#lastSegment;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  sync(): Promise<void> {
    this.calls.sync += 1;
    return Promise.resolve();
  }

  sweep(): Promise<number> {
    this.calls.sweep += 1;
    let swept = 0;
    for (const row of [...this.rows.values()]) {
      if (this.#living(row) !== undefined) continue;
      this.remove(row.key);
      swept += 1;
    }
    this.removedHosts.clear();
    return Promise.resolve(swept);
  }

  #living(row: IndexRow | undefined): IndexRow | undefined {
    return row === undefined || this.removedHosts.has(row.vhost) ? undefined : row;
  }

  #book(row: IndexRow, sign: 1 | -1): void {
    const { location } = row;
    if ((row.flags & ROW_FLAG.PURGED) === 0) {
      this.#objects += sign;
      this.#bytes += sign * location.bodyBytes;
    }
    const nothing = { segment: location.segment, disk: location.disk, liveBytes: 0, liveObjects: 0 };
    const segment = this.#segments.get(location.segment) ?? nothing;
    this.#segments.set(location.segment, segment);
    segment.liveBytes += sign * recordBytesOf(location);
    segment.liveObjects += sign;
    if (location.file === 0) return;
    const files = this.#files.get(location.disk) ?? { liveBytes: 0, liveObjects: 0 };
    this.#files.set(location.disk, files);
    files.liveBytes += sign * (location.bodyBytes - row.missingBytes);
    files.liveObjects += sign;
  }
}
