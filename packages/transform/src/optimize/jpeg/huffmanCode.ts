/** A code for the symbols that occur; `lengths` and `codes` by symbol. */
export interface HuffmanCode {
  /** As DHT has it: 16 counts, then the symbols. */
  readonly declaration: Uint8Array;
  readonly lengths: Uint8Array;
  readonly codes: Uint16Array;
}

const LONGEST_CODE = 16;

const keys = new Float64Array(257);
const work = new Float64Array(257);

/**
 * The shortest code for the frequencies of 256 symbols, with no code longer than 16 bits and none of ones only
 * (T.81 K.2). Shared scratch: one call at a time.
 */
export const makeHuffmanCode = (frequencies: Uint32Array): HuffmanCode => {
  const symbols = sortSymbols(frequencies);
  const counts = countLengths(symbols);
  const declaration = new Uint8Array(16 + symbols);
  const lengths = new Uint8Array(256);
  const codes = new Uint16Array(256);
  let code = 0;
  let at = symbols;
  for (let length = 1; length <= LONGEST_CODE; length += 1) {
    const count = counts[length] ?? 0;
    declaration[length - 1] = count;
    for (let place = 0; place < count; place += 1, at -= 1, code += 1) {
      const symbol = (keys[at] ?? 0) % 256;
      declaration[16 + symbols - at] = symbol;
      lengths[symbol] = length;
      codes[symbol] = code;
    }
    code <<= 1;
  }
  return { declaration, lengths, codes };
};

/** Bits of all codes, and of the table that declares them. */
export const measureHuffmanCode = (frequencies: Uint32Array): { codeBits: number; tableBits: number } => {
  const symbols = sortSymbols(frequencies);
  const counts = countLengths(symbols);
  let codeBits = 0;
  let at = symbols;
  for (let length = 1; length <= LONGEST_CODE; length += 1) {
    for (let place = counts[length] ?? 0; place > 0; place -= 1, at -= 1) {
      codeBits += length * Math.floor((keys[at] ?? 0) / 256);
    }
  }
  return { codeBits, tableBits: (17 + symbols) * 8 };
};

/**
 * Leaves `frequency * 256 + symbol` of the symbols that occur in `keys` from 1 on, rising; in front of them stands
 * one that never occurs and takes the code of ones only.
 */
const sortSymbols = (frequencies: Uint32Array): number => {
  let symbols = 0;
  for (let symbol = 0; symbol < 256; symbol += 1) {
    const frequency = frequencies[symbol] ?? 0;
    if (frequency === 0) continue;
    symbols += 1;
    keys[symbols] = frequency * 256 + symbol;
  }
  keys[0] = 0;
  keys.subarray(1, symbols + 1).sort();
  return symbols;
};

/** How many codes there are of each length, for the frequencies in `keys` (Moffat and Katajainen, in place). */
const countLengths = (symbols: number): Uint16Array => {
  const counts = new Uint16Array(64);
  const n = symbols + 1;
  if (n === 1) return counts;
  for (let at = 0; at < n; at += 1) work[at] = Math.floor((keys[at] ?? 0) / 256);
  let root = 0;
  let leaf = 0;
  const least = (next: number): number => {
    if (leaf >= n || (root < next && (work[root] ?? 0) < (work[leaf] ?? 0))) {
      const weight = work[root] ?? 0;
      work[root] = next;
      root += 1;
      return weight;
    }
    const weight = work[leaf] ?? 0;
    leaf += 1;
    return weight;
  };
  for (let next = 0; next < n - 1; next += 1) {
    const sum = least(next);
    work[next] = sum + least(next);
  }
  work[n - 2] = 0;
  for (let next = n - 3; next >= 0; next -= 1) work[next] = (work[work[next] ?? 0] ?? 0) + 1;
  let available = 1;
  let depth = 0;
  let inner = n - 2;
  let left = n;
  while (left > 0) {
    let used = 0;
    while (inner >= 0 && work[inner] === depth) {
      used += 1;
      inner -= 1;
    }
    const leaves = available - used;
    counts[Math.min(depth, 63)] = leaves;
    left -= leaves;
    available = 2 * used;
    depth += 1;
  }
  shorten(counts);
  let longest = LONGEST_CODE;
  while (counts[longest] === 0) longest -= 1;
  counts[longest] = (counts[longest] ?? 0) - 1;
  return counts;
};

/** Brings codes of more than 16 bits down to it (T.81 K.2, Adjust_BITS). */
const shorten = (counts: Uint16Array): void => {
  const add = (length: number, change: number): void => {
    counts[length] = (counts[length] ?? 0) + change;
  };
  for (let length = counts.length - 1; length > LONGEST_CODE; length -= 1) {
    while ((counts[length] ?? 0) > 0) {
      let shorter = length - 2;
      while (counts[shorter] === 0) shorter -= 1;
      add(length, -2);
      add(length - 1, 1);
      add(shorter + 1, 2);
      add(shorter, -1);
    }
  }
};
