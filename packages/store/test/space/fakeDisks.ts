import { EdgeError, type EpochMs } from "@basalt/types";
import { recordBytesOf } from "../../src/bodies/recordFormat.ts";
import type { DiskSetting, ObjectLocation, RowImage, SegmentFile } from "../../src/contract.ts";
import { segmentBytesFor } from "../../src/limits.ts";
import type { SegmentMeasure } from "../../src/space/segmentFiles.ts";
import type { KeeperBodies } from "../../src/space/spaceContext.ts";

interface FakeSegment {
  readonly disk: number;
  fileBytes: number;
  modifiedAt: EpochMs;
  readonly records: Map<number, { readonly head: Buffer; readonly body: Buffer }>;
}

interface FakeFile {
  readonly disk: number;
  readonly fileBytes: number;
}

/** The disks of a host, in memory: what lies on them, and what was done to them. */
export class FakeDisks {
  readonly segments = new Map<number, FakeSegment>();
  readonly files = new Map<number, FakeFile>();
  readonly deletedSegments: number[] = [];
  readonly calls = { listSegments: 0, sync: 0, removeEmptyFolders: 0 };
  readonly undeletable = new Set<number>();
  disks: readonly DiskSetting[];
  /** Appends of the keeper are refused. */
  isReadOnly = false;
  readonly #now: () => EpochMs;
  #lastFile = 0;

  constructor(disks: readonly DiskSetting[], now: () => EpochMs) {
    this.disks = disks;
    this.#now = now;
  }

  bytesOn(disk: number): number {
    let total = 0;
    for (const store of [this.segments, this.files]) {
      for (const item of store.values()) if (item.disk === disk) total += item.fileBytes;
    }
    return total;
  }

  addFile(disk: number, fileBytes: number): number {
    this.#lastFile += 1;
    this.files.set(this.#lastFile, { disk, fileBytes });
    return this.#lastFile;
  }

  /** A segment that was there before. */
  addSegment(file: SegmentFile): void {
    this.segments.set(file.segment, { ...file, records: new Map() });
  }

  measure(segment: number): Promise<SegmentMeasure> {
    const found = this.segments.get(segment);
    if (found === undefined) return Promise.resolve({ kind: "gone" });
    return Promise.resolve({ kind: "found", fileBytes: found.fileBytes, modifiedAt: found.modifiedAt });
  }

  /** A store of one process on these disks. */
  openWriter(grant: (disk: number) => Promise<number>): FakeWriter {
    return new FakeWriter(this, grant, this.#now);
  }

  keeperBodies(writer: FakeWriter): KeeperBodies {
    const isInUse = (disk: number): boolean => this.disks.some(({ number }) => number === disk);
    return {
      load: (location) => Promise.resolve(this.segments.get(location.segment)?.records.get(location.offset)),
      append: async (_image: RowImage, head, body) => {
        if (this.isReadOnly) throw new EdgeError("STORE_UNAVAILABLE", { detail: "read-only" });
        return writer.append(this.disks[0]?.number ?? 0, head, body);
      },
      replaceHead: async (location, _image: RowImage, head) =>
        writer.append(location.disk, head, Buffer.alloc(0), location),
      sync: () => {
        this.calls.sync += 1;
        return Promise.resolve();
      },
      removeBodies: (locations) => {
        let removed = 0;
        for (const { file, disk } of locations) if (isInUse(disk) && this.files.delete(file)) removed += 1;
        return Promise.resolve(removed);
      },
      deleteSegment: (disk, segment) => {
        if (!isInUse(disk) || this.undeletable.has(segment)) return Promise.resolve(false);
        this.deletedSegments.push(segment);
        return Promise.resolve(this.segments.delete(segment));
      },
      listSegments: () => {
        this.calls.listSegments += 1;
        const found: SegmentFile[] = [];
        for (const [segment, { disk, fileBytes, modifiedAt }] of this.segments) {
          if (isInUse(disk)) found.push({ disk, segment, fileBytes, modifiedAt });
        }
        return Promise.resolve(found);
      },
      removeEmptyFolders: () => {
        this.calls.removeEmptyFolders += 1;
        return Promise.resolve(3);
      },
    };
  }
}

export class FakeWriter {
  readonly #disks: FakeDisks;
  readonly #grant: (disk: number) => Promise<number>;
  readonly #now: () => EpochMs;
  readonly #open = new Map<number, Promise<number>>();

  constructor(disks: FakeDisks, grant: (disk: number) => Promise<number>, now: () => EpochMs) {
    this.#disks = disks;
    this.#grant = grant;
    this.#now = now;
  }

  /** One record; `own` is the location of a body with a file of its own, whose head it is. */
  async append(disk: number, head: Buffer, body: Buffer, own?: ObjectLocation): Promise<ObjectLocation> {
    const shape = { headBytes: head.length, bodyBytes: own?.bodyBytes ?? body.length, file: own?.file ?? 0 };
    const recordBytes = recordBytesOf(shape);
    for (;;) {
      const segment = await this.#segmentOn(disk);
      const { records, fileBytes } = segment.file;
      const setting = this.#disks.disks.find(({ number }) => number === disk);
      if (fileBytes > 0 && fileBytes + recordBytes > segmentBytesFor(setting?.quotaBytes)) {
        if (this.#open.get(disk) === segment.granted) this.#open.delete(disk);
        continue;
      }
      records.set(fileBytes, { head, body });
      segment.file.fileBytes += recordBytes;
      segment.file.modifiedAt = this.#now();
      return { disk, segment: segment.id, offset: fileBytes, ...shape };
    }
  }

  /** What is written next goes to other segments. */
  leaveSegments(): void {
    this.#open.clear();
  }

  async #segmentOn(
    disk: number,
  ): Promise<{ readonly id: number; readonly file: FakeSegment; readonly granted: Promise<number> }> {
    let granted = this.#open.get(disk);
    if (granted === undefined) {
      granted = this.#grant(disk);
      this.#open.set(disk, granted);
    }
    const id = await granted;
    let file = this.#disks.segments.get(id);
    if (file === undefined) {
      file = { disk, fileBytes: 0, modifiedAt: this.#now(), records: new Map() };
      this.#disks.segments.set(id, file);
    }
    return { id, file, granted };
  }
}
