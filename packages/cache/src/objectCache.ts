import type { Channel } from "@basalt/ipc";
import type { OriginRequest } from "@basalt/origin";
import { failureTtl } from "@basalt/policy";
import {
  type BodyStore,
  type CacheKey,
  computeCacheKey,
  type DiskIndexReader,
  type IndexRow,
  type MemoryTier,
  QUICK_RECORD_BYTES,
  ROW_FLAG,
} from "@basalt/store";
import { type CounterBlock, PROCESS_SLOT, VHOST_SLOT } from "@basalt/telemetry";
import { type CacheResult, type Clock, EdgeError, unreachable } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import { CachedObject } from "./cachedObject.ts";
import { BLOCK_SPACE, type CacheVhost, SPACES_PER_VHOST, VARIANT_NAMES, type Variant } from "./cacheVhost.ts";
import { Filling } from "./filling.ts";
import { Followers } from "./followers.ts";
import { adoptState } from "./indexRow.ts";
import { applyInvalidation, type InvalidationList, targetMatches } from "./invalidations.ts";
import {
  KEPT_OPEN_BODIES,
  KEPT_OPEN_SECONDS,
  LEAST_WINDOW,
  OBTAIN_ATTEMPTS,
  SETTLE_DELAY_MS,
  TOUCH_SECONDS,
  WHOLE_IN_MEMORY_BYTES,
} from "./limits.ts";
import type { AcquireReply, Invalidation, ObjectClient, ObjectService } from "./protocol.ts";
import { RecentLoads } from "./recentLoads.ts";
import { RemoteFill, sharedHead } from "./remoteFill.ts";
import { MemoryBody, StoredBody } from "./storedBody.ts";
import { decodeHead, type StoredHead } from "./storedHead.ts";
import type { TierEntry } from "./tierEntry.ts";

export interface ObtainRequest {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  /** Canonical URL (key rules applied). */
  readonly url: string;
  /** The stale or purged copy that memory held, if any. */
  readonly held: CachedObject | undefined;
  /** The client wants the origin asked even where a fresh object is stored (TTL-37). */
  readonly mustRenew: boolean;
  /** True when a stale object may be served at once because the caller renews it behind the answer (TTL-30). */
  readonly staleSuffices: (object: CachedObject) => boolean;
  /** What to ask the origin; with validators when there is something to validate. */
  readonly originRequest: (validated: CachedObject | undefined) => OriginRequest;
}

export type Obtained =
  | { readonly kind: "object"; readonly object: CachedObject; readonly result: CacheResult }
  /** Still arriving; `retain` it before the next turn of the event loop, `release` it after. */
  | {
      readonly kind: "body";
      readonly head: StoredHead;
      readonly source: BodySource;
      readonly version: number;
      readonly result: CacheResult;
    }
  | { readonly kind: "failed"; readonly error: EdgeError; readonly result: CacheResult };

export type ObjectChannel = Channel<ObjectClient, ObjectService>;

export interface ObjectCacheParts {
  readonly clock: Clock;
  readonly channel: Pick<ObjectChannel, "call" | "tell">;
  readonly index: DiskIndexReader;
  readonly bodies: BodyStore;
  readonly tier: MemoryTier<TierEntry>;
  readonly counters: CounterBlock;
}

interface Growing {
  readonly vhost: string;
  readonly url: string;
  readonly version: number;
  readonly obtained: Obtained & { readonly kind: "body" };
}

interface Flight {
  readonly vhost: string;
  readonly url: string;
  readonly promise: Promise<Obtained>;
}

/**
 * Life of objects as one worker sees it: found in memory, loaded from disk, fetched once for the whole host, renewed,
 * invalidated. `find` is the hot path and is synchronous; everything else goes through `obtain`.
 */
export class ObjectCache {
  readonly #parts: ObjectCacheParts;
  readonly #tier: MemoryTier<TierEntry>;
  readonly #flights = new Map<string, Flight>();
  readonly #growing = new Map<string, Growing>();
  readonly #derivations = new Map<string, Promise<CachedObject | undefined>>();
  readonly #followers = new Followers();
  readonly #filling: Filling;
  readonly #recentLoads = new RecentLoads();
  #scratch = Buffer.allocUnsafeSlow(QUICK_RECORD_BYTES);
  readonly #keptOpen = new Set<CachedObject>();
  #touched: CacheKey[] = [];

