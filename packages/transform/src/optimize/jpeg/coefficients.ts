/**
 * Quantized coefficients of an image, the zeros left out. `tokens` has for each block its coefficients other than DC
 * that are not zero, in zigzag order, as place << 16 | value (16 bits), and `BLOCK_END` behind them.
 */
export interface Coefficients {
  readonly tokens: Int32Array;
  readonly components: readonly ComponentCoefficients[];
}

/** By block, row after row, of those blocks that hold pixels. */
export interface ComponentCoefficients {
  readonly blocksWide: number;
  readonly blocksHigh: number;
  readonly dc: Int16Array;
  /** Where in `tokens` the block begins. */
  readonly starts: Uint32Array;
}

/** Greater than every token of a coefficient. */
export const BLOCK_END = 64 << 16;
