/** What numbers are read by: a scale of round numbers, and letters for large ones. */
export interface ValueAxis {
  readonly lowest: number;
  readonly highest: number;
  /** From the lowest to the highest, one step apart. */
  readonly ticks: readonly number[];
}

const LETTERS = ["", "k", "M", "G", "T", "P", "E"] as const;
const SMALL_LETTERS: readonly (readonly [letter: string, size: number])[] = [
  ["m", 1e-3],
  ["u", 1e-6],
];

/** Steps look round to people who count by tens, or in halves of what has a letter. */
const ROUND: Readonly<Record<1000 | 1024, readonly number[]>> = {
  1000: [1, 2, 2.5, 5, 10],
  1024: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
};

const MOST_TICKS = 5;
/** Less than that is nothing. */
const LEAST_SPAN = 1e-9;

/** The first round number that is not below this one. */
const roundUp = (value: number, base: 1000 | 1024): number => {
  const unit =
    base === 1024
      ? base ** Math.max(0, Math.floor(Math.log(value) / Math.log(base)))
      : 10 ** Math.floor(Math.log10(value));
  const factor = ROUND[base].find((round) => round * unit >= value * (1 - 1e-9)) ?? 1;
  return factor * unit;
};

/** Holds 0 and all of these; not of no height. */
export const valueAxis = (values: Iterable<number>, base: 1000 | 1024): ValueAxis => {
  let [lowest, highest] = [0, 0];
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (highest - lowest < LEAST_SPAN) [lowest, highest] = [0, 1];
  const step = roundUp((highest - lowest) / MOST_TICKS, base);
  const [from, to] = [Math.floor(lowest / step), Math.ceil(highest / step)];
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => (from + index) * step);
  return { lowest: from * step, highest: to * step, ticks };
};

const digits = (value: number): string => {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
};

const trimmed = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** At most three digits that matter, and a letter: `1.23 M`. `-` for what is not there. */
export const formatValue = (value: number, base: 1000 | 1024): string => {
  if (Number.isNaN(value)) return "-";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.1 && base === 1000) {
    const [letter, unit] = SMALL_LETTERS.find(([, least]) => size >= least) ?? ["u", 1e-6];
    return `${trimmed(digits(value / unit))} ${letter}`;
  }
  // What would be rounded to the next letter has it.
  const power = Math.min(LETTERS.length - 1, Math.max(0, Math.floor(Math.log((size * 1.0005) / 1) / Math.log(base))));
  const letter = base === 1024 ? (LETTERS[power] ?? "").toUpperCase() : (LETTERS[power] ?? "");
  const number = trimmed(digits(value / base ** power));
  return letter === "" ? number : `${number} ${letter}`;
};
