import type { CacheKey } from "../contract.ts";
import { CACHE_KEY_BYTES } from "./cacheKey.ts";

/**
 * The key of an object as a row keeps it: a home, which is the id of the row unless another key has the same one, and
 * the rest, by which the two are told apart. A number from SQLite is exact up to 53 bits.
 *
 *              URL digest, 80 bits            variant digest, 48 bits
 *     key      a: 40 | b: 13 | c: 27          d: 13 | e: 35
 *     home     a | b xor d                    53 bits: the variants of one URL are neighbours
 *     url_rest c                              27 bits
 *     variant  d | e                          48 bits, signed
 */
const SHARED_BYTES = 5;
/** Homes that the variants of one URL are spread over. */
const HOMES_PER_URL = 2 ** 13;
const URL_REST_LIMIT = 2 ** 27;
const VARIANT_BYTES = 6;
const VARIANT_LIMIT = 2 ** 47;

/** Bytes at the beginning of a key that the homes of all variants of its URL share. */
export const URL_PREFIX_BYTES = SHARED_BYTES;

/** On the path of every lookup, as the two below: no objects. */
export const homeOf = (key: CacheKey): number =>
  key.readUIntBE(0, SHARED_BYTES) * HOMES_PER_URL + ((key.readUInt16BE(5) ^ key.readUInt16BE(10)) >>> 3);

export const urlRestOf = (key: CacheKey): number => key.readUInt32BE(6) & (URL_REST_LIMIT - 1);

export const variantOf = (key: CacheKey): number => key.readIntBE(10, VARIANT_BYTES);

/** First and last home of the keys that begin with those of URL_PREFIX_BYTES. */
export const homesBehind = (prefix: Uint8Array): { readonly first: number; readonly last: number } => {
  const first = Buffer.from(prefix).readUIntBE(0, SHARED_BYTES) * HOMES_PER_URL;
  return { first, last: first + HOMES_PER_URL - 1 };
};

const isWithin = (value: unknown, first: number, end: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= first && value < end;

/** Boundary parser: undefined for what is not of a key. */
export const keyOfPlace = (home: unknown, urlRest: unknown, variant: unknown): CacheKey | undefined => {
  if (!isWithin(home, 0, Number.POSITIVE_INFINITY) || !isWithin(urlRest, 0, URL_REST_LIMIT)) return undefined;
  if (!isWithin(variant, -VARIANT_LIMIT, VARIANT_LIMIT)) return undefined;
  const key = Buffer.allocUnsafe(CACHE_KEY_BYTES);
  key.writeIntBE(variant, 10, VARIANT_BYTES);
  key.writeUIntBE(Math.floor(home / HOMES_PER_URL), 0, SHARED_BYTES);
  const middle = (home % HOMES_PER_URL) ^ (key.readUInt16BE(10) >>> 3);
  key.writeUInt32BE(urlRest, 6);
  key.writeUInt16BE((middle << 3) | (urlRest >>> 24), 5);
  return key;
};
