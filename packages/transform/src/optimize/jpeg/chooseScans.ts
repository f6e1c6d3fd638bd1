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

/** Blocks of a component that the guesses look at, of a small picture and of a large one: rows spread evenly over it. */
const LEAST_SAMPLE_BLOCKS = 96;
const MOST_SAMPLE_BLOCKS = 512;

/**
 * By the number of low bits that are left to refinements: after which place the band is cut in two. One of these is
 * within half a percent of the best for every kind of picture that was tried.
 */
const CUTS: readonly (readonly (number | undefined)[])[] = [[undefined, 2], [2, 12], [12]];

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
  const whole = { start: 1, end: 63, low: 0, isRefinement: false };
  const refinements: ComponentScan[] = [];
  let refinementBits = 0;
  let best: Choice = { bits: Number.POSITIVE_INFINITY, scans: [] };
  for (const [low, cuts] of CUTS.entries()) {
    const first = { ...whole, low };
    if (low > 0) {
      const refinement = { ...whole, low: low - 1, isRefinement: true };
      refinements.unshift(refinement);
      refinementBits += guess(refinement);
    }
    const before = best;
    for (const cut of cuts) {
      const parts =
        cut === undefined
          ? [first]
          : [
              { ...first, end: cut },
              { ...first, start: cut + 1 },
            ];
      const bits = parts.reduce((sum, part) => sum + guess(part), refinementBits);
      if (bits < best.bits) best = { bits, scans: [...parts, ...refinements] };
    }
    if (best === before) break;
  }
  return best;
};

const sampleRows = ({ blocksWide, blocksHigh }: ComponentCoefficients): Rows => {
  const blocks = blocksWide * blocksHigh;
  const sample = Math.min(Math.max(LEAST_SAMPLE_BLOCKS, blocks / 8), MOST_SAMPLE_BLOCKS);
  const step = Math.min(Math.ceil(blocks / sample), blocksHigh);
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
