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

const LONGEST_END_RUN = 0x7fff;

/** The first scan of a band (T.81 G.1.2.2). */
export const codeBand = (
  stream: SymbolStream,
  tokens: Int32Array,
  { blocksWide, blocksHigh, starts }: ComponentCoefficients,
  { start, end, low }: Band,
  rows: Rows = ALL_ROWS,
): void => {
  const { frequencies } = stream;
  let endRun = 0;
  let plainBits = 0;
  for (let row = rows.first; row < blocksHigh; row += rows.step) {
    stream.reserve(blocksWide * 65);
    const { entries } = stream;
    let { count } = stream;
    for (let block = row * blocksWide; block < (row + 1) * blocksWide; block += 1) {
      let last = start - 1;
      for (let at = starts[block] ?? 0; ; at += 1) {
        const token = tokens[at] ?? BLOCK_END;
        const place = token >> 16;
        if (place > end) break;
        if (place < start) continue;
        const value = (token << 16) >> 16;
        const magnitude = (value < 0 ? -value : value) >> low;
        if (magnitude === 0) continue;
        if (endRun > 0) {
          stream.count = count;
          codeEndRun(stream, endRun);
          count = stream.count;
          endRun = 0;
        }
        let run = place - last - 1;
        last = place;
        for (; run > 15; run -= 16) {
          entries[count] = 0xf00_0000;
          count += 1;
          frequencies[0xf0] = (frequencies[0xf0] ?? 0) + 1;
        }
        const size = 32 - Math.clz32(magnitude);
        const bits = value < 0 ? ~magnitude & ((1 << size) - 1) : magnitude;
        const symbol = (run << 4) | size;
        entries[count] = (symbol << 20) | (size << 16) | bits;
        count += 1;
        plainBits += size;
        frequencies[symbol] = (frequencies[symbol] ?? 0) + 1;
      }
      if (last < end) {
        endRun += 1;
        if (endRun === LONGEST_END_RUN) {
          stream.count = count;
          codeEndRun(stream, endRun);
          count = stream.count;
          endRun = 0;
        }
      }
    }
    stream.count = count;
  }
  if (endRun > 0) {
    stream.reserve(1);
    codeEndRun(stream, endRun);
  }
  stream.plainBits += plainBits;
};

/** Symbol and length of a run of blocks that end here. */
const codeEndRun = (stream: SymbolStream, endRun: number): void => {
  const size = 31 - Math.clz32(endRun);
  const symbol = size << 4;
  stream.entries[stream.count] = (symbol << 20) | (size << 16) | (endRun & ((1 << size) - 1));
  stream.count += 1;
  stream.plainBits += size;
  stream.frequencies[symbol] = (stream.frequencies[symbol] ?? 0) + 1;
};

/** Correction bits that wait for their symbol; a longer run of blocks ends before them. */
const CORRECTION_LIMIT = 16_384;
const corrections = new Uint8Array(CORRECTION_LIMIT + 64);

/** Adds the bit `low` of a band, whose higher bits were sent before (T.81 G.1.2.3). */
export const codeRefinement = (
  stream: SymbolStream,
  tokens: Int32Array,
  { blocksWide, blocksHigh, starts }: ComponentCoefficients,
  { start, end, low }: Band,
  rows: Rows = ALL_ROWS,
): void => {
  const { frequencies } = stream;
  let endRun = 0;
  /** Of the run of blocks; those of the block that is at work follow them up to `collected`. */
  let waiting = 0;
  let collected = 0;
  const flush = (): void => {
    if (endRun > 0) {
      codeEndRun(stream, endRun);
      endRun = 0;
      codeBits(stream, 0, waiting);
      corrections.copyWithin(0, waiting, collected);
      collected -= waiting;
      waiting = 0;
    }
  };
  for (let row = rows.first; row < blocksHigh; row += rows.step) {
    stream.reserve(blocksWide * 130 + CORRECTION_LIMIT);
    const { entries } = stream;
    for (let block = row * blocksWide; block < (row + 1) * blocksWide; block += 1) {
      const first = starts[block] ?? 0;
      const lastNew = findLastNew(tokens, first, end, low);
      let run = 0;
      let last = start - 1;
      for (let at = first; ; at += 1) {
        const token = tokens[at] ?? BLOCK_END;
        const place = token >> 16;
        if (place > end) break;
        if (place < start) continue;
        const value = (token << 16) >> 16;
        const magnitude = (value < 0 ? -value : value) >> low;
        if (magnitude === 0) continue;
        run += place - last - 1;
        last = place;
        while (run > 15 && place <= lastNew) {
          flush();
          entries[stream.count] = 0xf00_0000;
          stream.count += 1;
          frequencies[0xf0] = (frequencies[0xf0] ?? 0) + 1;
          run -= 16;
          codeBits(stream, 0, collected);
          collected = 0;
        }
        if (magnitude > 1) {
          corrections[collected] = magnitude & 1;
          collected += 1;
          continue;
        }
        flush();
        const symbol = (run << 4) | 1;
        entries[stream.count] = (symbol << 20) | 0x1_0000 | (value < 0 ? 0 : 1);
        stream.count += 1;
        stream.plainBits += 1;
        frequencies[symbol] = (frequencies[symbol] ?? 0) + 1;
        codeBits(stream, 0, collected);
        collected = 0;
        run = 0;
      }
      if (last < end || collected > waiting) {
        endRun += 1;
        waiting = collected;
        if (endRun === LONGEST_END_RUN || waiting > CORRECTION_LIMIT - 64) flush();
      }
    }
  }
  stream.reserve(CORRECTION_LIMIT);
  flush();
};

/** Place of the last coefficient that this scan is the first to send. */
const findLastNew = (tokens: Int32Array, from: number, end: number, low: number): number => {
  let last = 0;
  for (let at = from; ; at += 1) {
    const token = tokens[at] ?? BLOCK_END;
    const place = token >> 16;
    if (place > end) return last;
    const value = (token << 16) >> 16;
    if ((value < 0 ? -value : value) >> low === 1) last = place;
  }
};

const codeBits = (stream: SymbolStream, from: number, to: number): void => {
  const { entries } = stream;
  for (let at = from; at < to; ) {
    const size = Math.min(15, to - at);
    let bits = 0;
    for (let place = 0; place < size; place += 1) bits = (bits << 1) | (corrections[at + place] ?? 0);
    entries[stream.count] = RAW | (size << 16) | bits;
    stream.count += 1;
    at += size;
  }
  stream.plainBits += to - from;
};
