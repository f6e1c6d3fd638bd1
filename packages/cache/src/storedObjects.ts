import { failureTtl } from "@basalt/policy";
import {
  type CacheKey,
  type IndexRow,
  type ObjectLocation,
  type PartedFile,
  QUICK_RECORD_BYTES,
  ROW_FLAG,
} from "@basalt/store";
import { PROCESS_SLOT, VHOST_SLOT } from "@basalt/telemetry";
import type { EdgeError } from "@basalt/types";
import { CachedObject } from "./cachedObject.ts";
import { BLOCK_SPACE, type CacheVhost, SPACES_PER_VHOST, type Variant } from "./cacheVhost.ts";
import { CountedPartedFile, DiskUse } from "./diskUse.ts";
import { adoptConfirmation, adoptState } from "./indexRow.ts";
import {
  KEPT_OPEN_BODIES,
  KEPT_OPEN_SECONDS,
  LEAST_WINDOW,
  PASSING_ROOM_BYTES,
  WHOLE_IN_MEMORY_BYTES,
} from "./limits.ts";
import type { MemoryObjects } from "./memoryObjects.ts";
import type { ObjectCacheParts } from "./objectCache.ts";
import { keyOfName, urlOfName } from "./objectName.ts";
import type { BodyMaker, PartedBodies } from "./parts/partedBodies.ts";
import type { PartedBody } from "./parts/partedBody.ts";
import { representationOf } from "./parts/representation.ts";
import { RecentLoads } from "./recentLoads.ts";
import { type EncodedHead, readHead } from "./storedHead.ts";

interface StoredRequest {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  readonly name: string;
}

/** The way of objects from the disks into a worker: at once, by promise, as an open body, or taken into memory. */
export class StoredObjects {
  readonly #parts: ObjectCacheParts;
  readonly #memory: MemoryObjects;
  readonly #parted: PartedBodies;
  readonly #recentLoads = new RecentLoads();
  #scratch = Buffer.allocUnsafeSlow(PASSING_ROOM_BYTES + QUICK_RECORD_BYTES);
  /** The object whose body was read last, until somebody has taken it. */
  #passing: CachedObject | undefined;
  #passingBody: Buffer = this.#scratch;
  readonly #keptOpen = new Set<CachedObject>();
  /** By the file of the body that cannot be completed. */
  readonly #fallingBack = new Map<number, Promise<CachedObject | undefined>>();
  /** Found damaged in this second and the one before, while the index may still name them. */
  #damagedPlaces = new Set<string>();
  #damagedBefore = new Set<string>();

  constructor(parts: ObjectCacheParts, memory: MemoryObjects, parted: PartedBodies) {
    this.#parts = parts;
    this.#memory = memory;
    this.#parted = parted;
  }

