import { type Clock, systemClock } from "@basalt/types";
import {
  type ArrivedChecksums,
  type BodyCounters,
  type BodyReader,
  type BodyStore,
  type BodyUpkeep,
  type DiskSetting,
  type FoundRecord,
  type GrowingFile,
  type ObjectLocation,
  type OrphanSweep,
  type PartedFile,
  ROW_FLAG,
  type RowImage,
  type SegmentFile,
} from "../contract.ts";
import { packedBodyLimitFor, writableFilesFor } from "../limits.ts";
import { BodyFiles } from "./bodyFiles.ts";
import { DescriptorPool } from "./descriptorPool.ts";
import { bodyFilePath, filePrefixes, segmentPath } from "./diskPaths.ts";
import { type DiskReportSettings, DiskReports, unavailable } from "./diskReports.ts";
import { type Disk, DiskSet } from "./diskSet.ts";
import { headRegionBytesOf, isPlausibleLocation } from "./recordFormat.ts";
import { RecordWriters } from "./recordWriters.ts";
import { SegmentRecords } from "./segmentRecords.ts";
import type { StoreParts } from "./storeParts.ts";
import { UnsyncedFiles } from "./unsyncedFiles.ts";
import { deleteFile, listSegmentsOf, type ReportRefusal, removeEmptyFoldersOf, removeOrphansOf } from "./upkeep.ts";

export interface BodyStoreSettings extends DiskReportSettings {
  /** As `setDisks`. */
  readonly disks: readonly DiskSetting[];
  /** Ids are given host-wide, by the primary; each is used for one file only. */
  readonly allocateSegment: (disk: number) => Promise<number>;
  readonly allocateFile: (disk: number) => Promise<number>;
  /** Most descriptors open at a time in this process to read with; bodies that come in parts have some more. */
  readonly maxOpenFiles: number;
  readonly clock?: Clock;
}

const NO_PAYLOAD = Buffer.alloc(0);

const isId = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

class DiskBodyStore implements BodyStore, BodyUpkeep {
  readonly counters: Readonly<BodyCounters>;
  readonly #parts: StoreParts;
  readonly #records: SegmentRecords;
  readonly #writers: RecordWriters;
  readonly #files: BodyFiles;

