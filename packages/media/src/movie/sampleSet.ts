import type { IndexReader, IndexWriter } from "./memory.ts";
import { lastNotAbove } from "./search.ts";

/** Some of the samples of a track. */
export interface SampleSet {
  /** How many there are. */
  readonly size: number;
  has(sample: number): boolean;
  /** How many lie in front of the sample. */
  rankOf(sample: number): number;
  /** The member that has so many in front of it. */
  memberAt(rank: number): number;
}

/** Ranges `[first, end)` of members, ascending and apart. */
export type MemberRanges = (visit: (first: number, end: number) => void) => void;

/** Of a bitmap the rank is kept at each such block. */
const BLOCK_SHIFT = 8;
const BLOCK_WORDS = 1 << (BLOCK_SHIFT - 5);
/** Bits of a sample in a bitmap, with its share of the ranks, times eight. */
const BITMAP_EIGHTHS = 9;

const ALL = 0;
const LIST = 1;
const BITMAP = 2;

export const writeSet = (writer: IndexWriter, count: number, size: number, ranges: MemberRanges): void => {
  writer.number(size);
  if (size === count) {
    writer.number(ALL);
  } else if (size * 32 * 8 <= count * BITMAP_EIGHTHS) {
    writer.number(LIST);
    writer.column(listOf(size, ranges));
  } else {
    writer.number(BITMAP);
    writeBitmap(writer, count, ranges);
  }
};

export const openSet = (reader: IndexReader): SampleSet => {
  const size = reader.number();
  switch (reader.number()) {
    case ALL:
      return new EverySample(size);
    case LIST:
      return new ListedSamples(reader.words());
    default:
      return new MarkedSamples(size, reader.words(), reader.words());
  }
};

const listOf = (size: number, ranges: MemberRanges): Uint32Array => {
  const list = new Uint32Array(size);
  let filled = 0;
  ranges((first, end) => {
    for (let sample = first; sample < end; sample++) list[filled++] = sample;
  });
  return list;
};

const writeBitmap = (writer: IndexWriter, count: number, ranges: MemberRanges): void => {
  const blocks = Math.ceil(count / (1 << BLOCK_SHIFT));
  const bits = new Uint32Array(blocks * BLOCK_WORDS);
  ranges((first, end) => {
    for (let sample = first; sample < end; sample++)
      bits[sample >>> 5] = (bits[sample >>> 5] ?? 0) | (1 << (sample & 31));
  });
  const ranks = new Uint32Array(blocks);
  let rank = 0;
  for (let word = 0; word < bits.length; word++) {
    if (word % BLOCK_WORDS === 0) ranks[word / BLOCK_WORDS] = rank;
    rank += bitCount(bits[word] ?? 0);
  }
  writer.column(bits);
  writer.column(ranks);
};

const bitCount = (word: number): number => {
  let sum = word - ((word >>> 1) & 0x55555555);
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};

class EverySample implements SampleSet {
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  has(sample: number): boolean {
    return sample >= 0 && sample < this.size;
  }

  rankOf(sample: number): number {
    return sample;
  }

  memberAt(rank: number): number {
    return rank;
  }
}

class ListedSamples implements SampleSet {
  readonly #list: Uint32Array;

  constructor(list: Uint32Array) {
    this.#list = list;
  }

  get size(): number {
    return this.#list.length;
  }

  has(sample: number): boolean {
    return this.#list[this.rankOf(sample)] === sample;
  }

  rankOf(sample: number): number {
    if (this.#list.length === 0 || (this.#list[0] ?? 0) >= sample) return 0;
    return lastNotAbove(this.#list, sample - 1) + 1;
  }

  memberAt(rank: number): number {
    return this.#list[rank] ?? 0;
  }
}

class MarkedSamples implements SampleSet {
  readonly size: number;
  readonly #bits: Uint32Array;
  readonly #ranks: Uint32Array;
  /** Who goes through samples in order asks next for this word or the one behind it. */
  #recentWord = 0;
  #recentRank = 0;

  constructor(size: number, bits: Uint32Array, ranks: Uint32Array) {
    this.size = size;
    this.#bits = bits;
    this.#ranks = ranks;
  }

  has(sample: number): boolean {
    return ((this.#bits[sample >>> 5] ?? 0) & (1 << (sample & 31))) !== 0;
  }

  rankOf(sample: number): number {
    const block = sample >>> BLOCK_SHIFT;
    if (block >= this.#ranks.length) return this.size;
    const bits = this.#bits;
    const last = sample >>> 5;
    let word = block * BLOCK_WORDS;
    let rank = this.#ranks[block] ?? 0;
    if (this.#recentWord > word && this.#recentWord <= last) {
      word = this.#recentWord;
      rank = this.#recentRank;
    }
    for (; word < last; word++) rank += bitCount(bits[word] ?? 0);
    this.#recentWord = last;
    this.#recentRank = rank;
    return rank + bitCount((bits[last] ?? 0) & ((1 << (sample & 31)) - 1));
  }

  memberAt(rank: number): number {
    const block = lastNotAbove(this.#ranks, rank);
    let left = rank - (this.#ranks[block] ?? 0);
    let word = block * BLOCK_WORDS;
    while (word < this.#bits.length && left >= bitCount(this.#bits[word] ?? 0))
      left -= bitCount(this.#bits[word++] ?? 0);
    let bits = this.#bits[word] ?? 0;
    for (; left > 0; left--) bits &= bits - 1;
    return word * 32 + 31 - Math.clz32(bits & -bits);
  }
}
