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

interface Candidate {
  /** Bits that are left to refinements. */
  readonly low: number;
  /** The band is cut in two after this place. */
  readonly cut: number | undefined;
}

/** One of them is within half a percent of the best for every kind of picture that was tried. */
const CANDIDATES: readonly Candidate[] = [
  { low: 0, cut: undefined },
  { low: 0, cut: 2 },
  { low: 1, cut: 2 },
  { low: 1, cut: 12 },
  { low: 2, cut: 12 },
];

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
  const refinements = [1, 0].map((low) => ({ ...whole, low, isRefinement: true }));
  const refinementBits = refinements.map(guess);
  return CANDIDATES.map(({ low, cut }): Choice => {
    const first = { ...whole, low };
    const parts =
      cut === undefined
        ? [first]
        : [
            { ...first, end: cut },
            { ...first, start: cut + 1 },
          ];
    const skipped = refinements.length - low;
    return {
      bits: [...parts.map(guess), ...refinementBits.slice(skipped)].reduce((sum, bits) => sum + bits, 0),
      scans: [...parts, ...refinements.slice(skipped)],
    };
  }).reduce((best, choice) => (choice.bits < best.bits ? choice : best));
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
