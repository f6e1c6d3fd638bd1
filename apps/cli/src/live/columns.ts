import type { HostRates } from "./liveFigures.ts";

export type SortKey = "requests" | "hits" | "out" | "in" | "errors" | "latency" | "origin" | "originLatency" | "name";

/** A column of the table of hosts. */
export interface Column {
  readonly title: string;
  readonly width: number;
  /** Undefined for a column that nobody sorts by. */
  readonly sort?: SortKey;
  /** Key to press; shown in the title as a capital. */
  readonly key?: string;
  /** Terminals narrower than this do not show it. */
  readonly fromWidth: number;
  readonly read: (rates: HostRates) => number | null;
  readonly format: (value: number) => string;
}

const UNITS = ["", "k", "M", "G", "T"] as const;

/** At most five characters: `999`, `12.3k`, `1.20M`. */
export const shortCount = (value: number): string => {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  if (unit === 0)
    return rest >= 99.5 || rest === 0 || Number.isInteger(rest) ? String(Math.round(rest)) : rest.toFixed(1);
  return `${rest.toFixed(rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0)}${UNITS[unit]}`;
};

/** Bytes per second by thousands, as links are rated. */
export const shortBytes = (value: number): string => `${shortCount(value)}B`;

export const percent = (ratio: number): string => (ratio >= 0.9995 ? "100" : (ratio * 100).toFixed(1));

/** `0.3`, `12.5`, `340`, `1.2s`. */
export const shortMs = (ms: number): string => {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)}s`;
  return ms >= 99.95 ? ms.toFixed(0) : ms.toFixed(ms < 9.995 ? 2 : 1);
};

export const COLUMNS: readonly Column[] = [
  {
    title: "REQ/s",
    key: "r",
    sort: "requests",
    width: 6,
    fromWidth: 0,
    read: (rates) => rates.requestsPerSecond,
    format: shortCount,
  },
  { title: "HIT%", key: "h", sort: "hits", width: 5, fromWidth: 0, read: (rates) => rates.hitRatio, format: percent },
  {
    title: "OUT/s",
    key: "o",
    sort: "out",
    width: 6,
    fromWidth: 0,
    read: (rates) => rates.outBytesPerSecond,
    format: shortBytes,
  },
  {
    title: "IN/s",
    key: "i",
    sort: "in",
    width: 6,
    fromWidth: 72,
    read: (rates) => rates.inBytesPerSecond,
    format: shortBytes,
  },
  {
    title: "5xx/s",
    key: "e",
    sort: "errors",
    width: 6,
    fromWidth: 0,
    read: (rates) => rates.errorsPerSecond,
    format: shortCount,
  },
  {
    title: "4xx/s",
    width: 5,
    fromWidth: 110,
    read: (rates) => rates.clientErrorsPerSecond,
    format: shortCount,
  },
  { title: "304/s", width: 6, fromWidth: 118, read: (rates) => rates.notModifiedPerSecond, format: shortCount },
  { title: "ABORT/s", width: 7, fromWidth: 128, read: (rates) => rates.abortedPerSecond, format: shortCount },
  {
    title: "LAT ms",
    key: "l",
    sort: "latency",
    width: 7,
    fromWidth: 0,
    read: (rates) => rates.latencyMs,
    format: shortMs,
  },
  {
    title: "ORIG/s",
    key: "g",
    sort: "origin",
    width: 7,
    fromWidth: 0,
    read: (rates) => rates.originRequestsPerSecond,
    format: shortCount,
  },
  {
    title: "ORIG ms",
    key: "m",
    sort: "originLatency",
    width: 8,
    fromWidth: 80,
    read: (rates) => rates.originLatencyMs,
    format: shortMs,
  },
  { title: "ORIG B/s", width: 8, fromWidth: 138, read: (rates) => rates.originBytesPerSecond, format: shortBytes },
  {
    title: "ORIG FAIL/s",
    width: 11,
    fromWidth: 152,
    read: (rates) => rates.originFailuresPerSecond,
    format: shortCount,
  },
];

export const NAME_KEY = "n";

/** Key presses and what they sort by. */
export const SORT_KEYS: ReadonlyMap<string, SortKey> = new Map([
  ...COLUMNS.flatMap(({ key, sort }) => (key === undefined || sort === undefined ? [] : [[key, sort] as const])),
  [NAME_KEY, "name"],
]);

/** Largest first, but for names; the worst hit ratio first. Equal ones by name. */
export const sortHosts = (hosts: readonly HostRates[], by: SortKey): readonly HostRates[] => {
  const column = COLUMNS.find(({ sort }) => sort === by);
  const direction = by === "hits" ? 1 : -1;
  const byName = (left: HostRates, right: HostRates): number => (left.host < right.host ? -1 : 1);
  if (column === undefined) return hosts.toSorted(byName);
  return hosts.toSorted((left, right) => {
    const [first, second] = [column.read(left), column.read(right)];
    if (first === second) return byName(left, right);
    // What has no figure comes last, whichever way the others go.
    if (first === null) return 1;
    if (second === null) return -1;
    return (first - second) * direction;
  });
};
