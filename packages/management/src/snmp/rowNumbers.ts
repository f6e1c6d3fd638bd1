import type { RowNumbers } from "./contract.ts";
import { lowerBound } from "./oid.ts";

/** Rows 1 to `count`. */
export const consecutiveRows = (count: number): RowNumbers => ({
  count,
  highest: count,
  has: (row) => row >= 1 && row <= count,
  firstFrom: (row) => (Math.max(1, row) <= count ? Math.max(1, row) : undefined),
});

/** Rows of these numbers, and in any case 1 to `least` (SNMP-10, SNMP-28). */
export const numberedRows = (numbers: Iterable<number>, least: number): RowNumbers => {
  const ascending = [...numbers].sort((left, right) => left - right);
  const known = new Set(ascending);
  return {
    count: ascending.length,
    highest: ascending.at(-1) ?? 0,
    has: (row) => known.has(row) || (row >= 1 && row <= least),
    firstFrom: (row) => {
      if (Math.max(1, row) <= least) return Math.max(1, row);
      return ascending[lowerBound(ascending, (number) => number - row)];
    },
  };
};

export interface NumberedThing {
  readonly name: string;
  /** Undefined: the lowest that is free. */
  readonly fixed: number | undefined;
}

export interface Numbering {
  readonly numbers: ReadonlyMap<string, number>;
  /** Names that could not have the number that is fixed for them, since an earlier one has it. */
  readonly refused: readonly string[];
  /** Names that had a number which is now fixed for another one. */
  readonly moved: readonly string[];
}

/**
 * Who has which number (SNMP-20 to SNMP-27): a fixed one goes first, whoever had a number keeps it, new ones take the
 * lowest free numbers in their order. What is gone leaves its number before anything new gets one.
 */
export const assignNumbers = (known: ReadonlyMap<string, number>, wanted: readonly NumberedThing[]): Numbering => {
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  const refused: string[] = [];
  const moved: string[] = [];
  const take = (name: string, number: number): void => {
    numbers.set(name, number);
    taken.add(number);
  };
  for (const { name, fixed } of wanted) {
    if (fixed === undefined || numbers.has(name)) continue;
    if (taken.has(fixed)) refused.push(name);
    else take(name, fixed);
  }
  for (const { name } of wanted) {
    const number = known.get(name);
    if (number === undefined || numbers.has(name)) continue;
    if (taken.has(number)) moved.push(name);
    else take(name, number);
  }
  let free = 1;
  for (const { name } of wanted) {
    if (numbers.has(name)) continue;
    while (taken.has(free)) free += 1;
    take(name, free);
  }
  return { numbers, refused, moved };
};
