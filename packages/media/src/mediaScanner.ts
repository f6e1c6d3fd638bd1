import { readMovie } from "./movieSteps.ts";
import { readMpegAudio } from "./mpegAudioSteps.ts";
import { NOTHING_KNOWN, type Step, type Steps } from "./steps.ts";

/** What is known of a media file. */
export interface MediaFacts {
  /**
   * Bytes of the header in front, which a player needs before anything plays: `ftyp` and `moov`, or the ID3v2 tag and the
   * first frame. 0: none is in front. Undefined: not known yet.
   */
  readonly headerBytes: number | undefined;
  /** Of sound and picture, without the header; undefined: not known, or not known yet. */
  readonly bytesPerSecond: number | undefined;
}

/** Takes a media file in, in order and piece by piece, and keeps no more of it than a few bytes. */
export interface MediaScanner {
  readonly facts: MediaFacts;
  /** Position of the first byte that it has yet to see; -1 when more bytes would tell it nothing more. */
  readonly wants: number;
  /**
   * Bytes of the file from `position` on, which must not be behind `wants`: what lies in front of that is skipped. A file
   * of which bytes are left out is not known any further.
   */
  push(position: number, data: Uint8Array): void;
}

/** `totalBytes`: length of the file, -1 while it is unknown; which kind of file it is, its own first bytes say. */
export const scanMedia = (totalBytes: number): MediaScanner => new Scanner(totalBytes);

/** Longest piece that a step looks at. */
const PIECE_BYTES = 1024;

/** Steps of one file at most: a real one takes a few dozen. */
const MOST_STEPS = 4_096;

/** Bytes by which the kind of the file is told. */
const SIGNATURE_BYTES = 12;

class Scanner implements MediaScanner {
  readonly #totalBytes: number;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  readonly #view = new DataView(this.#piece.buffer);
  #steps: Steps | undefined;
  #facts: MediaFacts = { headerBytes: undefined, bytesPerSecond: undefined };
  /** Where the piece that is wanted begins, how long it is, and how much of it is there. */
  #start = 0;
  #length = SIGNATURE_BYTES;
  #filled = 0;
  #taken = 0;
  #isOver = false;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  get facts(): MediaFacts {
    return this.#facts;
  }

  get wants(): number {
    return this.#isOver ? -1 : this.#start + this.#filled;
  }

  push(position: number, data: Uint8Array): void {
    while (!this.#isOver) {
      const from = this.wants - position;
      if (from < 0) {
        this.#end();
        return;
      }
      if (from >= data.length) return;
      const count = Math.min(this.#length - this.#filled, data.length - from);
      this.#piece.set(data.subarray(from, from + count), this.#filled);
      this.#filled += count;
      if (this.#filled < this.#length) return;
      this.#advance();
    }
  }

  #advance(): void {
    this.#taken++;
    if (this.#steps === undefined) this.#begin();
    else this.#follow(this.#steps.next(this.#view));
  }

  /** An MPEG-4 file begins with `ftyp`, an MP3 file with a tag or a frame. */
  #begin(): void {
    const isMovie = this.#view.getUint32(4) === FTYP;
    this.#steps = isMovie ? readMovie(this.#totalBytes) : readMpegAudio(this.#totalBytes);
    this.#follow(this.#steps.next());
  }

  #follow(result: IteratorResult<Step, MediaFacts | undefined>): void {
    const facts = result.done === true ? result.value : result.value.facts;
    if (facts !== undefined) this.#facts = facts;
    if (result.done === true || this.#taken > MOST_STEPS) {
      this.#end();
      return;
    }
    const { start, length } = result.value;
    if (this.#totalBytes >= 0 && start + length > this.#totalBytes) {
      this.#end();
      return;
    }
    // What is in the piece already need not come again.
    const kept = this.#start + this.#filled - start;
    if (start >= this.#start && kept > 0) this.#piece.copyWithin(0, start - this.#start, start - this.#start + kept);
    this.#filled = start >= this.#start ? Math.max(0, kept) : 0;
    this.#start = start;
    this.#length = length;
    if (this.#filled >= length) this.#advance();
  }

  #end(): void {
    this.#isOver = true;
    this.#steps = undefined;
    if (this.#facts.headerBytes === undefined) this.#facts = NOTHING_KNOWN;
  }
}

const FTYP = 0x66747970;