  constructor(parts: ObjectCacheParts) {
    this.#parts = parts;
    this.#tier = parts.tier;
    this.#filling = new Filling(parts, {
      keep: (request, object) => this.#keep(request.vhost, request.variant, object),
      growing: (request, obtained) => this.#setGrowing(request, obtained),
      grown: (request, source) => this.#removeGrowing(request, source),
    });
  }

  /** The object in this worker's memory, fresh or not, with every invalidation applied. */
  find(vhost: CacheVhost, variant: Variant, url: string): CachedObject | undefined {
    const entry = this.#tier.find(vhost.index * SPACES_PER_VHOST + variant, url);
    if (!(entry instanceof CachedObject)) return undefined;
    if (entry.checkedVersion < vhost.invalidations.latest) return this.#recheck(vhost, variant, entry);
    return entry;
  }

  /** Notes an access for the index, coarsely. */
  touch(object: CachedObject, second: number): void {
    if (second - object.touchedSecond < TOUCH_SECONDS) return;
    object.touchedSecond = second;
    this.#touched.push(object.key);
  }

  /** Reports the accesses noted since the last call. */
  reportTouched(): void {
    if (this.#touched.length === 0) return;
    this.#parts.channel.tell("touched", { keys: this.#touched, atMs: this.#parts.clock.now() });
    this.#touched = [];
  }

  /** From disk, from another worker's fill, or from the origin; once for all who ask at the same time. */
  obtain(request: ObtainRequest): Promise<Obtained> {
    const name = flightName(request);
    const growing = this.#growing.get(name);
    if (growing !== undefined && growing.obtained.source.state !== "failed") {
      this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
      return Promise.resolve(growing.obtained);
    }
    const running = this.#flights.get(name);
    if (running !== undefined) {
      this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
      return running.promise;
    }
    const promise = this.#run(request).finally(() => {
      if (this.#flights.get(name)?.promise === promise) this.#flights.delete(name);
    });
    this.#flights.set(name, { vhost: request.vhost.name, url: request.url, promise });
    return promise;
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
    const isRepeated = this.#recentLoads.note(key, Math.max(LEAST_WINDOW, this.#tier.count));
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
    const body = new StoredBody(location, reader, this.#tier, vhost.index * SPACES_PER_VHOST + BLOCK_SPACE);
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
    this.#keep(vhost, variant, object);
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

  /** Resolves when the object has its place on disk, or will never have one. */
  whenStored(object: CachedObject): Promise<void> {
    return this.#filling.whenStored(object);
  }

  /**
   * The copy of `source` made by the transform host, made now if need be, once for the host. Undefined when there is
   * none to be had: serve the source.
   */
  obtainDerived(
    vhost: CacheVhost,
    variant: Variant,
    source: CachedObject,
    makeHead: (source: CachedObject) => StoredHead,
    operation: { readonly kind: "gzip"; readonly level: number },
  ): Promise<CachedObject | undefined> {
    const name = `${vhost.index * SPACES_PER_VHOST + variant} ${source.head.bodyVersion} ${source.url}`;
    const running = this.#derivations.get(name);
    if (running !== undefined) return running;
    const derivation = this.#derive(vhost, variant, source, makeHead, operation).finally(() => {
      this.#derivations.delete(name);
    });
    this.#derivations.set(name, derivation);
    return derivation;
  }

  async #derive(
    vhost: CacheVhost,
    variant: Variant,
    source: CachedObject,
    makeHead: (source: CachedObject) => StoredHead,
    operation: { readonly kind: "gzip"; readonly level: number },
  ): Promise<CachedObject | undefined> {
    await this.whenStored(source);
    if (source.location === undefined) return undefined;
    const key = computeCacheKey(vhost.name, source.url, VARIANT_NAMES[variant] ?? "");
    const known = this.#derivedFrom(source, this.find(vhost, variant, source.url));
    if (known !== undefined) return known;
    const row = this.#parts.index.find(key);
    const loaded = row === undefined ? undefined : await this.#load(vhost, variant, source.url, row);
    const usable = this.#derivedFrom(source, loaded);
    if (usable !== undefined) return usable;
    let heldVersion = loaded?.version ?? 0;
    for (let attempt = 0; attempt < OBTAIN_ATTEMPTS; attempt++) {
      const request = { key, vhost: vhost.name, url: source.url, heldVersion };
      const reply = await this.#parts.channel.call("acquire", request);
      let stored: IndexRow;
      switch (reply.kind) {
        case "granted":
          this.#count(vhost, VHOST_SLOT.transforms);
          return await this.#filling.derive({ vhost, variant, key, source, makeHead, operation }, reply);
        case "stored":
          stored = reply.row;
          break;
        case "follow": {
          const end = await this.#followers.outcome(reply.fillId);
          if (end.kind !== "stored") return undefined;
          stored = end.row;
          break;
        }
        case "failed":
          return undefined;
        default:
          return unreachable(reply);
      }
      const made = this.#derivedFrom(source, await this.#load(vhost, variant, source.url, stored));
      if (made !== undefined) return made;
      heldVersion = stored.version;
    }
    return undefined;
  }

  /**
   * Takes an invalidation: from now on no request is served what it forbids. Resolves when objects of this worker that
   * were on their way to the disk have arrived there and been reported, so that they are counted.
   */
  invalidate(vhostIndex: number, list: InvalidationList, invalidation: Invalidation): Promise<void> {
    list.add(invalidation);
    const { target } = invalidation;
    if (target.kind === "url") {
      for (let variant = 0; variant < BLOCK_SPACE; variant++) {
        const entry = this.#tier.find(vhostIndex * SPACES_PER_VHOST + variant, target.url);
        if (entry instanceof CachedObject && entry.version < invalidation.version) {
          this.#applyTo(vhostIndex * SPACES_PER_VHOST + variant, entry, invalidation);
        }
      }
    }
    const concerns = (candidate: { readonly vhost: string; readonly url: string }): boolean =>
      candidate.vhost === invalidation.vhost && targetMatches(target, candidate.url);
    for (const [name, flight] of this.#flights) if (concerns(flight)) this.#flights.delete(name);
    for (const [name, growing] of this.#growing) if (concerns(growing)) this.#growing.delete(name);
    return this.#filling.whenAllStored((object) => targetMatches(target, object.url));
  }

  /** The index shows all invalidations up to `version`: applies them to what memory holds and forgets them. */
  settle(vhostIndex: number, list: InvalidationList, version: number): void {
    if (list.size === 0) return;
    const first = vhostIndex * SPACES_PER_VHOST;
    this.#tier.forEach((entry, url, space) => {
      if (space < first || space >= first + BLOCK_SPACE || !(entry instanceof CachedObject)) return;
      if (entry.checkedVersion >= list.latest) return;
      for (const invalidation of list.matching(url, entry.checkedVersion)) this.#applyTo(space, entry, invalidation);
      entry.checkedVersion = list.latest;
    });
    // A read of an older row from the disk may still be on its way.
    setTimeout(() => list.settle(version), SETTLE_DELAY_MS).unref();
  }

  get followers(): Followers {
    return this.#followers;
  }

  get filling(): Filling {
    return this.#filling;
  }

  async #run(request: ObtainRequest): Promise<Obtained> {
    const { vhost, variant, url } = request;
    const key = computeCacheKey(vhost.name, url, VARIANT_NAMES[variant] ?? "");
    const startedMs = this.#parts.clock.now();
    let held = request.held;
    if (held === undefined) {
      const row = this.#parts.index.find(key);
      if (row !== undefined) held = await this.#load(vhost, variant, url, row);
      if (held !== undefined && this.#suffices(request, held)) return hit(held);
    }
    for (let attempt = 0; attempt < OBTAIN_ATTEMPTS; attempt++) {
      const reply: AcquireReply = await this.#parts.channel.call("acquire", {
        key,
        vhost: vhost.name,
        url,
        heldVersion: held?.version ?? 0,
      });
      switch (reply.kind) {
        case "granted":
          this.#count(vhost, VHOST_SLOT.fills);
          return await this.#filling.fetch(request, key, reply, held);
        case "stored": {
          const isFirstView = held === undefined;
          held = await this.#adopt(request, reply.row, held);
          if (held === undefined) break;
          const isRenewed = held.updatedAtMs >= startedMs;
          const serves =
            request.mustRenew || isFirstView
              ? isRenewed || this.#suffices(request, held)
              : held.isFresh(this.#parts.clock.now());
          if (serves) return hit(held);
          break;
        }
        case "failed":
          return this.#afterFailure(request, new EdgeError(reply.code, { detail: "known from a moment ago" }), held);
        case "follow": {
          const obtained = await this.#follow(request, reply, held, startedMs);
          if (obtained !== undefined) return obtained;
          break;
        }
        default:
          return unreachable(reply);
      }
    }
    return {
      kind: "failed",
      error: new EdgeError("INTERNAL", { detail: "object could not be settled" }),
      result: "TCP_ERROR",
    };
  }

  /** An object that this worker has just read from the disk: may it be served without asking? */
  #suffices(request: ObtainRequest, object: CachedObject): boolean {
    if (request.mustRenew) object.freshUntilMs = 0;
    return object.isFresh(this.#parts.clock.now()) || (!object.purged && request.staleSuffices(object));
  }

  async #follow(
    request: ObtainRequest,
    reply: AcquireReply & { readonly kind: "follow" },
    held: CachedObject | undefined,
    startedMs: number,
  ): Promise<Obtained | undefined> {
    this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
    const first = reply.shared === undefined ? await this.#followers.first(reply.fillId) : undefined;
    const shared = reply.shared ?? (first?.kind === "shared" ? first.shared : undefined);
    if (shared !== undefined) {
      const head = sharedHead(shared);
      if (head instanceof EdgeError) return undefined;
      const remote = new RemoteFill(this.#parts.bodies, head, shared, () => this.#takeOver(request));
      const obtained = {
        kind: "body",
        head,
        source: remote,
        version: 0,
        result: held === undefined ? "TCP_MISS" : "TCP_REFRESH_MISS",
      } as const;
      this.#setGrowing(request, obtained);
      this.#followers.follow(reply.fillId, (update) => {
        if (update.kind !== "shared" && update.kind !== "progress") this.#removeGrowing(request, remote);
        remote.update(update);
      });
      return obtained;
    }
    if (first?.kind === "stored") {
      const object = await this.#adopt(request, first.row, held);
      if (object === undefined) return undefined;
      // It was complete before it was asked for here, only not yet in the index.
      if (object.updatedAtMs <= startedMs) return object.isFresh(startedMs) ? hit(object) : undefined;
      const renewed = held !== undefined && object === held;
      return {
        kind: "object",
        object,
        result: held === undefined ? "TCP_MISS" : renewed ? "TCP_REFRESH_HIT" : "TCP_REFRESH_MISS",
      };
    }
    if (first?.kind === "failed") {
      return this.#afterFailure(
        request,
        new EdgeError(first.code, { detail: "reported by the fetching worker" }),
        held,
      );
    }
    return undefined;
  }

  /** A followed fill lost its worker: whoever is granted the fill now has the same response, or it is an error. */
  async #takeOver(
    request: ObtainRequest,
  ): Promise<{ readonly head: StoredHead; readonly source: BodySource } | EdgeError> {
    const obtained = await this.obtain({ ...request, held: undefined });
    switch (obtained.kind) {
      case "failed":
        return obtained.error;
      case "body":
        obtained.source.retain();
        return { head: obtained.head, source: obtained.source };
      case "object": {
        const source = await this.openBody(request.vhost, request.variant, obtained.object);
        if (source === undefined) return new EdgeError("STORE_UNAVAILABLE", { detail: "body is gone" });
        source.retain();
        return { head: obtained.object.head, source };
      }
      default:
        return unreachable(obtained);
    }
  }

  #afterFailure(request: ObtainRequest, error: EdgeError, held: CachedObject | undefined): Obtained {
    if (held === undefined) return { kind: "failed", error, result: "TCP_NEGATIVE_HIT" };
    const now = this.#parts.clock.now();
    held.freshUntilMs = now + (failureTtl(error.code, request.vhost.settings.options.ttl) ?? 0) * 1000;
    held.purged = false;
    return { kind: "object", object: held, result: "TCP_REF_FAIL_HIT" };
  }

  /** Brings what memory holds to the state of a row; loads the object where head or body have changed. */
  async #adopt(
    request: ObtainRequest,
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
    return await this.#load(request.vhost, request.variant, request.url, row);
  }

  async #load(vhost: CacheVhost, variant: Variant, url: string, row: IndexRow): Promise<CachedObject | undefined> {
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
    if (keeps) this.#keep(vhost, variant, object);
    return object.checkedVersion < vhost.invalidations.latest ? this.#recheck(vhost, variant, object) : object;
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

  #count(vhost: CacheVhost, slot: number): void {
    this.#parts.counters.add(vhost.counters + slot, 1);
  }

  #keep(vhost: CacheVhost, variant: Variant, object: CachedObject): void {
    if (object.isGone) return;
    const present = this.#tier.find(vhost.index * SPACES_PER_VHOST + variant, object.url);
    if (present instanceof CachedObject && present.version > object.version) return;
    this.#tier.insert(vhost.index * SPACES_PER_VHOST + variant, object.url, object);
  }

  #recheck(vhost: CacheVhost, variant: Variant, object: CachedObject): CachedObject | undefined {
    const space = vhost.index * SPACES_PER_VHOST + variant;
    for (const invalidation of vhost.invalidations.matching(object.url, object.checkedVersion)) {
      if (!this.#applyTo(space, object, invalidation)) return undefined;
    }
    object.checkedVersion = vhost.invalidations.latest;
    return object;
  }

  #applyTo(space: number, object: CachedObject, invalidation: Invalidation): boolean {
    object.checkedVersion = Math.max(object.checkedVersion, invalidation.version);
    if (applyInvalidation(object, invalidation)) return true;
    object.isGone = true;
    if (this.#tier.find(space, object.url) === object) this.#tier.remove(space, object.url);
    return false;
  }

  #derivedFrom(source: CachedObject, derived: CachedObject | undefined): CachedObject | undefined {
    if (derived === undefined || derived.purged || derived.head.sourceVersion !== source.head.bodyVersion)
      return undefined;
    derived.freshUntilMs = source.freshUntilMs;
    derived.ttlSeconds = source.ttlSeconds;
    return derived;
  }

  #damaged(vhost: CacheVhost, variant: Variant, key: CacheKey, url: string, location: IndexRow["location"]): void {
    this.#parts.counters.add(PROCESS_SLOT.storeFailures, 1);
    this.#tier.remove(vhost.index * SPACES_PER_VHOST + variant, url);
    this.#parts.channel.tell("damaged", { key, location });
  }

  #setGrowing(request: ObtainRequest, obtained: Obtained & { readonly kind: "body" }): void {
    this.#growing.set(flightName(request), {
      vhost: request.vhost.name,
      url: request.url,
      version: obtained.version,
      obtained,
    });
  }

  #removeGrowing(request: ObtainRequest, source: BodySource): void {
    const name = flightName(request);
    if (this.#growing.get(name)?.obtained.source === source) this.#growing.delete(name);
  }
}

const flightName = (request: ObtainRequest): string =>
  `${request.vhost.index * SPACES_PER_VHOST + request.variant} ${request.url}`;

/** OPT-30, OPT-34: a stored error page is a negative hit. */
export const hitResult = (object: CachedObject): CacheResult =>
  object.head.status >= 400 ? "TCP_NEGATIVE_HIT" : "TCP_HIT";

const hit = (object: CachedObject): Obtained => ({ kind: "object", object, result: hitResult(object) });
