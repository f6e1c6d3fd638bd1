import { type Band, codeBand, codeRefinement, type Rows } from "./codeProgressive.ts";
import { AC_TABLES, codeAc, tableOf } from "./codeSequential.ts";
import type { Coefficients, ComponentCoefficients } from "./coefficients.ts";
import { measureHuffmanCode } from "./huffmanCode.ts";
import type { SymbolStream } from "./symbolStream.ts";

/** A scan of the coefficients other than DC of one component. */
export interface AcScan extends Band {
  readonly component: number;
  readonly isRefinement: boolean;
}

export type ScanPlan =
  | { readonly kind: "sequential" }
  | { readonly kind: "progressive"; readonly scans: readonly AcScan[] };

/** A scan costs this beside its data and its table: SOS and the head of DHT. */
const SCAN_HEAD_BITS = 14 * 8;

/** Blocks of a component that the guesses look at: rows spread evenly over it. */
const SAMPLE_BLOCKS = 512;

/** Where a band may be cut in two: after this place. */
const CUTS = [2, 5, 9, 14];

const MOST_REFINEMENTS = 3;

/**
 * Chooses how the coefficients other than DC are sent, by the sizes that a sample says: component by component, how
 * many of the low bits are left to refinements, and where the band is cut. DC costs the same either way.
 */
export const chooseScans = (coefficients: Coefficients, stream: SymbolStream): ScanPlan => {
  let progressiveBits = 0;
  const scans: AcScan[] = [];
  coefficients.components.forEach((component, index) => {
    const choice = chooseComponentScans(stream, coefficients.tokens, component);
    progressiveBits += choice.bits;
    for (const scan of choice.scans) scans.push({ ...scan, component: index });
  });
  const sequentialBits = guessSequentialBits(stream, coefficients);
  return sequentialBits <= progressiveBits ? { kind: "sequential" } : { kind: "progressive", scans: orderScans(scans) };
};

/** What shows most comes first: coarse scans before refinements, low places before high ones, brightness before colour. */
const orderScans = (scans: readonly AcScan[]): readonly AcScan[] =>
  scans.toSorted(
    (one, other) =>
      other.low - one.low ||
      Number(one.isRefinement) - Number(other.isRefinement) ||
      Math.sign(one.start - other.start) ||
      one.component - other.component,
  );

type ComponentScan = Omit<AcScan, "component">;

interface Choice {
  readonly bits: number;
  readonly scans: readonly ComponentScan[];
}

const chooseComponentScans = (stream: SymbolStream, tokens: Int32Array, component: ComponentCoefficients): Choice => {
  const rows = sampleRows(component);
  const guess = (scan: ComponentScan): number => {
    stream.clear();
    if (scan.isRefinement) codeRefinement(stream, tokens, component, scan, rows);
    else codeBand(stream, tokens, component, scan, rows);
    const { codeBits, tableBits } = measureHuffmanCode(stream.frequencies.subarray(0, 256));
    return (codeBits + stream.plainBits) * rows.step + tableBits + SCAN_HEAD_BITS;
  };
  let refinementBits = 0;
  const refinements: ComponentScan[] = [];
  const whole = { start: 1, end: 63, low: 0, isRefinement: false };
  let best: Choice = { bits: guess(whole), scans: [whole] };
  for (let low = 1; low <= MOST_REFINEMENTS; low += 1) {
    const refinement = { start: 1, end: 63, low: low - 1, isRefinement: true };
    refinements.push(refinement);
    refinementBits += guess(refinement);
    const first = { ...whole, low };
    const bits = refinementBits + guess(first);
    if (bits >= best.bits) break;
    best = { bits, scans: [first, ...refinements] };
  }
  const [first = whole, ...others] = best.scans;
  const uncutBits = guess(first);
  let least = uncutBits;
  let parts: readonly ComponentScan[] = [first];
  for (const cut of CUTS) {
    const halves = [
      { ...first, end: cut },
      { ...first, start: cut + 1 },
    ];
    const bits = halves.reduce((sum, half) => sum + guess(half), 0);
    if (bits >= least) continue;
    least = bits;
    parts = halves;
  }
  return { bits: best.bits - uncutBits + least, scans: [...parts, ...others] };
};

const sampleRows = ({ blocksWide, blocksHigh }: ComponentCoefficients): Rows => {
  const step = Math.min(Math.ceil((blocksWide * blocksHigh) / SAMPLE_BLOCKS), blocksHigh);
  return { first: step >> 1, step };
};

const guessSequentialBits = (stream: SymbolStream, { tokens, components }: Coefficients): number => {
  const sums = [new Float64Array(256), new Float64Array(256)];
  let bits = 0;
  components.forEach((component, index) => {
    const { first, step } = sampleRows(component);
    stream.clear();
    for (let row = first; row < component.blocksHigh; row += step) {
      stream.reserve(component.blocksWide * 65);
      for (let block = row * component.blocksWide; block < (row + 1) * component.blocksWide; block += 1) {
        codeAc(stream, tokens, component.starts[block] ?? 0, AC_TABLES);
      }
    }
    bits += stream.plainBits * step;
    const sum = sums[tableOf(index)];
    stream.frequencies.subarray(AC_TABLES << 8, (AC_TABLES + 1) << 8).forEach((frequency, symbol) => {
      if (sum !== undefined) sum[symbol] = (sum[symbol] ?? 0) + frequency * step;
    });
  });
  for (const sum of sums) {
    if (sum.every((frequency) => frequency === 0)) continue;
    const { codeBits, tableBits } = measureHuffmanCode(Uint32Array.from(sum));
    bits += codeBits + tableBits;
  }
  return bits;
};
