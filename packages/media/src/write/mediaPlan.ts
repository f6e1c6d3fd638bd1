import type { SourceRange } from "../contract.ts";
import type { CutTimeline } from "../timeline/timelineOf.ts";
import { ChunkTable } from "./chunkTable.ts";
import { SampleCursor } from "./sampleCursor.ts";

/** Players read a chunk at once. */
const MOST_CHUNK_BYTES = 1024 * 1024;
/** Bytes between two samples that nobody needs may stay in the file if they are that few, ... */
const MOST_GAP_BYTES = 4096;
/** ... and all of them together are no more than this share of it. */
const MOST_GAP_SHARE = 0.01;

/** Where the samples of a new file lie, and from where in the source they come. */
export interface MediaPlan {
  /** By position in the timeline's tracks. */
  readonly chunks: readonly ChunkTable[];
  /** Behind each other they are the media data. */
  readonly ranges: readonly SourceRange[];
  readonly mediaBytes: number;
}

class MediaLayout {
  readonly ranges: SourceRange[] = [];
  readonly chunks: readonly ChunkTable[];
  mediaBytes = 0;
  #rangeStart = -1;
  #rangeEnd = -1;
  #gapBytes = 0;
  #lastTrack = -1;
  #chunkBytes = 0;

  constructor(trackCount: number) {
    this.chunks = Array.from({ length: trackCount }, () => new ChunkTable());
  }

  add(position: number, start: number, size: number, entry: number): void {
    const gap = this.#append(start, size);
    const chunks = this.chunks[position];
    if (chunks === undefined) {
      return;
    }
    const goesOn =
      this.#lastTrack === position &&
      gap === 0 &&
      chunks.entryOf(chunks.length - 1) === entry &&
      this.#chunkBytes + size <= MOST_CHUNK_BYTES;
    if (goesOn) {
      chunks.extend();
      this.#chunkBytes += size;
    } else {
      chunks.begin(this.mediaBytes - size, entry);
      this.#chunkBytes = size;
      this.#lastTrack = position;
    }
  }

  /** Answers how many bytes nobody needs were taken in front of the sample. */
  #append(start: number, size: number): number {
    const gap = start - this.#rangeEnd;
    if (gap !== 0 && !(gap > 0 && gap <= MOST_GAP_BYTES && this.#gapBytes + gap <= this.mediaBytes * MOST_GAP_SHARE)) {
      this.finish();
      this.#rangeStart = start;
      this.#rangeEnd = start + size;
      this.mediaBytes += size;
      return 0;
    }
    this.#rangeEnd = start + size;
    this.mediaBytes += gap + size;
    this.#gapBytes += gap;
    return gap;
  }

  /** Nothing follows the range that grew last. */
  finish(): void {
    if (this.#rangeEnd > this.#rangeStart) {
      this.ranges.push({ start: this.#rangeStart, end: this.#rangeEnd });
    }
  }
}

/** The position among the cursors of the one whose sample comes first in the source; -1 when all are at their end. */
const firstInSource = (cursors: readonly SampleCursor[], ends: readonly number[], except: number): number => {
  let found = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (let position = 0; position < cursors.length; position += 1) {
    const cursor = cursors[position];
    if (cursor === undefined || position === except || cursor.passed >= (ends[position] ?? 0)) {
      continue;
    }
    if (cursor.offset < lowest) {
      lowest = cursor.offset;
      found = position;
    }
  }
  return found;
};

/** Sections one behind the other; inside a section the samples of all tracks in the order of the source. */
export const planMedia = (timeline: CutTimeline): MediaPlan => {
  const cursors = timeline.tracks.map((track) => new SampleCursor(track));
  const layout = new MediaLayout(cursors.length);
  for (const ends of timeline.sectionEnds) {
    for (;;) {
      const position = firstInSource(cursors, ends, -1);
      const cursor = cursors[position];
      if (cursor === undefined) {
        break;
      }
      const other = cursors[firstInSource(cursors, ends, position)];
      const limit = other?.offset ?? Number.POSITIVE_INFINITY;
      const end = ends[position] ?? 0;
      const { track } = cursor;
      const hasOneEntry = track.sampleEntries.length <= 1;
      do {
        const { sample } = cursor;
        layout.add(position, cursor.offset, track.sizeOf(sample), hasOneEntry ? 0 : track.entryOf(sample));
        cursor.advance();
      } while (cursor.passed < end && cursor.offset < limit);
    }
  }
  layout.finish();
  return layout;
};
