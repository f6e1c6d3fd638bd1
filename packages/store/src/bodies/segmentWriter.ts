import { faultSideOf, NotInUseError } from "./diskFaults.ts";
import { segmentFolders, segmentPath } from "./diskPaths.ts";
import type { Disk } from "./diskSet.ts";
import { closeFile, setFileLength, writeFully } from "./fileAccess.ts";
import { createNumberedFile } from "./newFiles.ts";

export interface SegmentWriterContext {
  readonly disk: Disk;
  readonly allocate: () => Promise<number>;
  /** Called when bytes were written, before those who gave them are told. */
  readonly onWritten: (path: string) => void;
}

export interface SegmentPlace {
  readonly segment: number;
  readonly offset: number;
}

interface WaitingRecord {
  readonly buffers: readonly Buffer[];
  readonly recordBytes: number;
  readonly resolve: (place: SegmentPlace) => void;
  readonly reject: (cause: unknown) => void;
}

interface OpenSegment {
  readonly segment: number;
  readonly path: string;
  readonly descriptor: number;
  length: number;
}

/** One write takes at most this much: larger ones only make the first record wait longer. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Each record is at most four buffers; the system takes 1,024 at once. */
const BATCH_RECORDS = 256;
/**
 * Appends records to one open segment of one disk. Records that arrive while a write runs go out together in the
 * next. A segment that an attempt to write failed on is left behind: what is behind its last whole record is garbage.
 * Only a disk that had no room keeps its segment, cut to what is whole.
 */
export class SegmentWriter {
  readonly #context: SegmentWriterContext;
  #waiting: WaitingRecord[] = [];
  #current: OpenSegment | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(context: SegmentWriterContext) {
    this.#context = context;
  }

  append(buffers: readonly Buffer[], recordBytes: number): Promise<SegmentPlace> {
    if (this.#isClosed) return Promise.reject(this.#ended());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ buffers, recordBytes, resolve, reject });
      this.#running ??= this.#writeAll();
    });
  }

  /** Writes what is waiting, and nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    await this.#leaveSegment();
  }

  /** The disk left: what is waiting is refused. */
  async abandon(): Promise<void> {
    for (const record of this.#waiting.splice(0)) record.reject(this.#ended());
    await this.close();
  }

  #ended(): NotInUseError {
    return new NotInUseError(this.#context.disk.root);
  }

  /** Gives up its turn in the same breath as it finds nothing to do: a record that comes later starts it again. */
  async #writeAll(): Promise<void> {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) {
        this.#running = undefined;
        return;
      }
      let batch: WaitingRecord[] = [first];
      try {
        const segment = await this.#segmentFor(first.recordBytes);
        batch = this.#takeBatch(this.#context.disk.segmentBytes - segment.length);
        await this.#writeBatch(segment, batch);
      } catch (cause) {
        if (this.#waiting[0] === first) this.#waiting.shift();
        await this.#leaveFailedSegment(cause);
        for (const record of batch) record.reject(cause);
      }
    }
  }

  /** The first record always, then as many as fit. */
  #takeBatch(roomBytes: number): WaitingRecord[] {
    let batchBytes = 0;
    let count = 0;
    for (const record of this.#waiting) {
      const total = batchBytes + record.recordBytes;
      if (count > 0 && (total > roomBytes || total > BATCH_BYTES || count >= BATCH_RECORDS)) break;
      batchBytes = total;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeBatch(segment: OpenSegment, batch: readonly WaitingRecord[]): Promise<void> {
    const start = segment.length;
    await writeFully(
      segment.descriptor,
      batch.flatMap((record) => record.buffers),
      start,
    );
    this.#context.onWritten(segment.path);
    let offset = start;
    for (const record of batch) {
      record.resolve({ segment: segment.segment, offset });
      offset += record.recordBytes;
    }
    segment.length = offset;
  }

  async #segmentFor(recordBytes: number): Promise<OpenSegment> {
    const { disk, allocate } = this.#context;
    const { length } = this.#current ?? { length: 0 };
    if (this.#current !== undefined && length > 0 && length + recordBytes > disk.segmentBytes) {
      await this.#leaveSegment();
    }
    if (this.#current === undefined) {
      await disk.prepare();
      const { id, path, descriptor } = await createNumberedFile({
        allocate,
        pathOf: (segment) => segmentPath(disk.root, segment),
        foldersOf: (segment) => segmentFolders(disk.root, segment),
      });
      this.#current = { segment: id, path, descriptor, length: 0 };
    }
    return this.#current;
  }

  async #leaveFailedSegment(cause: unknown): Promise<void> {
    const segment = this.#current;
    if (segment === undefined) return;
    if (faultSideOf(cause) === "full") {
      try {
        return await setFileLength(segment.descriptor, segment.length);
      } catch {
        // It is left behind as any other.
      }
    }
    await this.#leaveSegment();
  }

  async #leaveSegment(): Promise<void> {
    const segment = this.#current;
    this.#current = undefined;
    if (segment !== undefined) await closeFile(segment.descriptor);
  }
}
