import { type EpochMs, epochMs } from "@basalt/types";
import type { CacheKey, IndexRow, ObjectLocation } from "../contract.ts";
import { homeOf, keyOfPlace, urlRestOf, variantOf } from "./rowPlace.ts";

/**
 * A row as SQLite keeps it. Moments after the first are differences, because SQLite stores small integers in few
 * bytes and zero in none: `fresh` is what freshUntil differs from updatedAt + ttl, `access` what lastAccess differs
 * from updatedAt. The order is that of ROW_COLUMNS.
 */
export type EncodedRow = readonly [
  home: number,
  urlRest: number,
  variant: number,
  vhost: number,
  url: string,
  disk: number,
  segment: number,
  offset: number,
  headBytes: number,
  bodyBytes: number,
  file: number,
  version: number,
  updated: number,
  ttl: number,
  fresh: number,
  access: number,
  flags: number,
  missing: number,
];

/** Places in ROW_COLUMNS that are read without decoding the row. */
export const COLUMN = { home: 0, urlRest: 1, variant: 2, vhost: 3, disk: 5 } as const;

/** The columns that make up the key. */
export const KEY_COLUMNS = ["id", "url_rest", "variant"] as const;

export const ROW_COLUMNS = [
  ...KEY_COLUMNS,
  "vhost",
  "url",
  "disk",
  "segment",
  "offset",
  "head_bytes",
  "body_bytes",
  "file",
  "version",
  "updated",
  "ttl",
  "fresh",
  "access",
  "flags",
  "missing",
] as const;

/** Ceilings that keep every sum and difference of a row exact in a double. */
const LARGEST_MOMENT_MS = 2 ** 52;
const LARGEST_TTL_SECONDS = 2 ** 40;
const LARGEST_FLAGS = 2 ** 31 - 1;

const wholeNumber = (value: number, largest: number): number => {
  if (Number.isNaN(value) || value <= 0) return 0;
  return value >= largest ? largest : Math.trunc(value);
};

const moment = (value: EpochMs): EpochMs => epochMs(wholeNumber(value, LARGEST_MOMENT_MS));

const normaliseLocation = (location: ObjectLocation): ObjectLocation => ({
  disk: wholeNumber(location.disk, Number.MAX_SAFE_INTEGER),
  segment: wholeNumber(location.segment, Number.MAX_SAFE_INTEGER),
  offset: wholeNumber(location.offset, Number.MAX_SAFE_INTEGER),
  headBytes: wholeNumber(location.headBytes, Number.MAX_SAFE_INTEGER),
  bodyBytes: wholeNumber(location.bodyBytes, Number.MAX_SAFE_INTEGER),
  file: wholeNumber(location.file, Number.MAX_SAFE_INTEGER),
});

/**
 * The row as it will be read back: numbers whole, not negative and in range (an endless lifetime becomes a very long
 * one). Only a body with a file of its own can lack bytes, and none more than it has.
 */
export const normaliseRow = (row: IndexRow): IndexRow => {
  const location = normaliseLocation(row.location);
  return {
    key: row.key,
    vhost: row.vhost,
    url: row.url,
    location,
    version: wholeNumber(row.version, Number.MAX_SAFE_INTEGER),
    freshUntil: moment(row.freshUntil),
    ttl: wholeNumber(row.ttl, LARGEST_TTL_SECONDS),
    updatedAt: moment(row.updatedAt),
    lastAccess: moment(row.lastAccess),
    flags: wholeNumber(row.flags, LARGEST_FLAGS),
    missingBytes: location.file === 0 ? 0 : wholeNumber(row.missingBytes, location.bodyBytes),
  };
};

/** Expects a normalised row. */
export const encodeRow = (row: IndexRow, vhostId: number): EncodedRow => [
  homeOf(row.key),
  urlRestOf(row.key),
  variantOf(row.key),
  vhostId,
  row.url,
  row.location.disk,
  row.location.segment,
  row.location.offset,
  row.location.headBytes,
  row.location.bodyBytes,
  row.location.file,
  row.version,
  row.updatedAt,
  row.ttl,
  row.freshUntil - row.updatedAt - row.ttl * 1000,
  row.lastAccess - row.updatedAt,
  row.flags,
  row.missingBytes,
];

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isCount = (value: unknown): value is number => isWhole(value) && value >= 0;

/** Key of a row, from its columns; undefined when they are not of a key. */
export const keyOfColumns = (columns: readonly unknown[]): CacheKey | undefined =>
  keyOfPlace(columns[COLUMN.home], columns[COLUMN.urlRest], columns[COLUMN.variant]);

/**
 * Boundary parser: what comes from SQLite is checked before it is believed. Undefined when the columns cannot be a
 * row that `encodeRow` wrote, or when its virtual host is not known.
 */
export const decodeRow = (
  columns: readonly unknown[],
  vhostName: (id: number) => string | undefined,
): IndexRow | undefined => {
  const key = keyOfColumns(columns);
  return key === undefined ? undefined : decodeBehindKey(key, columns, COLUMN.vhost, vhostName);
};

/** As `decodeRow`, for the columns behind the key, which begin at `first`. On the path of every lookup: no destructuring. */
export const decodeBehindKey = (
  key: CacheKey,
  columns: readonly unknown[],
  first: number,
  vhostName: (id: number) => string | undefined,
): IndexRow | undefined => {
  const vhostId = columns[first];
  const url = columns[first + 1];
  const disk = columns[first + 2];
  const segment = columns[first + 3];
  const offset = columns[first + 4];
  const headBytes = columns[first + 5];
  const bodyBytes = columns[first + 6];
  const file = columns[first + 7];
  const version = columns[first + 8];
  const updated = columns[first + 9];
  const ttl = columns[first + 10];
  const fresh = columns[first + 11];
  const access = columns[first + 12];
  const flags = columns[first + 13];
  const missingBytes = columns[first + 14];
  if (!isCount(vhostId) || typeof url !== "string") return undefined;
  if (!isCount(disk) || !isCount(segment) || !isCount(offset)) return undefined;
  if (!isCount(headBytes) || !isCount(bodyBytes) || !isCount(file)) return undefined;
  if (!isCount(version) || !isCount(updated) || !isCount(ttl) || !isCount(flags)) return undefined;
  if (!isWhole(fresh) || !isWhole(access) || !isCount(missingBytes)) return undefined;
  const vhost = vhostName(vhostId);
  if (vhost === undefined) return undefined;
  return {
    key,
    vhost,
    url,
    location: { disk, segment, offset, headBytes, bodyBytes, file },
    version,
    freshUntil: epochMs(updated + ttl * 1000 + fresh),
    ttl,
    updatedAt: epochMs(updated),
    lastAccess: epochMs(updated + access),
    flags,
    missingBytes,
  };
};
