import type { CacheKey, ObjectLocation } from "@basalt/store";
import type { StoredBody } from "./storedBody.ts";
import type { StoredHead } from "./storedHead.ts";

/**
 * A response as sent, ready in one buffer: head and, where it is kept in memory, body. Belongs to the delivering side:
 * when the second has passed it writes a new Date into the head in place, unless a write still holds the buffer
 * (`holds`), and builds a new one when the configuration has changed.
 */
export interface PreparedResponse {
  readonly buffer: Buffer;
  readonly headBytes: number;
  /** Field lines that every response made from the object carries lie in `[fieldsStart, fieldsEnd)`. */
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  /** The Connection lines begin here; behind them stand Date and the empty line. */
  readonly connectionStart: number;
  readonly generation: number;
  /** Epoch second for which Date and Age are right. */
  second: number;
  holds: number;
}

/** Fixed part of an entry's cost: object, key, map entry, head strings; measured by the store benchmark. */
const ENTRY_OVERHEAD_BYTES = 700;

/** One stored response in a worker's hands. The body may be in memory, on disk, or both. */
export class CachedObject {
  readonly key: CacheKey;
  readonly url: string;
  head: StoredHead;
  /** In memory only while it fits; a view into `prepared.buffer` once that exists. */
  body: Buffer | undefined;
  /** Undefined until the store has taken it. */
  location: ObjectLocation | undefined;
  version: number;
  freshUntilMs: number;
  ttlSeconds: number;
  updatedAtMs: number;
  purged: boolean;
  expiredByForce: boolean;
  /** Deleted for good (HardPurge): never to be kept again. */
  isGone = false;
  /** Invalidations up to this version have been applied. */
  checkedVersion: number;
  prepared: PreparedResponse | undefined;
  preparedNotModified: PreparedResponse | undefined;
  /** Epoch second of the last reported access. */
  touchedSecond = 0;
  /** Compression rules looked at this object already: nothing to gain. */
  incompressible = false;
  /** A long body, kept open while it is in use. */
  openBody: StoredBody | undefined;
  /** Epoch second of the last use of `openBody`. */
  bodyUsedSecond = 0;
  /** Last-Modified in epoch ms; NaN where there is none; undefined until asked for. */
  lastModifiedMs: number | undefined;
  /** Responses made of it since it came into memory. */
  served = 0;
  /** A background renewal is running (TTL-30). */
  renewing = false;

  constructor(from: {
    readonly key: CacheKey;
    readonly head: StoredHead;
    readonly body: Buffer | undefined;
    readonly location: ObjectLocation | undefined;
    readonly version: number;
    readonly freshUntilMs: number;
    readonly ttlSeconds: number;
    readonly updatedAtMs: number;
    readonly purged: boolean;
    readonly expiredByForce: boolean;
  }) {
    this.key = from.key;
    this.url = from.head.url;
    this.head = from.head;
    this.body = from.body;
    this.location = from.location;
    this.version = from.version;
    this.freshUntilMs = from.freshUntilMs;
    this.ttlSeconds = from.ttlSeconds;
    this.updatedAtMs = from.updatedAtMs;
    this.purged = from.purged;
    this.expiredByForce = from.expiredByForce;
    this.checkedVersion = from.version;
    this.prepared = undefined;
    this.preparedNotModified = undefined;
    this.openBody = undefined;
    this.lastModifiedMs = undefined;
  }

  get bodyBytes(): number {
    return this.head.bodyBytes;
  }

  get memoryBytes(): number {
    return ENTRY_OVERHEAD_BYTES + (this.body?.length ?? 0);
  }

  isFresh(nowMs: number): boolean {
    return nowMs < this.freshUntilMs && !this.purged;
  }
}
