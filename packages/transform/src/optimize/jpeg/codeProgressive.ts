import { BLOCK_END, type ComponentCoefficients } from "./coefficients.ts";
import { RAW, type SymbolStream } from "./symbolStream.ts";

/** Part of the coefficients other than DC of one component. */
export interface Band {
  readonly start: number;
  readonly end: number;
  /** Lowest bit of the scan. */
  readonly low: number;
}

/** The rows of blocks that a scan is made of: all, or a sample for a guess of its size. */
export interface Rows {
  readonly first: number;
  readonly step: number;
}

export const ALL_ROWS: Rows = { first: 0, step: 1 };

/** More blocks than these in a run are sent as two runs. */
const LONGEST_END_RUN = 0x7fff;

/** Entries that one block may make, with the run of blocks that ends before it. */
const BLOCK_ENTRIES = 160;

// One function per block, not one loop over all: the compiler makes good code of it early.

/** The first scan of a band (T.81 G.1.2.2). */
export const codeBand = (
  stream: SymbolStream,
  tokens: Int32Array,
  { blocksWide, blocksHigh, starts }: ComponentCoefficients,
  { start, end, low }: Band,
  rows: Rows = ALL_ROWS,
): void => {
  for (let row = rows.first; row < blocksHigh; row += rows.step) {
    stream.reserve(blocksWide * BLOCK_ENTRIES);
    for (let block = row * blocksWide; block < (row + 1) * blocksWide; block += 1) {
      const last = codeBandBlock(stream, tokens, starts[block] ?? 0, start, end, low);
      if (last === end) continue;
      stream.endRun += 1;
      if (stream.endRun === LONGEST_END_RUN) codeEndRun(stream);
    }
  }
  if (stream.endRun > 0) codeEndRun(stream);
};

/** Returns the last place of the band that has a coefficient. */
const codeBandBlock = (
  stream: SymbolStream,
  tokens: Int32Array,
  from: number,
  start: number,
  end: number,
  low: number,
): number => {
  const { entries, frequencies } = stream;
  let { count } = stream;
  let plainBits = 0;
  let last = start - 1;
  for (let at = from; ; at += 1) {
    const token = tokens[at] ?? BLOCK_END;
    const place = token >> 16;
    if (place > end) break;
    if (place < start) continue;
    const value = (token << 16) >> 16;
    const sign = value >> 31;
    const magnitude = ((value ^ sign) - sign) >> low;
    if (magnitude === 0) continue;
    if (stream.endRun > 0) {
      codeEndRun(stream);
      count = stream.count;
    }
    let run = place - last - 1;
    last = place;
    for (; run > 15; run -= 16) {
      entries[count] = 0xf00_0000;
      count += 1;
      frequencies[0xf0] = (frequencies[0xf0] ?? 0) + 1;
    }
    const size = 32 - Math.clz32(magnitude);
    const symbol = (run << 4) | size;
    entries[count] = (symbol << 20) | (size << 16) | ((magnitude ^ sign) & ((1 << size) - 1));
    count += 1;
    plainBits += size;
    frequencies[symbol] = (frequencies[symbol] ?? 0) + 1;
  }
  stream.count = count;
  stream.plainBits += plainBits;
  return last;
};

/** Symbol and length of the run of blocks that have nothing more. */
const codeEndRun = (stream: SymbolStream): void => {
  const size = 31 - Math.clz32(stream.endRun);
  const symbol = size << 4;
  stream.entries[stream.count] = (symbol << 20) | (size << 16) | (stream.endRun & ((1 << size) - 1));
  stream.count += 1;
  stream.plainBits += size;
  stream.frequencies[symbol] = (stream.frequencies[symbol] ?? 0) + 1;
  stream.endRun = 0;
};

/** Correction bits that wait for their symbol; a longer run of blocks ends before them. */
const CORRECTION_LIMIT = 1024;
const corrections = new Uint8Array(CORRECTION_LIMIT + 64);

