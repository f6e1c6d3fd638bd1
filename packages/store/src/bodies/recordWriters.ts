import type { ObjectLocation } from "../contract.ts";
import type { Disk } from "./diskSet.ts";
import { encodeRecord, type RecordParts, recordBytesOf } from "./recordFormat.ts";
import { SegmentWriter } from "./segmentWriter.ts";
import type { StoreParts } from "./storeParts.ts";

/** One writer of segments for each disk that this process writes to. */
export class RecordWriters {
  readonly #parts: StoreParts;
  readonly #allocate: (disk: number) => Promise<number>;
  readonly #writers = new Map<Disk, SegmentWriter>();
  #isClosed = false;

  constructor(parts: StoreParts, allocate: (disk: number) => Promise<number>) {
    this.#parts = parts;
    this.#allocate = allocate;
  }

  async append(disk: Disk, parts: RecordParts): Promise<ObjectLocation> {
    const { headBytes, bodyBytes, file } = parts;
    try {
      const place = await this.#writerFor(disk).append(encodeRecord(parts), recordBytesOf(parts));
      return { disk: disk.number, segment: place.segment, offset: place.offset, headBytes, bodyBytes, file };
    } catch (cause) {
      throw this.#parts.reports.unwritable(disk, cause);
    }
  }

  /** The disk left: its segment is left behind. */
  async drop(disk: Disk): Promise<void> {
    const writer = this.#writers.get(disk);
    this.#writers.delete(disk);
    await writer?.abandon();
  }

  /** Nothing is written any more; what waits is refused. Resolves when the writes under way have ended. */
  async seal(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#writers.values()].map((writer) => writer.abandon()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
  }

  #writerFor(disk: Disk): SegmentWriter {
    let writer = this.#writers.get(disk);
    if (writer === undefined) {
      writer = new SegmentWriter({
        disk,
        allocate: () => this.#allocate(disk.number),
        onWritten: (path) => this.#parts.unsynced.note(path, disk),
      });
      if (this.#isClosed || !disk.isInUse) void writer.close();
      else this.#writers.set(disk, writer);
    }
    return writer;
  }
}
