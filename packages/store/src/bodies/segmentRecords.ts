import type { BodyReader, FoundRecord, ObjectLocation } from "../contract.ts";
import { QUICK_RECORD_BYTES } from "../limits.ts";
import type { PooledFile } from "./descriptorPool.ts";
import { segmentPath } from "./diskPaths.ts";
import type { Disk } from "./diskSet.ts";
import { readFully } from "./fileAccess.ts";
import { PackedBodyReader } from "./packedReader.ts";
import { QuickReads } from "./quickReads.ts";
import {
  decodeRecord,
  decodeShape,
  headStartOf,
  isPlausibleLocation,
  RECORD_HEADER_BYTES,
  RECORD_LIMIT_BYTES,
  recordBytesOf,
  unpaddedBytesOf,
} from "./recordFormat.ts";
import { decodeRowImage } from "./rowImage.ts";
import type { StoreParts } from "./storeParts.ts";

export interface WholeRecord {
  readonly head: Buffer;
  readonly payload: Buffer;
}

/** Read at once when a segment is gone through: the longest record fits. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);

if (WINDOW_BYTES < RECORD_LIMIT_BYTES) throw new RangeError("a record does not fit into the window");

/** Records as they lie in the segments. */
export class SegmentRecords {
  readonly #parts: StoreParts;
  readonly #quickReads = new QuickReads();

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** See `BodyStore.loadNow`. */
  loadNow(
    disk: Disk,
    location: ObjectLocation,
    scratch: Buffer | undefined,
  ): { readonly head: Buffer; readonly body: Buffer } | undefined {
    const wanted = unpaddedBytesOf(location);
    if (wanted > QUICK_RECORD_BYTES || !this.#quickReads.isAllowed) return undefined;
    const file = this.#parts.readable.findOpen(segmentPath(disk.root, location.segment));
    if (file === undefined) return undefined;
    const record = scratch?.subarray(0, wanted) ?? Buffer.allocUnsafeSlow(wanted);
    try {
      if (this.#quickReads.read(file.descriptor, record, location.offset) < wanted) return undefined;
    } catch {
      return undefined;
    }
    if (!file.verified.isUnchanged(location, record)) {
      if (decodeRecord(record, location).kind !== "whole") return undefined;
      file.verified.note(location, record);
    }
    const headEnd = RECORD_HEADER_BYTES + location.headBytes;
    return { head: record.subarray(headStartOf(record), headEnd), body: record.subarray(headEnd) };
  }

  async read(disk: Disk, location: ObjectLocation): Promise<WholeRecord | undefined> {
    const { readable, reports } = this.#parts;
    const file = readable.hold(segmentPath(disk.root, location.segment));
    try {
      const wanted = unpaddedBytesOf(location);
      const record = Buffer.allocUnsafeSlow(wanted);
      const count = await readable.use(file, (descriptor) => readFully(descriptor, record, 0, wanted, location.offset));
      const reading = decodeRecord(record.subarray(0, count), location);
      if (reading.kind === "whole") {
        file.verified.note(location, record);
        return reading;
      }
      file.verified.forget(location);
      reports.damaged(`${file.path}:${location.offset}`, reading.reason);
    } catch (cause) {
      reports.unreadable(disk, file.path, cause);
    } finally {
      readable.release(file);
    }
    return undefined;
  }

  async openPacked(disk: Disk, location: ObjectLocation): Promise<BodyReader | undefined> {
    const { readable: pool, reports } = this.#parts;
    const file = pool.hold(segmentPath(disk.root, location.segment));
    const isVerified = file.verified.sumsOf(location) !== undefined;
    if (!isVerified && (await this.read(disk, location)) === undefined) {
      pool.release(file);
      return undefined;
    }
    return new PackedBodyReader({ pool, reports, disk, file }, location);
  }

  /** Whole records from an offset on; ends quietly at the first that is not whole. */
  async *recordsFrom(disk: Disk, segment: number, fromOffset: number): AsyncGenerator<FoundRecord> {
    const file = this.#parts.readable.hold(segmentPath(disk.root, segment));
    try {
      let windowStart = fromOffset;
      let window = await this.#readWindow(disk, file, windowStart);
      let offset = fromOffset;
      while (window.length > 0) {
        const found = findRecord(window.subarray(offset - windowStart), { disk: disk.number, segment, offset });
        if (found !== undefined) {
          yield found;
          offset += recordBytesOf(found.location);
          if (offset < windowStart + window.length) continue;
        } else if (offset === windowStart) return;
        windowStart = offset;
        window = await this.#readWindow(disk, file, windowStart);
      }
    } finally {
      this.#parts.readable.release(file);
    }
  }

  /** Empty behind the end of the segment, and when it cannot be read. */
  async #readWindow(disk: Disk, file: PooledFile, position: number): Promise<Buffer> {
    const { readable, reports } = this.#parts;
    const window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
    try {
      const count = await readable.use(file, (descriptor) => readFully(descriptor, window, 0, WINDOW_BYTES, position));
      return window.subarray(0, count);
    } catch (cause) {
      reports.unreadable(disk, file.path, cause);
      return EMPTY;
    }
  }
}

/** The record that begins `bytes`, if it is whole. */
const findRecord = (
  bytes: Buffer,
  place: Pick<ObjectLocation, "disk" | "segment" | "offset">,
): FoundRecord | undefined => {
  const shape = decodeShape(bytes);
  if (shape === undefined) return undefined;
  const location: ObjectLocation = { ...place, ...shape };
  const reading = decodeRecord(bytes, location);
  if (reading.kind !== "whole" || !isPlausibleLocation(location)) return undefined;
  const image = decodeRowImage(reading.image);
  return image === undefined ? undefined : { image, location };
};
