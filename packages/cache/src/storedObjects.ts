import { type CacheKey, computeCacheKey, type IndexRow, QUICK_RECORD_BYTES, ROW_FLAG } from "@basalt/store";
import { PROCESS_SLOT } from "@basalt/telemetry";
import type { BodySource } from "./bodySource.ts";
import { CachedObject } from "./cachedObject.ts";
import { BLOCK_SPACE, type CacheVhost, SPACES_PER_VHOST, VARIANT_NAMES, type Variant } from "./cacheVhost.ts";
import { adoptState } from "./indexRow.ts";
import { KEPT_OPEN_BODIES, KEPT_OPEN_SECONDS, LEAST_WINDOW, WHOLE_IN_MEMORY_BYTES } from "./limits.ts";
import type { MemoryObjects } from "./memoryObjects.ts";
import type { ObjectCacheParts } from "./objectCache.ts";
import { RecentLoads } from "./recentLoads.ts";
import { MemoryBody, StoredBody } from "./storedBody.ts";
import { decodeHead, type StoredHead } from "./storedHead.ts";

interface StoredRequest {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  readonly url: string;
}

/** The way of objects from the disks into a worker: at once, by promise, as an open body, or taken into memory. */
export class StoredObjects {
  readonly #parts: ObjectCacheParts;
  readonly #memory: MemoryObjects;
  readonly #recentLoads = new RecentLoads();
  #scratch = Buffer.allocUnsafeSlow(QUICK_RECORD_BYTES);
  readonly #keptOpen = new Set<CachedObject>();

  constructor(parts: ObjectCacheParts, memory: MemoryObjects) {
    this.#parts = parts;
    this.#memory = memory;
  }

  /**
   * A small object straight from the page cache, without giving up control: what makes a miss of the memory tier nearly
   * as cheap as a hit. `passing`: its body lies in memory that the next call uses again; see `keepPassing`. Undefined
   * when it is not stored, not fresh, or not to be had so quickly; `obtain` finds out.
   */
  loadNow(
    vhost: CacheVhost,
    variant: Variant,
    url: string,
    nowMs: number,
    mayPass: boolean,
  ): { readonly object: CachedObject; readonly isPassing: boolean } | undefined {
    const key = computeCacheKey(vhost.name, url, VARIANT_NAMES[variant] ?? "");
    const row = this.#parts.index.find(key);
    if (row === undefined || row.url !== url || row.freshUntil <= nowMs) return undefined;
    const isRepeated = this.#recentLoads.note(key, Math.max(LEAST_WINDOW, this.#memory.count));
    const isPassing = mayPass && !isRepeated;
    const loaded = this.#parts.bodies.loadNow(row.location, isPassing ? this.#scratch : undefined);
    const head = loaded === undefined ? undefined : decodeHead(loaded.head);
    if (loaded === undefined || head === undefined) return undefined;
    const object = this.#enter(vhost, variant, row, head, loaded.body, !isPassing);
    return object?.isFresh(nowMs) === true ? { object, isPassing } : undefined;
  }

  /** The body of the object that passed last is still being sent: its memory is not to be used again. */
  keepPassing(): void {
    this.#scratch = Buffer.allocUnsafeSlow(QUICK_RECORD_BYTES);
  }

