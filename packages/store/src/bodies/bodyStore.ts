import { type Clock, EdgeError, systemClock } from "@basalt/types";
import type {
  BodyCounters,
  BodyReader,
  BodyStore,
  BodyUpkeep,
  GrowingFile,
  ObjectLocation,
  OrphanSweep,
  SegmentFile,
} from "../contract.ts";
import { HEAD_LIMIT_BYTES, packedBodyLimitFor, QUICK_RECORD_BYTES } from "../limits.ts";
import { causeCode, describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { BlockBodyReader, GrowingBodyReader, PackedBodyReader } from "./bodyReaders.ts";
import { DescriptorPool, type PooledFile } from "./descriptorPool.ts";
import { bodyFilePath, segmentPath } from "./diskPaths.ts";
import { type Disk, DiskSet, type DiskSetting } from "./diskSet.ts";
import { readFileLength, readFully } from "./fileAccess.ts";
import { BodyFileWriter } from "./growingFile.ts";
import { QuickReads } from "./quickReads.ts";
import {
  decodeRecord,
  encodeRecord,
  isPlausibleLocation,
  RECORD_HEADER_BYTES,
  type RecordParts,
  recordBytesOf,
  unpaddedBytesOf,
} from "./recordFormat.ts";
import { createNumberedFile, SegmentWriter } from "./segmentWriter.ts";
import { deleteFile, listSegmentsOf, removeOrphansOf } from "./upkeep.ts";

export interface BodyStoreSettings {
  readonly disks: readonly DiskSetting[];
  /** Ids are given host-wide, by the primary; each is used for one file only. */
  readonly allocateSegment: (disk: number) => Promise<number>;
  readonly allocateFile: (disk: number) => Promise<number>;
  readonly onProblem: ReportProblem;
  /** Most read descriptors open at a time in this process. */
  readonly maxOpenFiles: number;
  readonly clock?: Clock;
}

interface WholeRecord {
  readonly head: Buffer;
  readonly payload: Buffer;
}

/** Lengths of head and packed body in one number: a verified record is trusted only for the location it was verified by. */
const shapeMark = (location: ObjectLocation): number => location.headBytes * 2 ** 30 + location.bodyBytes;

const failure = (detail: string, cause: unknown): EdgeError =>
  cause instanceof EdgeError
    ? cause
    : new EdgeError("STORE_UNAVAILABLE", { detail: `${detail}: ${describeCause(cause)}`, cause });

class DiskBodyStore implements BodyStore, BodyUpkeep {
  readonly counters: BodyCounters = { damaged: 0, missing: 0, failed: 0 };
  readonly #settings: BodyStoreSettings;
  readonly #disks: DiskSet;
  readonly #pool: DescriptorPool;
  readonly #quickReads = new QuickReads();
  readonly #writers = new Map<number, SegmentWriter>();
  readonly #growing = new Set<GrowingFile>();

  constructor(settings: BodyStoreSettings) {
    this.#settings = settings;
    this.#disks = new DiskSet(settings.disks, settings.clock ?? systemClock, settings.onProblem);
    this.#pool = new DescriptorPool(settings.maxOpenFiles);
  }

  async append(head: Buffer, body: Buffer): Promise<ObjectLocation> {
    const disk = this.#disks.choose();
    if (body.length <= packedBodyLimitFor(disk.segmentBytes)) {
      return this.#appendRecord(disk, { head, payload: body, bodyBytes: body.length, file: 0 });
    }
    const growing = await this.#createFileOn(disk);
    try {
      await growing.write(body);
      return await growing.complete(head);
    } catch (cause) {
      await growing.abandon();
      throw cause;
    }
  }

  async replaceHead(location: ObjectLocation, head: Buffer): Promise<ObjectLocation> {
    const record = await this.#readRecord(location);
    if (record === undefined) {
      throw new EdgeError("STORE_UNAVAILABLE", {
        detail: `segment ${location.segment}: nothing to give a new head to`,
      });
    }
    const { bodyBytes, file } = location;
    const disk = file === 0 ? this.#disks.choose() : this.#disks.disks[location.disk];
    if (disk === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: `no disk ${location.disk}` });
    return this.#appendRecord(disk, { head, payload: record.payload, bodyBytes, file });
  }

  createFile(): Promise<GrowingFile> {
    return this.#createFileOn(this.#disks.choose());
  }

  loadNow(location: ObjectLocation, scratch?: Buffer): { readonly head: Buffer; readonly body: Buffer } | undefined {
    if (location.file !== 0 || !this.#quickReads.isAllowed) return undefined;
    const root = this.#rootOf(location);
    const wanted = unpaddedBytesOf(location);
    if (root === undefined || wanted > QUICK_RECORD_BYTES) return undefined;
    const file = this.#pool.findOpen(segmentPath(root, location.segment));
    if (file === undefined) return undefined;
    const record = scratch?.subarray(0, wanted) ?? Buffer.allocUnsafeSlow(wanted);
    try {
      if (this.#quickReads.read(file.descriptor, record, location.offset) < wanted) return undefined;
    } catch {
      return undefined;
    }
    const headEnd = RECORD_HEADER_BYTES + location.headBytes;
    if (file.verified.get(location.offset) !== shapeMark(location)) {
      if (decodeRecord(record, location).kind !== "whole") return undefined;
      file.verified.set(location.offset, shapeMark(location));
    }
    return { head: record.subarray(RECORD_HEADER_BYTES, headEnd), body: record.subarray(headEnd) };
  }

  async load(
    location: ObjectLocation,
  ): Promise<{ readonly head: Buffer; readonly body: Buffer | undefined } | undefined> {
    const record = await this.#readRecord(location);
    if (record === undefined) return undefined;
    return { head: record.head, body: location.file === 0 ? record.payload : undefined };
  }

  async openBody(location: ObjectLocation): Promise<BodyReader | undefined> {
    const root = this.#rootOf(location);
    if (root === undefined) return undefined;
    return location.file === 0 ? this.#openPacked(root, location) : this.#openFile(root, location);
  }

  async openGrowing(disk: number, file: number): Promise<BodyReader | undefined> {
    const root = this.#disks.rootOf(disk);
    if (root === undefined || !Number.isSafeInteger(file) || file <= 0) return undefined;
    const pooled = this.#pool.hold(bodyFilePath(root, file));
    try {
      await this.#pool.use(pooled, () => Promise.resolve());
      return new GrowingBodyReader(this.#pool, pooled);
    } catch (cause) {
      this.#pool.release(pooled);
      this.#noteUnreadable(pooled.path, cause);
      return undefined;
    }
  }

  async removeBodies(locations: readonly ObjectLocation[]): Promise<number> {
    let removed = 0;
    for (const location of locations) {
      if (location.file === 0) continue;
      const root = this.#rootOf(location);
      if (root === undefined) continue;
      const path = bodyFilePath(root, location.file);
      this.#pool.remove(path);
      if (await this.#delete(path)) removed += 1;
    }
    return removed;
  }

  async deleteSegment(disk: number, segment: number): Promise<boolean> {
    const root = this.#disks.rootOf(disk);
    if (root === undefined || !Number.isSafeInteger(segment) || segment < 0) return false;
    const path = segmentPath(root, segment);
    this.#pool.remove(path);
    return this.#delete(path);
  }

  async listSegments(): Promise<SegmentFile[]> {
    const lists = await Promise.all(this.#disks.disks.map(listSegmentsOf));
    return lists.flat();
  }

  async removeOrphanFiles(isLive: (disk: number, file: number) => boolean, sweep: OrphanSweep): Promise<number> {
    let removed = 0;
    for (const disk of this.#disks.disks) {
      removed += await removeOrphansOf(disk, isLive, sweep, (path) => this.#pool.remove(path));
    }
    return removed;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#growing].map((file) => file.abandon()));
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    await this.#pool.close();
  }

  #writerFor(disk: Disk): SegmentWriter {
    let writer = this.#writers.get(disk.index);
    if (writer === undefined) {
      writer = new SegmentWriter(disk.root, disk.segmentBytes, () => this.#settings.allocateSegment(disk.index));
      this.#writers.set(disk.index, writer);
    }
    return writer;
  }

  async #appendRecord(disk: Disk, parts: RecordParts): Promise<ObjectLocation> {
    const { head, bodyBytes, file } = parts;
    if (head.length > HEAD_LIMIT_BYTES) throw new EdgeError("STORE_UNAVAILABLE", { detail: "the head is too large" });
    const shape = { headBytes: head.length, bodyBytes, file };
    try {
      const place = await this.#writerFor(disk).append(encodeRecord(parts), recordBytesOf(shape));
      return { disk: disk.index, ...place, ...shape };
    } catch (cause) {
      throw this.#writeFailure(disk, cause);
    }
  }

  async #createFileOn(disk: Disk): Promise<GrowingFile> {
    try {
      const { id, path, descriptor } = await createNumberedFile(
        () => this.#settings.allocateFile(disk.index),
        (file) => bodyFilePath(disk.root, file),
      );
      const growing = new BodyFileWriter({
        disk: disk.index,
        file: id,
        path,
        descriptor,
        appendRecord: (head, payload, bodyBytes) => this.#appendRecord(disk, { head, payload, bodyBytes, file: id }),
        onEnd: (ended) => this.#growing.delete(ended),
      });
      this.#growing.add(growing);
      return growing;
    } catch (cause) {
      throw this.#writeFailure(disk, cause);
    }
  }

  async #openPacked(root: string, location: ObjectLocation): Promise<BodyReader | undefined> {
    const file = this.#pool.hold(segmentPath(root, location.segment));
    if (
      file.verified.get(location.offset) !== shapeMark(location) &&
      (await this.#readRecord(location)) === undefined
    ) {
      this.#pool.release(file);
      return undefined;
    }
    const start = location.offset + RECORD_HEADER_BYTES + location.headBytes;
    return new PackedBodyReader(this.#pool, file, start, location.bodyBytes, (path, reason) =>
      this.#noteDamage(path, reason),
    );
  }

  async #openFile(root: string, location: ObjectLocation): Promise<BodyReader | undefined> {
    const file = this.#pool.hold(bodyFilePath(root, location.file));
    const table = await this.#checksumsOf(file, location);
    if (table === undefined) {
      this.#pool.release(file);
      return undefined;
    }
    return new BlockBodyReader(this.#pool, file, location.bodyBytes, table, (path, reason) =>
      this.#noteDamage(path, reason),
    );
  }

  /** Checksums of a body file that is there in full length; undefined when it is not. */
  async #checksumsOf(file: PooledFile, location: ObjectLocation): Promise<Buffer | undefined> {
    try {
      const length = await this.#pool.use(file, readFileLength);
      if (length !== location.bodyBytes) {
        this.#noteDamage(file.path, `${length} bytes instead of ${location.bodyBytes}`);
        return undefined;
      }
    } catch (cause) {
      this.#noteUnreadable(file.path, cause);
      return undefined;
    }
    file.checksums ??= (await this.#readRecord(location))?.payload;
    return file.checksums;
  }

  async #readRecord(location: ObjectLocation): Promise<WholeRecord | undefined> {
    const root = this.#rootOf(location);
    if (root === undefined) return undefined;
    const file = this.#pool.hold(segmentPath(root, location.segment));
    try {
      const wanted = unpaddedBytesOf(location);
      const record = Buffer.allocUnsafeSlow(wanted);
      const count = await this.#pool.use(file, (descriptor) =>
        readFully(descriptor, record, 0, wanted, location.offset),
      );
      const reading = decodeRecord(record.subarray(0, count), location);
      if (reading.kind === "whole") {
        file.verified.set(location.offset, shapeMark(location));
        return reading;
      }
      this.#noteDamage(`${file.path}:${location.offset}`, reading.reason);
    } catch (cause) {
      this.#noteUnreadable(file.path, cause);
    } finally {
      this.#pool.release(file);
    }
    return undefined;
  }

  /** Undefined for a location that no disk of ours can hold. */
  #rootOf(location: ObjectLocation): string | undefined {
    if (!isPlausibleLocation(location)) {
      this.#noteDamage(`segment ${location.segment}`, "the index names an impossible place");
      return undefined;
    }
    const root = this.#disks.rootOf(location.disk);
    if (root === undefined) this.counters.missing += 1;
    return root;
  }

  async #delete(path: string): Promise<boolean> {
    try {
      return await deleteFile(path);
    } catch (cause) {
      this.counters.failed += 1;
      this.#settings.onProblem(storeProblem("warning", path, `It cannot be deleted: ${describeCause(cause)}.`));
      return false;
    }
  }

  #noteDamage(path: string, reason: string): void {
    this.counters.damaged += 1;
    this.#settings.onProblem(storeProblem("warning", path, `Damaged, treated as not stored: ${reason}.`));
  }

  #noteUnreadable(path: string, cause: unknown): void {
    if (causeCode(cause) === "ENOENT") {
      this.counters.missing += 1;
      return;
    }
    this.counters.failed += 1;
    this.#settings.onProblem(storeProblem("error", path, `It cannot be read: ${describeCause(cause)}.`));
  }

  #writeFailure(disk: Disk, cause: unknown): EdgeError {
    this.counters.failed += 1;
    this.#settings.onProblem(storeProblem("error", disk.root, `It cannot be written: ${describeCause(cause)}.`));
    return failure(disk.root, cause);
  }
}

/**
 * Opens the bodies on the configured disks for this process and creates their folders. Throws STORE_UNAVAILABLE
 * when no disk is usable. Buffers given to `append` and `write` must not change until the promise resolves.
 */
export const openBodyStore = (settings: BodyStoreSettings): BodyStore & BodyUpkeep => new DiskBodyStore(settings);
