import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { segmentPath } from "../../packages/store/src/bodies/diskPaths.ts";
import { recordBytesOf } from "../../packages/store/src/bodies/recordFormat.ts";
import {
  computeCacheKey,
  type DiskIndex,
  type IndexRow,
  type ObjectLocation,
  openDiskIndexWriter,
} from "../../packages/store/src/index.ts";
import { epochMs, systemClock } from "../../packages/types/src/index.ts";
import { isRecord, numberAt, parseRecord } from "../lib/json.ts";
import { print, printError } from "../lib/print.ts";

/**
 * Fills a real index with rows of objects that were never fetched. Their segments are sparse files of the right
 * length, so that every account of the store adds up; only reading such a record would find nothing.
 */

const SEGMENT_BYTES = 256 << 20;
/** As many rows as the primary writes at once when it is busy. */
const BATCH_ROWS = 1000;
const PROGRESS_EVERY_MS = 5000;
/** Rows after which everything is made durable and the progress noted, so that an interrupted build goes on. */
const NOTE_EVERY_ROWS = 500_000;
const DAY_SECONDS = 86_400;

export const VHOST = "rig.example";

/** 40 characters, as an ordinary picture of a shop has. */
export function fillerUrl(number: number): string {
  return `/shop/pictures/2025/item-${String(number).padStart(11, "0")}.jpg`;
}

export interface BuildResult {
  readonly rows: number;
  readonly seconds: number;
  /** CPU time of this process in all its threads: what the rate would be on a machine that does nothing else. */
  readonly cpuSeconds: number;
  /** Longest time that a batch took from the first `put` until readers could see it. */
  readonly longestBatchMs: number;
}

interface Progress {
  readonly rows: number;
  readonly sample: number;
}

const progressPath = (home: string) => join(home, "bench-store.json");

export function readProgress(home: string): Progress | undefined {
  const path = progressPath(home);
  if (!existsSync(path)) return undefined;
  const record = parseRecord(readFileSync(path, "utf8"));
  return isRecord(record) ? { rows: numberAt(record, "rows"), sample: numberAt(record, "sample") } : undefined;
}

export function writeProgress(home: string, progress: Progress): void {
  writeFileSync(progressPath(home), JSON.stringify(progress));
}

/** One segment that is never written, only as long as the records that are said to lie in it. */
class SparseSegment {
  readonly segment: number;
  readonly #path: string;
  #length = 0;

  constructor(disk: string, segment: number) {
    this.segment = segment;
    this.#path = segmentPath(disk, segment);
    mkdirSync(dirname(this.#path), { recursive: true });
  }

  hasRoomFor(bytes: number): boolean {
    return this.#length + bytes <= SEGMENT_BYTES;
  }

  take(bytes: number): number {
    const offset = this.#length;
    this.#length += bytes;
    return offset;
  }

  /** Brings the file to the length of its records. */
  settle(): void {
    const descriptor = openSync(this.#path, "a");
    ftruncateSync(descriptor, this.#length);
    closeSync(descriptor);
  }
}

/** Adds rows like `pattern` until there are `rows` of them; goes on where an earlier build was interrupted. */
export async function buildIndex(
  home: string,
  disk: string,
  rows: number,
  findPattern: (index: DiskIndex) => IndexRow,
): Promise<BuildResult> {
  const index = openDiskIndexWriter(join(home, "data", "index.sqlite"), {
    clock: systemClock,
    onProblem: (problem) => printError(`index: ${problem.message}`),
    indexing: "Disk",
  });
  const pattern = findPattern(index);
  const { sample = 0, rows: before = 0 } = readProgress(home) ?? {};
  const recordBytes = recordBytesOf(pattern.location);
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  let shown = started;
  let longestBatchMs = 0;
  let segment = new SparseSegment(disk, index.nextSegmentId());
  const nextLocation = (): ObjectLocation => {
    if (!segment.hasRoomFor(recordBytes)) {
      segment.settle();
      segment = new SparseSegment(disk, index.nextSegmentId());
    }
    return { ...pattern.location, segment: segment.segment, offset: segment.take(recordBytes) };
  };
  const note = async (number: number) => {
    segment.settle();
    await index.sync();
    writeProgress(home, { rows: number, sample });
  };
  const now = Date.now();
  for (let number = before; number < rows; ) {
    const end = Math.min(rows, number + BATCH_ROWS);
    const batchStarted = performance.now();
    for (; number < end; number++) {
      const url = fillerUrl(number);
      index.put({
        ...pattern,
        key: computeCacheKey(VHOST, url, ""),
        url,
        location: nextLocation(),
        version: pattern.version + 1 + number,
        ttl: DAY_SECONDS,
        freshUntil: epochMs(now + DAY_SECONDS * 1000),
        updatedAt: epochMs(now),
        lastAccess: epochMs(now),
      });
    }
    await index.flush();
    // As in the primary: what the thread that copies the log has to say is heard in between.
    await nextTurn();
    const ended = performance.now();
    longestBatchMs = Math.max(longestBatchMs, ended - batchStarted);
    if (number % NOTE_EVERY_ROWS === 0) await note(number);
    if (ended - shown > PROGRESS_EVERY_MS) {
      const perSecond = (number - before) / ((ended - started) / 1000);
      print(`      ${number} rows, ${Math.round(perSecond)} per second`);
      shown = ended;
    }
  }
  await note(rows);
  index.close();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    rows: rows - before,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    longestBatchMs,
  };
}

/** Bytes of the index and its companions. */
export function indexFileBytes(home: string): number {
  let bytes = 0;
  for (const ending of ["", "-wal", "-shm"]) {
    const path = join(home, "data", `index.sqlite${ending}`);
    if (existsSync(path)) bytes += statSync(path).size;
  }
  return bytes;
}
