import type { CacheKey } from "@basalt/store";

/** Places in the table; two keys that fall on one forget each other, which only costs a read. */
const PLACES = 1 << 16;

/**
 * Whose bodies were read from disk lately: the second read within a tier's length puts a body into memory, the first
 * leaves no trace there. So a scan over many objects neither evicts hot ones nor allocates memory for its own.
 */
export class RecentLoads {
  readonly #marks = new Uint32Array(PLACES);
  readonly #turns = new Float64Array(PLACES);
  #turn = 0;

  /** Notes a read; true when the same object was read within the last `window` reads. */
  note(key: CacheKey, window: number): boolean {
    const place = key.readUInt16LE(0);
    const mark = key.readUInt32LE(4);
    const turn = ++this.#turn;
    const isRepeated = this.#marks[place] === mark && turn - (this.#turns[place] ?? 0) <= window;
    this.#marks[place] = mark;
    this.#turns[place] = turn;
    return isRepeated;
  }
}
