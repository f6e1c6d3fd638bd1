import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { causeCode } from "../storeProblem.ts";
import { segmentPath } from "./diskPaths.ts";
import { closeFile, openFile, writeFully } from "./fileAccess.ts";

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
  readonly descriptor: number;
  length: number;
}

/** One write takes at most this much: larger ones only make the first record wait longer. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Each record is at most four buffers; the system takes 1,024 at once. */
const BATCH_RECORDS = 256;
/** An id whose file exists is skipped; this many in a row mean that something else is wrong. */
const ID_ATTEMPTS = 64;

const ENDED = new Error("the body store is closed");

/** Creates a file that must not exist yet, under the first free id. */
export const createNumberedFile = async (
  allocate: () => Promise<number>,
  pathOf: (id: number) => string,
): Promise<{ readonly id: number; readonly path: string; readonly descriptor: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    const id = await allocate();
    const path = pathOf(id);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      return { id, path, descriptor: await openFile(path, "wx+") };
    } catch (cause) {
      if (causeCode(cause) !== "EEXIST" || attempt >= ID_ATTEMPTS) throw cause;
    }
  }
};

/**
 * Appends records to one open segment of one disk. Records that arrive while a write runs go out together in the
 * next. A segment that an attempt to write failed on is left behind: what is behind its last whole record is garbage.
 */
export class SegmentWriter {
  readonly #root: string;
  readonly #segmentBytes: number;
  readonly #allocate: () => Promise<number>;
  #waiting: WaitingRecord[] = [];
  #current: OpenSegment | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(root: string, segmentBytes: number, allocate: () => Promise<number>) {
    this.#root = root;
    this.#segmentBytes = segmentBytes;
    this.#allocate = allocate;
  }

  append(buffers: readonly Buffer[], recordBytes: number): Promise<SegmentPlace> {
    if (this.#isClosed) return Promise.reject(ENDED);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ buffers, recordBytes, resolve, reject });
      this.#running ??= this.#writeAll();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    await this.#leaveSegment();
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
        batch = this.#takeBatch(this.#segmentBytes - segment.length);
        await this.#writeBatch(segment, batch);
      } catch (cause) {
        if (this.#waiting[0] === first) this.#waiting.shift();
        for (const record of batch) record.reject(cause);
        await this.#leaveSegment();
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
    let offset = start;
    for (const record of batch) {
      record.resolve({ segment: segment.segment, offset });
      offset += record.recordBytes;
    }
    segment.length = offset;
  }

  async #segmentFor(recordBytes: number): Promise<OpenSegment> {
    const { length } = this.#current ?? { length: 0 };
    if (this.#current !== undefined && length > 0 && length + recordBytes > this.#segmentBytes) {
      await this.#leaveSegment();
    }
    if (this.#current === undefined) {
      const { id, descriptor } = await createNumberedFile(this.#allocate, (segment) =>
        segmentPath(this.#root, segment),
      );
      this.#current = { segment: id, descriptor, length: 0 };
    }
    return this.#current;
  }

  async #leaveSegment(): Promise<void> {
    const segment = this.#current;
    this.#current = undefined;
    if (segment !== undefined) await closeFile(segment.descriptor);
  }
}
