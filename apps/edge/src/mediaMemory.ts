import type { MediaOutcome } from "@basalt/media";
import type { MediaJob } from "@basalt/transform";
import type { MediaSource } from "./mediaSource.ts";
import { MemoryPool } from "./memoryPool.ts";

/**
 * For sources and results of media jobs. It is shared with the threads, since memory that goes to and fro between them has
 * the collector of both at work all the time.
 */
export type MediaMemory = MemoryPool<SharedArrayBuffer>;

/** A segment of ten seconds with 25 Mbps, and its source. */
const MEMORY_BYTES = 64 * 1024 ** 2;

/** Beside the media jobs that run: one is read ahead, and of some the result is being written. */
const JOBS_BESIDE = 3;
/** Of what the transform host may take: threads have memory of their own beside these. */
const HOST_SHARE = 0.5;

/** How many of them a host has that runs so many jobs at a time, and may have so much memory. */
export const mediaMemoriesFor = (threads: number, memoryBytes: number): number =>
  Math.max(1, Math.min(threads + JOBS_BESIDE, Math.floor((HOST_SHARE * memoryBytes) / MEMORY_BYTES)));

/** For so many jobs at a time. */
export const openMediaMemory = (most: number): MediaMemory =>
  new MemoryPool(most, () => new SharedArrayBuffer(MEMORY_BYTES));

export type NeededBytes = Pick<Extract<MediaOutcome, { readonly kind: "needs" }>, "ranges" | "resultBytes">;

/** Shared memory is copied by words where both sides begin at the same place of one, else byte by byte. */
const WORD_BYTES = 8;

/** The first place from `position` on that lies within its word as the place in the file does. */
const alignedAs = (place: number, position: number): number =>
  position + ((((place - position) % WORD_BYTES) + WORD_BYTES) % WORD_BYTES);

/**
 * Memory that one job has of the pool. It goes back when the job is over and nothing is being read into it; it is left to
 * the collector where a thread may be at work in it still.
 */
export class MediaLoan {
  readonly #pool: MediaMemory;
  #memory: SharedArrayBuffer | undefined;
  #isLoading = false;
  #isOver = false;

  constructor(pool: MediaMemory) {
    this.#pool = pool;
  }

  /** The pieces of the source, with room for the result behind them; in memory of their own where the pool has none. */
  async load(
    source: MediaSource,
    { ranges, resultBytes = 0 }: NeededBytes,
  ): Promise<Pick<MediaJob, "pieces" | "room">> {
    if (ranges.length === 0) return { pieces: [] };
    const sourceBytes = ranges.reduce((bytes, { start, end }) => bytes + WORD_BYTES + end - start, 0);
    const memory = sourceBytes + resultBytes > MEMORY_BYTES ? undefined : this.#pool.take();
    const pieces: { readonly start: number; readonly bytes: Uint8Array }[] = [];
    if (memory === undefined) {
      for (const range of ranges) pieces.push({ start: range.start, bytes: await source.read(range) });
      return { pieces };
    }
    this.#memory = memory;
    this.#isLoading = true;
    let position = 0;
    try {
      for (const range of ranges) {
        position = alignedAs(range.start, position);
        const bytes = new Uint8Array(memory, position, range.end - range.start);
        await source.readInto(range, bytes);
        pieces.push({ start: range.start, bytes });
        position += bytes.length;
      }
    } finally {
      this.#isLoading = false;
      this.#settle();
    }
    return { pieces, room: new Uint8Array(memory, position) };
  }

  /** A thread has failed that may be at work in the memory for some time yet. */
  abandon(): void {
    if (this.#memory !== undefined) this.#pool.writeOff();
    this.#memory = undefined;
  }

  giveBack(): void {
    this.#isOver = true;
    this.#settle();
  }

  #settle(): void {
    if (!this.#isOver || this.#isLoading || this.#memory === undefined) return;
    this.#pool.give(this.#memory);
    this.#memory = undefined;
  }
}
