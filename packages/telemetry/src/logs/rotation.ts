/** When a log gets a new file (LOG-12, LOG-13), out of what an operator writes. */
export interface RotationRule {
  /** Undefined: not by time. */
  readonly minutes: number | undefined;
  /** Undefined: not by size. */
  readonly bytes: number | undefined;
}

const BYTES_PER_MEGABYTE = 1024 ** 2;
const MINUTES_PER_DAY = 1440;
const MS_PER_HOUR = 3_600_000;

/** `unit`: minutes for `time`, megabytes for `size`, both in that order for `both`. */
export const rotationRule = (type: "time" | "size" | "both", unit: readonly number[]): RotationRule => {
  const [first = MINUTES_PER_DAY, second] = unit;
  const minutes = Math.min(MINUTES_PER_DAY, first);
  switch (type) {
    case "time":
      return { minutes, bytes: undefined };
    case "size":
      return { minutes: undefined, bytes: first * BYTES_PER_MEGABYTE };
    case "both":
      return { minutes, bytes: second === undefined ? undefined : second * BYTES_PER_MEGABYTE };
  }
};

export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** The part of the local day, counted in steps of `minutes` from midnight, that holds the moment (LOG-14). */
export const periodAt = (nowMs: number, minutes: number): Period => {
  const now = new Date(nowMs);
  const year = now.getFullYear();
  const month = now.getMonth();
  const day = now.getDate();
  const first = Math.floor((now.getHours() * 60 + now.getMinutes()) / minutes) * minutes;
  const startMs = new Date(year, month, day, 0, first).getTime();
  const midnightMs = new Date(year, month, day + 1).getTime();
  let endMs = Math.min(midnightMs, new Date(year, month, day, 0, first + minutes).getTime());
  // An hour that the clock repeats belongs to the periods of its first time.
  while (endMs <= nowMs) endMs += MS_PER_HOUR;
  return { startMs, endMs };
};

const digits = (value: number, count = 2): string => String(value).padStart(count, "0");

/** `access_20140715_0000.log` (LOG-22); with seconds where size can begin a file too (LOG-23). */
export const logFileName = (prefix: string, startMs: number, { bytes }: RotationRule, ordinal = 1): string => {
  const start = new Date(startMs);
  const date = `${digits(start.getFullYear(), 4)}${digits(start.getMonth() + 1)}${digits(start.getDate())}`;
  const seconds = bytes === undefined ? "" : digits(start.getSeconds());
  const time = `${digits(start.getHours())}${digits(start.getMinutes())}${seconds}`;
  return `${prefix}_${date}_${time}${ordinal === 1 ? "" : `_${ordinal}`}.log`;
};

/** A file of a log, by its name. */
export interface NamedLogFile {
  readonly name: string;
  readonly startMs: number;
  readonly ordinal: number;
  readonly isCompressed: boolean;
}

/** Undefined for a file that is none of this log. */
export const parseLogFileName = (prefix: string, name: string): NamedLogFile | undefined => {
  if (!name.startsWith(`${prefix}_`)) return undefined;
  const found = /^(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)?(?:_(\d+))?\.log(\.gz)?$/.exec(name.slice(prefix.length + 1));
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second = "0", ordinal = "1", compressed] = found;
  const startMs = new Date(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  ).getTime();
  return { name, startMs, ordinal: Number(ordinal), isCompressed: compressed !== undefined };
};

/** Behind all files of that beginning, so that the newest is the last by name too. */
export const nextOrdinal = (files: readonly NamedLogFile[], startMs: number): number =>
  files.reduce((next, file) => (file.startMs === startMs ? Math.max(next, file.ordinal + 1) : next), 1);

/** The older one first. */
export const byAge = (one: NamedLogFile, other: NamedLogFile): number =>
  one.startMs - other.startMs || one.ordinal - other.ordinal;
