import type { EpochMs } from "@basalt/types";
import type { SegmentFile } from "../contract.ts";

/** A segment that nobody writes to any more. */
export interface ClosedSegment extends SegmentFile {
  /** The keeper wrote it: its objects were used before they came there. */
  readonly isReadmitted: boolean;
}

const compareAge = (left: ClosedSegment, right: ClosedSegment): number =>
  left.modifiedAt - right.modifiedAt || left.segment - right.segment;

/** Removed entries stay in their place until there are this many, and more than others. */
const STALE_ENTRIES = 64;

/**
 * The closed segments of one disk in the order of their last append, and their bytes. An entry of `#ordered` that
 * `#byId` does not name is stale: taking it out at once would move tens of thousands of others.
 */
export class SegmentShelf implements Iterable<ClosedSegment> {
  readonly #byId = new Map<number, ClosedSegment>();
  #ordered: ClosedSegment[] = [];
  /** Entries before this one are stale. */
  #first = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#byId.size;
  }

  get oldest(): ClosedSegment | undefined {
    for (; this.#first < this.#ordered.length; this.#first += 1) {
      const segment = this.#ordered[this.#first];
      if (segment !== undefined && this.#isCurrent(segment)) return segment;
    }
    return undefined;
  }

  get(segment: number): ClosedSegment | undefined {
    return this.#byId.get(segment);
  }

  put(segment: ClosedSegment): void {
    this.remove(segment.segment);
    this.#byId.set(segment.segment, segment);
    this.#bytes += segment.fileBytes;
    const place = this.#placeOf(segment);
    this.#first = Math.min(this.#first, place);
    this.#ordered.splice(place, 0, segment);
  }

  /** These and no others, in any order. */
  replaceAll(segments: readonly ClosedSegment[]): void {
    this.#byId.clear();
    this.#bytes = 0;
    for (const segment of segments) {
      this.#byId.set(segment.segment, segment);
      this.#bytes += segment.fileBytes;
    }
    this.#ordered = [...this.#byId.values()].sort(compareAge);
    this.#first = 0;
  }

  remove(segment: number): ClosedSegment | undefined {
    const known = this.#byId.get(segment);
    if (known === undefined) return undefined;
    this.#byId.delete(segment);
    this.#bytes -= known.fileBytes;
    const staleEntries = this.#ordered.length - this.#byId.size;
    if (staleEntries > STALE_ENTRIES && staleEntries > this.#byId.size) {
      this.#ordered = this.#ordered.filter((entry) => this.#isCurrent(entry));
      this.#first = 0;
    }
    return known;
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<ClosedSegment> {
    for (const segment of this.#ordered) if (this.#isCurrent(segment)) yield segment;
  }

  /** Moment of the oldest last append; `otherwise` when there is no segment. */
  oldestAt(otherwise: EpochMs): EpochMs {
    return this.oldest?.modifiedAt ?? otherwise;
  }

  #isCurrent(segment: ClosedSegment): boolean {
    return this.#byId.get(segment.segment) === segment;
  }

  /** Position behind all entries that are not younger. */
  #placeOf(segment: ClosedSegment): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#ordered[middle];
      if (found !== undefined && compareAge(found, segment) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