  constructor(settings: BodyStoreSettings) {
    const reports = new DiskReports(settings);
    this.counters = reports.counters;
    this.#parts = {
      reports,
      disks: new DiskSet(settings.clock ?? systemClock, (disk, cause) => reports.unusable(disk, cause)),
      readable: new DescriptorPool(settings.maxOpenFiles),
      writable: new DescriptorPool(writableFilesFor(settings.maxOpenFiles), "r+"),
      unsynced: new UnsyncedFiles(reports),
    };
    this.#records = new SegmentRecords(this.#parts);
    this.#writers = new RecordWriters(this.#parts, settings.allocateSegment);
    this.#files = new BodyFiles(this.#parts, settings.allocateFile, (disk, image, head, bodyBytes, file) =>
      this.#appendRecord(disk, image, head, NO_PAYLOAD, bodyBytes, file),
    );
    this.setDisks(settings.disks);
  }

  setDisks(disks: readonly DiskSetting[]): void {
    for (const disk of this.#parts.disks.set(disks)) {
      void this.#writers.drop(disk);
      void this.#files.drop(disk);
      for (const prefix of filePrefixes(disk.root)) {
        this.#parts.readable.bar(prefix);
        this.#parts.writable.bar(prefix);
      }
    }
  }

  hasDisk(disk: number): boolean {
    return this.#parts.disks.get(disk) !== undefined;
  }

  append(image: RowImage, head: Buffer, body: Buffer): Promise<ObjectLocation> {
    return this.#onSomeDisk((disk) =>
      body.length <= packedBodyLimitFor(disk.segmentBytes)
        ? this.#appendRecord(disk, image, head, body, body.length, 0)
        : this.#appendFile(disk, image, head, body),
    );
  }

  async replaceHead(location: ObjectLocation, image: RowImage, head: Buffer): Promise<ObjectLocation> {
    const { bodyBytes, file } = location;
    const disk = this.#diskOf(location);
    const record = disk === undefined ? undefined : await this.#records.read(disk, location);
    if (disk === undefined || record === undefined) {
      throw unavailable(`segment ${location.segment}: nothing to give a new head to`);
    }
    if (file !== 0) return this.#appendRecord(disk, image, head, record.payload, bodyBytes, file);
    return this.#onSomeDisk((target) => this.#appendRecord(target, image, head, record.payload, bodyBytes, 0));
  }

  createFile(): Promise<GrowingFile> {
    return this.#onSomeDisk((disk) => this.#files.createGrowing(disk));
  }

  createParted(image: RowImage, head: Buffer, bodyBytes: number): Promise<PartedFile> {
    return this.#onSomeDisk((disk) => this.#files.createParted(disk, image, head, bodyBytes));
  }

  async openParted(location: ObjectLocation): Promise<PartedFile | undefined> {
    const disk = location.file === 0 ? undefined : this.#diskOf(location);
    return disk === undefined ? undefined : this.#files.openParted(disk, location);
  }

  loadNow(location: ObjectLocation, scratch?: Buffer): { readonly head: Buffer; readonly body: Buffer } | undefined {
    const disk = location.file === 0 ? this.#diskOf(location) : undefined;
    return disk === undefined ? undefined : this.#records.loadNow(disk, location, scratch);
  }

  async load(
    location: ObjectLocation,
  ): Promise<{ readonly head: Buffer; readonly body: Buffer | undefined } | undefined> {
    const disk = this.#diskOf(location);
    const record = disk === undefined ? undefined : await this.#records.read(disk, location);
    if (record === undefined) return undefined;
    return { head: record.head, body: location.file === 0 ? record.payload : undefined };
  }

  async openBody(location: ObjectLocation): Promise<BodyReader | undefined> {
    const disk = this.#diskOf(location);
    if (disk === undefined) return undefined;
    return location.file === 0 ? this.#records.openPacked(disk, location) : this.#files.openComplete(disk, location);
  }

  async openGrowing(disk: number, file: number, checksums: ArrivedChecksums): Promise<BodyReader | undefined> {
    const place = this.#parts.disks.get(disk);
    return place === undefined || !isId(file) ? undefined : this.#files.openGrowing(place, file, checksums);
  }

  sync(): Promise<void> {
    return this.#parts.unsynced.sync();
  }

  async removeBodies(locations: readonly ObjectLocation[]): Promise<number> {
    let removed = 0;
    for (const location of locations) {
      const disk = location.file === 0 ? undefined : this.#diskOf(location);
      if (disk !== undefined && (await this.#delete(disk, bodyFilePath(disk.root, location.file)))) removed += 1;
    }
    return removed;
  }

  async deleteSegment(disk: number, segment: number): Promise<boolean> {
    const place = this.#parts.disks.get(disk);
    return place !== undefined && isId(segment) && this.#delete(place, segmentPath(place.root, segment));
  }

  async listSegments(): Promise<SegmentFile[]> {
    const { disks } = this.#parts.disks;
    const lists = await Promise.all(disks.map((disk) => listSegmentsOf(disk, this.#refusalsOf(disk))));
    return lists.flat();
  }

  async *recordsOf(disk: number, segment: number, fromOffset: number): AsyncGenerator<FoundRecord> {
    const place = this.#parts.disks.get(disk);
    if (place === undefined || !isId(segment) || !Number.isSafeInteger(fromOffset) || fromOffset < 0) return;
    yield* this.#records.recordsFrom(place, segment, fromOffset);
  }

  async presentBytesOf(location: ObjectLocation): Promise<number | undefined> {
    const disk = this.#diskOf(location);
    if (disk === undefined) return undefined;
    if (location.file !== 0) return this.#files.presentBytesOf(disk, location);
    return (await this.#records.read(disk, location))?.payload.length;
  }

  async removeEmptyFolders(): Promise<number> {
    let removed = 0;
    for (const disk of this.#parts.disks.disks) removed += await removeEmptyFoldersOf(disk, this.#refusalsOf(disk));
    return removed;
  }

  async removeOrphanFiles(isLive: (disk: number, file: number) => boolean, sweep: OrphanSweep): Promise<number> {
    let removed = 0;
    for (const disk of this.#parts.disks.disks) {
      removed += await removeOrphansOf(disk, isLive, sweep, (path) => this.#forget(path), this.#refusalsOf(disk));
    }
    return removed;
  }

  async seal(): Promise<void> {
    await Promise.all([this.#writers.seal(), this.#files.seal()]);
  }

  async close(): Promise<void> {
    await this.#files.close();
    await this.#writers.close();
    await Promise.all([this.#parts.readable.close(), this.#parts.writable.close()]);
  }

  /** What one disk refuses is tried once more on another. */
  async #onSomeDisk<Result>(write: (disk: Disk) => Promise<Result>): Promise<Result> {
    const first = this.#parts.disks.choose();
    if (first === undefined) throw unavailable("no disk is in use");
    try {
      return await write(first);
    } catch (cause) {
      const other = this.#parts.disks.choose(first);
      if (other === undefined) throw cause;
      return write(other);
    }
  }

  async #appendRecord(
    disk: Disk,
    image: RowImage,
    head: Buffer,
    payload: Buffer,
    bodyBytes: number,
    file: number,
  ): Promise<ObjectLocation> {
    const headBytes = headRegionBytesOf(image, head);
    if (headBytes === undefined) throw unavailable("the head or the URL is too long");
    return this.#writers.append(disk, { image, head, headBytes, payload, bodyBytes, file });
  }

  async #appendFile(disk: Disk, image: RowImage, head: Buffer, body: Buffer): Promise<ObjectLocation> {
    const growing = await this.#files.createGrowing(disk, (image.flags & ROW_FLAG.TRANSIENT) !== 0);
    try {
      await growing.write(body);
      return await growing.complete(image, head);
    } catch (cause) {
      await growing.abandon();
      throw cause;
    }
  }

  /** Undefined for a location that no disk in use can hold. */
  #diskOf(location: ObjectLocation): Disk | undefined {
    if (!isPlausibleLocation(location)) {
      this.#parts.reports.damaged(`segment ${location.segment}`, "the index names an impossible place");
      return undefined;
    }
    const disk = this.#parts.disks.get(location.disk);
    if (disk === undefined) this.#parts.reports.missing();
    return disk;
  }

  async #delete(disk: Disk, path: string): Promise<boolean> {
    this.#forget(path);
    try {
      return await deleteFile(path);
    } catch (cause) {
      this.#parts.reports.undeletable(disk, path, cause);
      return false;
    }
  }

  #forget(path: string): void {
    this.#parts.readable.remove(path);
    this.#parts.writable.remove(path);
  }

  #refusalsOf(disk: Disk): ReportRefusal {
    return (path, cause) => this.#parts.reports.unreadable(disk, path, cause);
  }
}

/**
 * Opens the bodies on the disks for this process. A disk that cannot be used is a failure of the disk, never of this
 * call. Buffers given to `append` and `write` must not change until the promise resolves.
 */
export const openBodyStore = (settings: BodyStoreSettings): BodyStore & BodyUpkeep => new DiskBodyStore(settings);
