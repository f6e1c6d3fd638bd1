/** Index of the last entry that is at most `value`, the first being so. */
export const lastNotAbove = (entries: Uint32Array | Float64Array, value: number, length = entries.length): number => {
  let low = 0;
  let high = length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] ?? 0) <= value) low = middle;
    else high = middle;
  }
  return low;
};
