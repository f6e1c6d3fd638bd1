import type { SourceRange } from "../contract.ts";
import type { CutTimeline } from "../timeline/timelineOf.ts";
import { SampleCursor } from "./sampleCursor.ts";

/** Players read a chunk at once. */
const MOST_CHUNK_BYTES = 1024 * 1024;
/** Bytes between two samples that nobody needs may stay in the file if they are that few, ... */
const MOST_GAP_BYTES = 4096;
/** ... and all of them together are no more than this share of it. */
const MOST_GAP_SHARE = 0.01;

/** Chunks of one track, in columns. */
export interface Chunks {
  /** Position behind the beginning of the media data. */
  readonly offsets: readonly number[];
  readonly sampleCounts: readonly number[];
  /** Number of the sample entry in the source. */
  readonly entries: readonly number[];
}

/** Where the samples of a new file lie, and from where in the source they come. */
export interface MediaPlan {
  /** By position in the timeline's tracks. */
  readonly chunks: readonly Chunks[];
  /** Behind each other they are the media data. */
  readonly ranges: readonly SourceRange[];
  readonly mediaBytes: number;
}

class MediaLayout {
  readonly ranges: { start: number; end: number }[] = [];
  readonly chunks: { offsets: number[]; sampleCounts: number[]; entries: number[] }[];
  mediaBytes = 0;
  #gapBytes = 0;
  #lastTrack = -1;
  #chunkBytes = 0;

  constructor(trackCount: number) {
    this.chunks = Array.from({ length: trackCount }, () => ({ offsets: [], sampleCounts: [], entries: [] }));
  }

  add(position: number, start: number, size: number, entry: number): void {
    const gap = this.#append(start, size);
    const chunks = this.chunks[position];
    if (chunks === undefined) {
      return;
    }
    const last = chunks.offsets.length - 1;
    const goesOn =
      this.#lastTrack === position &&
      gap === 0 &&
      chunks.entries[last] === entry &&
      this.#chunkBytes + size <= MOST_CHUNK_BYTES;
    if (goesOn) {
      chunks.sampleCounts[last] = (chunks.sampleCounts[last] ?? 0) + 1;
      this.#chunkBytes += size;
    } else {
      chunks.offsets.push(this.mediaBytes - size);
      chunks.sampleCounts.push(1);
      chunks.entries.push(entry);
      this.#chunkBytes = size;
      this.#lastTrack = position;
    }
  }

  /** Answers how many bytes nobody needs were taken in front of the sample. */
  #append(start: number, size: number): number {
    const last = this.ranges.at(-1);
    const gap = last === undefined ? -1 : start - last.end;
    const allowed = Math.min(MOST_GAP_BYTES, this.mediaBytes * MOST_GAP_SHARE - this.#gapBytes);
    if (last === undefined || gap < 0 || (gap > 0 && gap > allowed)) {
      this.ranges.push({ start, end: start + size });
      this.mediaBytes += size;
      return 0;
    }
    last.end = start + size;
    this.mediaBytes += gap + size;
    this.#gapBytes += gap;
    return gap;
  }
}

/** The position among the cursors of the one whose sample comes first in the source; -1 when all are at their end. */
const firstInSource = (cursors: readonly SampleCursor[], ends: readonly number[], except: number): number => {
  let found = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (const [position, cursor] of cursors.entries()) {
    if (position === except || cursor.passed >= (ends[position] ?? 0)) {
      continue;
    }
    const offset = cursor.track.offsetOf(cursor.sample);
    if (offset < lowest) {
      lowest = offset;
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
      const limit = other === undefined ? Number.POSITIVE_INFINITY : other.track.offsetOf(other.sample);
      const end = ends[position] ?? 0;
      const { track } = cursor;
      const hasOneEntry = track.sampleEntries.length <= 1;
      do {
        const { sample } = cursor;
        layout.add(position, track.offsetOf(sample), track.sizeOf(sample), hasOneEntry ? 0 : track.entryOf(sample));
        cursor.advance();
      } while (cursor.passed < end && track.offsetOf(cursor.sample) < limit);
    }
  }
  return layout;
};
