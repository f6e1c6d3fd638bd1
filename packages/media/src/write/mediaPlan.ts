import type { SourceRange } from "../contract.ts";
import type { TimelineTrack } from "../movie/contract.ts";
import type { CutTimeline } from "../timeline/timelineOf.ts";
import { ChunkTable } from "./chunkTable.ts";
import { SampleCursor } from "./sampleCursor.ts";
import { type Sliced, Slices } from "./slices.ts";

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
  mediaBytes = 0;
  #rangeStart = -1;
  #rangeEnd = -1;
  #gapBytes = 0;
  #lastChunks: ChunkTable | undefined;
  #chunkBytes = 0;

  add(chunks: ChunkTable, start: number, size: number, entry: number): void {
    const gap = this.#append(start, size);
    const goesOn =
      this.#lastChunks === chunks &&
      gap === 0 &&
      chunks.lastEntry === entry &&
      this.#chunkBytes + size <= MOST_CHUNK_BYTES;
    if (goesOn) {
      chunks.extend();
      this.#chunkBytes += size;
    } else {
      chunks.begin(this.mediaBytes - size, entry);
      this.#chunkBytes = size;
      this.#lastChunks = chunks;
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

/** A track on its way into the new file. */
class PlannedTrack {
  readonly cursor: SampleCursor;
  readonly chunks = new ChunkTable();
  /** Where the cursor is to stop, as it counts what it has passed. */
  end = 0;

  constructor(timelineTrack: TimelineTrack) {
    this.cursor = new SampleCursor(timelineTrack);
  }
}

/** Samples of one track that follow each other in the source in front of `limit`: one at least, and no more than a slice. */
const takeSamples = (layout: MediaLayout, { cursor, chunks, end }: PlannedTrack, limit: number): void => {
  const { track } = cursor;
  const hasOneEntry = track.sampleEntries.length <= 1;
  const stop = Math.min(end, cursor.passed + Slices.samples);
  do {
    layout.add(chunks, cursor.offset, cursor.size, hasOneEntry ? 0 : track.entryOf(cursor.sample));
    cursor.advance();
  } while (cursor.passed < stop && cursor.offset < limit);
};

/** Sections one behind the other; inside a section the samples of all tracks in the order of the source. */
export function* planMedia(timeline: CutTimeline, slices: Slices): Sliced<MediaPlan> {
  const tracks = timeline.tracks.map((track) => new PlannedTrack(track));
  const layout = new MediaLayout();
  for (const ends of timeline.sectionEnds) {
    for (const [position, track] of tracks.entries()) {
      track.end = ends[position] ?? 0;
    }
    for (;;) {
      let first: PlannedTrack | undefined;
      let lowest = Number.POSITIVE_INFINITY;
      let limit = Number.POSITIVE_INFINITY;
      for (const track of tracks) {
        const { offset, passed } = track.cursor;
        if (passed >= track.end) {
          continue;
        }
        if (first === undefined || offset < lowest) {
          limit = lowest;
          lowest = offset;
          first = track;
        } else if (offset < limit) {
          limit = offset;
        }
      }
      if (first === undefined) {
        break;
      }
      const { passed } = first.cursor;
      takeSamples(layout, first, limit);
      if (slices.isOver(first.cursor.passed - passed)) {
        yield;
      }
    }
  }
  layout.finish();
  return { chunks: tracks.map(({ chunks }) => chunks), ranges: layout.ranges, mediaBytes: layout.mediaBytes };
}
