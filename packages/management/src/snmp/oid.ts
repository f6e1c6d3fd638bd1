export type Oid = readonly number[];

/** Lexicographic, as walks go. */
export const compareOids = (left: Oid, right: Oid): number => {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
};

export const isBelow = (oid: Oid, root: Oid): boolean =>
  oid.length >= root.length && root.every((number, index) => oid[index] === number);

/** The first one behind. */
export const successorOf = (oid: Oid): Oid => [...oid, 0];

/** Of text that was checked to be one. */
export const parseOid = (text: string): Oid =>
  text
    .split(".")
    .filter((part) => part !== "")
    .map(Number);

export const formatOid = (oid: Oid): string => oid.join(".");

/** Position of the first of ascending items that is not before the wanted one. */
export const lowerBound = <Item>(items: readonly Item[], compare: (item: Item) => number): number => {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && compare(item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};