  /**
   * A small object straight from the page cache, without giving up control: what makes a miss of the memory tier nearly
   * as cheap as a hit. It comes into memory without its body, which `bodyNow` gives. Undefined when it is not stored,
   * not fresh, or not to be had so quickly; `obtain` finds out.
   */
  loadNow(vhost: CacheVhost, variant: Variant, name: string, nowMs: number): CachedObject | undefined {
    const row = this.#parts.index.find(keyOfName(vhost.name, variant, name));
    if (row === undefined || row.url !== urlOfName(name) || row.freshUntil <= nowMs) return undefined;
    if (!this.#isReadable(row.location)) return undefined;
    const loaded = this.#parts.bodies.loadNow(row.location, this.#scratch.subarray(PASSING_ROOM_BYTES));
    const head = loaded === undefined ? undefined : readHead(loaded.head);
    if (loaded === undefined || head === undefined) return undefined;
    const object = this.#enter(vhost, variant, row, head, undefined);
    if (object?.isFresh(nowMs) !== true) return undefined;
    this.#passing = object;
    this.#passingBody = loaded.body;
    this.#countRead(vhost, loaded.head.length + loaded.body.length);
    return object;
  }

  /**
   * The body of a small object whose body is not in memory, from the page cache. Asked for again before long it comes
   * into memory; else it lies in memory that the next call uses again (see `keepPassing`), where the PASSING_ROOM_BYTES
   * in front of it are the caller's. Undefined when it is not to be had so quickly.
   */
  bodyNow(vhost: CacheVhost, object: CachedObject): Buffer | undefined {
    if (this.#passing !== object) {
      const { location } = object;
      const scratch = this.#scratch.subarray(PASSING_ROOM_BYTES);
      const loaded = location === undefined ? undefined : this.#parts.bodies.loadNow(location, scratch);
      if (loaded === undefined) return undefined;
      this.#countRead(vhost, loaded.head.length + loaded.body.length);
      this.#passingBody = loaded.body;
    }
    this.#passing = undefined;
    const body = this.#passingBody;
    const window = Math.max(LEAST_WINDOW, this.#parts.tier.limitBytes / (object.memoryBytes + body.length));
    if (!this.#recentLoads.note(object.keyView, window)) return body;
    object.body = body;
    this.#memory.resized(vhost, object);
    return object.body;
  }

  /** The body that passed last is still being sent: its memory is not to be used again. */
  keepPassing(): void {
    this.#passing = undefined;
    this.#scratch = Buffer.allocUnsafeSlow(PASSING_ROOM_BYTES + QUICK_RECORD_BYTES);
  }

  /**
   * The body of a stored object with a file of its own; undefined when it turned out damaged. View or retain it before
   * the next turn of the event loop.
   */
  async openBody(vhost: CacheVhost, variant: Variant, object: CachedObject): Promise<PartedBody | undefined> {
    if (object.openBody !== undefined) return object.openBody;
    const { location } = object;
    if (location === undefined || location.file === 0) return undefined;
    const body = await this.#parted.open(location.file, async () => {
      const file = await this.#parts.bodies.openParted(location);
      if (file === undefined) return undefined;
      const counted = new CountedPartedFile(file, new DiskUse(this.#parts.counters, vhost));
      return this.#bodyMaker(vhost, variant, object, counted);
    });
    if (body === undefined) {
      this.#damaged(vhost, variant, object.key, object.name, location);
      return undefined;
    }
    this.#keepOpen(object, body);
    return body;
  }

  /** Enters the body of an object that has just been made, to be filled part by part. */
  enterParted(vhost: CacheVhost, variant: Variant, object: CachedObject, file: PartedFile): void {
    this.#memory.keep(vhost, variant, object);
    this.#keepOpen(object, this.#parted.enter(this.#bodyMaker(vhost, variant, object, file)));
  }

  #bodyMaker(vhost: CacheVhost, variant: Variant, object: CachedObject, file: PartedFile): BodyMaker {
    const { channel, tier } = this.#parts;
    return {
      key: object.key,
      file,
      representation: representationOf(object.head),
      channel,
      tier,
      blockSpace: vhost.index * SPACES_PER_VHOST + BLOCK_SPACE,
      onLost: () => {
        this.#damagedPlaces.add(placeOf(file.location));
        this.#memory.remove(vhost, variant, object.name);
        channel.tell("lost", { key: object.key, file: file.location.file });
      },
      onBroken: (error) => {
        // Whoever asks for it meanwhile finds out by the same promise.
        this.fallBack(vhost, variant, object, error).catch(() => undefined);
      },
      onComplete: () => {
        object.isPartial = false;
      },
    };
  }

  #keepOpen(object: CachedObject, body: PartedBody): void {
    if (object.openBody !== undefined || this.#keptOpen.size >= KEPT_OPEN_BODIES) return;
    object.openBody = body;
    object.bodyUsedSecond = Math.floor(this.#parts.clock.now() / 1000);
    body.retain();
    this.#keptOpen.add(object);
  }

  /**
   * An object of whose body nothing more can be had gives way to the one that it has replaced, for as long as the failure
   * answers (TTL-12, TTL-27); undefined when there is none.
   */
  fallBack(
    vhost: CacheVhost,
    variant: Variant,
    object: CachedObject,
    error: EdgeError,
  ): Promise<CachedObject | undefined> {
    const { location } = object;
    const seconds = failureTtl(error.code, vhost.settings.options.ttl);
    if (location === undefined || location.file === 0 || seconds === undefined) return Promise.resolve(undefined);
    const { file } = location;
    const freshUntilMs = this.#parts.clock.now() + seconds * 1000;
    const falling =
      this.#fallingBack.get(file) ??
      this.#parts.channel
        .call("fallBack", { key: object.key, file, freshUntilMs })
        .then((row) => (row === null ? undefined : this.load(vhost, variant, object.name, row)))
        .finally(() => this.#fallingBack.delete(file));
    this.#fallingBack.set(file, falling);
    return falling;
  }

  /** All of a body, in memory of its own unless the object has it there; undefined when it is gone or damaged. */
  async readWhole(vhost: CacheVhost, object: CachedObject): Promise<Buffer | undefined> {
    const { body, location } = object;
    if (body !== undefined || location === undefined) return body;
    return await this.#wholeBody(vhost, location);
  }

  /** Reads a body of moderate length into memory, so that it is served from there; false when that cannot be. */
  async promote(vhost: CacheVhost, variant: Variant, object: CachedObject): Promise<boolean> {
    const { location } = object;
    if (object.body !== undefined) return true;
    if (location === undefined || location.bodyBytes > WHOLE_IN_MEMORY_BYTES) return false;
    const body = await this.#wholeBody(vhost, location);
    if (body === undefined) this.#damaged(vhost, variant, object.key, object.name, location);
    if (body === undefined || object.isGone) return false;
    object.body = body;
    this.#memory.keep(vhost, variant, object);
    return true;
  }

  /** Closes long bodies that nobody asked for lately; call about once a second. */
  closeUnusedBodies(): void {
    this.#damagedBefore = this.#damagedPlaces;
    this.#damagedPlaces = new Set();
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
      if (request.vhost.rules.profile === "rfc9111") adoptConfirmation(held, row);
      return held;
    }
    return await this.load(request.vhost, request.variant, request.name, row);
  }

  /** Undefined where nothing readable lies there, or an invalidation has ended it. */
  async load(vhost: CacheVhost, variant: Variant, name: string, row: IndexRow): Promise<CachedObject | undefined> {
    if (row.url !== urlOfName(name) || !this.#isReadable(row.location)) return undefined;
    const loaded = await this.#parts.bodies.load(row.location);
    const head = loaded === undefined ? undefined : readHead(loaded.head);
    if (loaded === undefined || head === undefined) {
      this.#damaged(vhost, variant, row.key, name, row.location);
      return undefined;
    }
    this.#countRead(vhost, loaded.head.length + (loaded.body?.length ?? 0));
    const isShort = row.location.bodyBytes <= WHOLE_IN_MEMORY_BYTES;
    const body = loaded.body ?? (isShort ? await this.#wholeBody(vhost, row.location) : undefined);
    if (isShort && body === undefined) {
      this.#damaged(vhost, variant, row.key, name, row.location);
      return undefined;
    }
    return this.#enter(vhost, variant, row, head, body);
  }

  /** Makes an object of a row and what was read for it; undefined when an invalidation has ended it. */
  #enter(
    vhost: CacheVhost,
    variant: Variant,
    row: IndexRow,
    head: EncodedHead,
    body: Buffer | undefined,
  ): CachedObject | undefined {
    const object = new CachedObject({
      key: row.key,
      url: row.url,
      isTagged: (row.flags & ROW_FLAG.TAGGED) !== 0,
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
    object.isPartial = row.missingBytes > 0;
    object.isTransient = (row.flags & ROW_FLAG.TRANSIENT) !== 0;
    if (vhost.rules.profile === "rfc9111") adoptConfirmation(object, row);
    object.touchedSecond = Math.floor(row.lastAccess / 1000);
    this.#memory.keep(vhost, variant, object);
    return object.checkedVersion < vhost.invalidations.latest ? this.#memory.recheck(vhost, variant, object) : object;
  }

  /** Reads a short body from a file of its own; undefined when it is gone or damaged. */
  async #wholeBody(vhost: CacheVhost, location: IndexRow["location"]): Promise<Buffer | undefined> {
    const length = location.bodyBytes;
    const reader = await this.#parts.bodies.openBody(location);
    if (reader === undefined) return undefined;
    try {
      const body = Buffer.allocUnsafeSlow(length);
      let filled = 0;
      while (filled < length) {
        const count = await reader.read(body, filled, length - filled, filled);
        if (count < 1) return undefined;
        filled += count;
        this.#countRead(vhost, count);
      }
      return body;
    } catch {
      return undefined;
    } finally {
      reader.release();
    }
  }

  #countRead(vhost: CacheVhost, byteCount: number): void {
    const { counters } = this.#parts;
    counters.add(vhost.counters + VHOST_SLOT.diskReads, 1);
    counters.add(vhost.counters + VHOST_SLOT.diskReadBytes, byteCount);
  }

  #isReadable(location: ObjectLocation): boolean {
    if (!this.#parts.bodies.hasDisk(location.disk)) return false;
    if (this.#damagedPlaces.size === 0 && this.#damagedBefore.size === 0) return true;
    const place = placeOf(location);
    return !this.#damagedPlaces.has(place) && !this.#damagedBefore.has(place);
  }

  #damaged(vhost: CacheVhost, variant: Variant, key: CacheKey, name: string, location: IndexRow["location"]): void {
    this.#parts.counters.add(PROCESS_SLOT.storeFailures, 1);
    this.#damagedPlaces.add(placeOf(location));
    this.#memory.remove(vhost, variant, name);
    this.#parts.channel.tell("damaged", { key, location });
  }
}

const placeOf = ({ segment, offset }: ObjectLocation): string => `${segment}/${offset}`;