  /**
   * The body of a stored object that is not in memory; undefined when it turned out damaged. Retain it before the next
   * turn of the event loop, release it after use.
   */
  async openBody(vhost: CacheVhost, variant: Variant, object: CachedObject): Promise<BodySource | undefined> {
    if (object.body !== undefined) return new MemoryBody(object.body);
    if (object.openBody !== undefined) return object.openBody;
    const location = object.location;
    if (location === undefined) return undefined;
    const reader = await this.#parts.bodies.openBody(location);
    if (reader === undefined) {
      this.#damaged(vhost, variant, object.key, object.url, location);
      return undefined;
    }
    const body = new StoredBody(location, reader, this.#parts.tier, vhost.index * SPACES_PER_VHOST + BLOCK_SPACE);
    if (object.openBody === undefined && this.#keptOpen.size < KEPT_OPEN_BODIES) {
      object.openBody = body;
      object.bodyUsedSecond = Math.floor(this.#parts.clock.now() / 1000);
      body.retain();
      this.#keptOpen.add(object);
    }
    return body;
  }

  /** Reads a body of moderate length into memory, so that it is served from there; false when that cannot be. */
  async promote(vhost: CacheVhost, variant: Variant, object: CachedObject): Promise<boolean> {
    const { location } = object;
    if (object.body !== undefined) return true;
    if (location === undefined || location.bodyBytes > WHOLE_IN_MEMORY_BYTES) return false;
    const body = await this.#wholeBody(location);
    if (body === undefined) return false;
    if (object.isGone) return false;
    object.body = body;
    object.prepared = undefined;
    this.#memory.keep(vhost, variant, object);
    return true;
  }

  /** Closes long bodies that nobody asked for lately; call about once a second. */
  closeUnusedBodies(): void {
    const limit = Math.floor(this.#parts.clock.now() / 1000) - KEPT_OPEN_SECONDS;
    for (const object of this.#keptOpen) {
      if (object.bodyUsedSecond > limit) continue;
      this.#keptOpen.delete(object);
      object.openBody?.release();
      object.openBody = undefined;
    }
  }

  /** Brings what memory holds to the state of a row; loads the object where head or body have changed. */
  async adopt(
    request: StoredRequest,
    row: IndexRow,
    held: CachedObject | undefined,
  ): Promise<CachedObject | undefined> {
    const place = held?.location;
    if (
      held !== undefined &&
      place !== undefined &&
      place.disk === row.location.disk &&
      place.segment === row.location.segment &&
      place.offset === row.location.offset
    ) {
      adoptState(held, row);
      return held;
    }
    return await this.load(request.vhost, request.variant, request.url, row);
  }

  /** Undefined where nothing readable lies there, or an invalidation has ended it. */
  async load(vhost: CacheVhost, variant: Variant, url: string, row: IndexRow): Promise<CachedObject | undefined> {
    if (row.url !== url) return undefined;
    const loaded = await this.#parts.bodies.load(row.location);
    const head = loaded === undefined ? undefined : decodeHead(loaded.head);
    if (loaded === undefined || head === undefined) {
      this.#damaged(vhost, variant, row.key, url, row.location);
      return undefined;
    }
    const body = loaded.body ?? (await this.#wholeBody(row.location));
    return this.#enter(vhost, variant, row, head, body, true);
  }

  /** Makes an object of a row and what was read for it; undefined when an invalidation has ended it. */
  #enter(
    vhost: CacheVhost,
    variant: Variant,
    row: IndexRow,
    head: StoredHead,
    body: Buffer | undefined,
    keeps: boolean,
  ): CachedObject | undefined {
    const object = new CachedObject({
      key: row.key,
      head,
      body,
      location: row.location,
      version: row.version,
      freshUntilMs: row.freshUntil,
      ttlSeconds: row.ttl,
      updatedAtMs: row.updatedAt,
      purged: (row.flags & ROW_FLAG.PURGED) !== 0,
      expiredByForce: (row.flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0,
    });
    if (keeps) this.#memory.keep(vhost, variant, object);
    return object.checkedVersion < vhost.invalidations.latest ? this.#memory.recheck(vhost, variant, object) : object;
  }

  /** Reads a body that lies in a file of its own, if it is short enough to be kept whole. */
  async #wholeBody(location: IndexRow["location"]): Promise<Buffer | undefined> {
    const length = location.bodyBytes;
    if (length > WHOLE_IN_MEMORY_BYTES) return undefined;
    const reader = await this.#parts.bodies.openBody(location);
    if (reader === undefined) return undefined;
    try {
      const body = Buffer.allocUnsafeSlow(length);
      let filled = 0;
      while (filled < length) {
        const count = await reader.read(body, filled, length - filled, filled);
        if (count < 1) return undefined;
        filled += count;
      }
      return body;
    } finally {
      reader.release();
    }
  }

  #damaged(vhost: CacheVhost, variant: Variant, key: CacheKey, url: string, location: IndexRow["location"]): void {
    this.#parts.counters.add(PROCESS_SLOT.storeFailures, 1);
    this.#memory.remove(vhost, variant, url);
    this.#parts.channel.tell("damaged", { key, location });
  }
}
