import { type IndexRow, ROW_FLAG, type RowImage } from "@basalt/store";
import { epochMs } from "@basalt/types";
import type { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, VARIANT } from "./cacheVhost.ts";
import { sourceUrlOf, variantIn } from "./objectName.ts";

/** What a record says of the object that it holds. */
export const imageOf = (vhost: CacheVhost, object: CachedObject): RowImage => ({
  key: object.key,
  vhost: vhost.name,
  url: object.url,
  version: object.version,
  freshUntil: epochMs(object.freshUntilMs),
  ttl: object.ttlSeconds,
  updatedAt: epochMs(object.updatedAtMs),
  flags:
    (object.purged ? ROW_FLAG.PURGED : 0) |
    (object.expiredByForce ? ROW_FLAG.EXPIRED_BY_FORCE : 0) |
    (isCopy(object) || object.isTransient ? ROW_FLAG.DERIVED : 0) |
    (object.isTransient ? ROW_FLAG.TRANSIENT : 0) |
    (object.isTagged ? ROW_FLAG.TAGGED : 0) |
    (object.stretched ? ROW_FLAG.STRETCHED : 0),
  tags: object.tags,
});

/** Another form of the object of its URL, which goes with that and is not counted (PRG-11). */
const isCopy = ({ sourceVersion, url, variant }: CachedObject): boolean =>
  sourceVersion > 0 && (variantIn(variant) !== VARIANT.DERIVED || sourceUrlOf(url, variant) === url);

/** State of an object as the index keeps it; undefined while it has no place on disk. */
export const rowOf = (vhost: CacheVhost, object: CachedObject, lastAccessMs: number): IndexRow | undefined =>
  object.location === undefined
    ? undefined
    : {
        ...imageOf(vhost, object),
        location: object.location,
        lastAccess: epochMs(lastAccessMs),
        missingBytes: object.isPartial ? object.location.bodyBytes : 0,
      };

/** Brings an object in memory to the state of its row. */
export const adoptState = (object: CachedObject, row: IndexRow): void => {
  object.version = row.version;
  object.checkedVersion = Math.max(object.checkedVersion, row.version);
  object.freshUntilMs = row.freshUntil;
  object.ttlSeconds = row.ttl;
  object.updatedAtMs = row.updatedAt;
  object.isPartial = row.missingBytes > 0;
  object.purged = (row.flags & ROW_FLAG.PURGED) !== 0;
  object.expiredByForce = (row.flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0;
};

/**
 * A 304 that changes nothing but times is not written into the head: when it came, by a clock that need not be this
 * process's, is what the row's TTL counts from. Its age then was none: with an age, the head is written anew.
 */
export const adoptConfirmation = (object: CachedObject, row: IndexRow): void => {
  object.stretched = (row.flags & ROW_FLAG.STRETCHED) !== 0;
  if (object.stretched) return;
  const confirmedAtMs = Math.min(row.freshUntil - row.ttl * 1000, row.updatedAt);
  if (confirmedAtMs > object.validatedAtMs + LATER_MS) object.confirm(confirmedAtMs, 0);
};

/** Roundings of times between the head and the row. */
const LATER_MS = 1000;