/** Adds the bit `low` of a band, whose higher bits were sent before (T.81 G.1.2.3). */
export const codeRefinement = (
  stream: SymbolStream,
  tokens: Int32Array,
  { blocksWide, blocksHigh, starts }: ComponentCoefficients,
  { start, end, low }: Band,
  rows: Rows = ALL_ROWS,
): void => {
  /** Those of the run of blocks. */
  let waiting = 0;
  for (let row = rows.first; row < blocksHigh; row += rows.step) {
    stream.reserve(blocksWide * BLOCK_ENTRIES);
    for (let block = row * blocksWide; block < (row + 1) * blocksWide; block += 1) {
      waiting = refineBlock(stream, tokens, starts[block] ?? 0, start, end, low, waiting);
      if (stream.endRun !== LONGEST_END_RUN && waiting <= CORRECTION_LIMIT) continue;
      codeEndRun(stream);
      codeCorrections(stream, 0, waiting);
      waiting = 0;
    }
  }
  if (stream.endRun === 0) return;
  stream.reserve(BLOCK_ENTRIES);
  codeEndRun(stream);
  codeCorrections(stream, 0, waiting);
};

/** `waiting`: correction bits of the run of blocks before. Returns those that wait behind this block. */
const refineBlock = (
  stream: SymbolStream,
  tokens: Int32Array,
  from: number,
  start: number,
  end: number,
  low: number,
  waiting: number,
): number => {
  const { entries, frequencies } = stream;
  let run = 0;
  let last = start - 1;
  /** Correction bits of the block itself lie from here on. */
  let own = waiting;
  let collected = waiting;
  for (let at = from; ; at += 1) {
    const token = tokens[at] ?? BLOCK_END;
    const place = token >> 16;
    if (place > end) break;
    if (place < start) continue;
    const value = (token << 16) >> 16;
    const sign = value >> 31;
    const magnitude = ((value ^ sign) - sign) >> low;
    if (magnitude === 0) continue;
    run += place - last - 1;
    last = place;
    if (magnitude === 1 || (run > 15 && hasNew(tokens, at + 1, end, low))) {
      if (stream.endRun > 0) {
        codeEndRun(stream);
        codeCorrections(stream, 0, own);
      }
      for (; run > 15; run -= 16) {
        entries[stream.count] = 0xf00_0000;
        stream.count += 1;
        frequencies[0xf0] = (frequencies[0xf0] ?? 0) + 1;
        codeCorrections(stream, own, collected);
        own = 0;
        collected = 0;
      }
      if (magnitude === 1) {
        const symbol = (run << 4) | 1;
        // The correction bits behind the sign go into the same entry as far as they fit.
        const along = Math.min(collected - own, 14);
        let bits = sign + 1;
        for (const stop = own + along; own < stop; own += 1) bits = (bits << 1) | (corrections[own] ?? 0);
        entries[stream.count] = (symbol << 20) | ((along + 1) << 16) | bits;
        stream.count += 1;
        stream.plainBits += along + 1;
        frequencies[symbol] = (frequencies[symbol] ?? 0) + 1;
        if (own < collected) codeCorrections(stream, own, collected);
        run = 0;
        own = 0;
        collected = 0;
        continue;
      }
    }
    corrections[collected] = magnitude & 1;
    collected += 1;
  }
  if (last < end || collected > own) stream.endRun += 1;
  return collected;
};

/** Whether the block has more coefficients, from `at` on, that a scan of bit `low` is the first to send. */
const hasNew = (tokens: Int32Array, from: number, end: number, low: number): boolean => {
  for (let at = from; ; at += 1) {
    const token = tokens[at] ?? BLOCK_END;
    if (token >> 16 > end) return false;
    const value = (token << 16) >> 16;
    if ((value < 0 ? -value : value) >> low === 1) return true;
  }
};

const codeCorrections = (stream: SymbolStream, from: number, to: number): void => {
  const { entries } = stream;
  for (let at = from; at < to; ) {
    const size = Math.min(to - at, 15);
    let bits = 0;
    for (const stop = at + size; at < stop; at += 1) bits = (bits << 1) | (corrections[at] ?? 0);
    entries[stream.count] = RAW | (size << 16) | bits;
    stream.count += 1;
  }
  stream.plainBits += to - from;
};
