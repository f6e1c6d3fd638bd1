/** The subtrees of one node from `lastFrom` to `lastTo`, both included; one subtree where these are equal. */
export interface OidRange {
  readonly parent: readonly number[];
  readonly lastFrom: number;
  readonly lastTo: number;
}

const MOST_NUMBERS = 128;
const LARGEST = 2 ** 32 - 1;

/** `1.3.6.1` or `1.3.6.1-61`, with or without a dot in front; undefined for all else (SNMP-44, SNMP-45). */
export const parseOidRange = (text: string): OidRange | undefined => {
  const [, path, to] = /^\.?(\d{1,10}(?:\.\d{1,10})*)(?:-(\d{1,10}))?$/.exec(text.trim()) ?? [];
  if (path === undefined) return undefined;
  const numbers = path.split(".").map(Number);
  const lastFrom = numbers.at(-1) ?? 0;
  const lastTo = to === undefined ? lastFrom : Number(to);
  const isSound =
    numbers.length <= MOST_NUMBERS && lastTo >= lastFrom && [...numbers, lastTo].every((number) => number <= LARGEST);
  return isSound ? { parent: numbers.slice(0, -1), lastFrom, lastTo } : undefined;
};
