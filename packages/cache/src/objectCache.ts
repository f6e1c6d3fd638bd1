import type { Channel } from "@basalt/ipc";
import type { OriginRequest } from "@basalt/origin";
import { failureTtl } from "@basalt/policy";
import {
  type BodyStore,
  type CacheKey,
  computeCacheKey,
  type DiskIndexReader,
  type DiskSetting,
  type IndexRow,
  type MemoryTier,
} from "@basalt/store";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { type CacheResult, type Clock, EdgeError, unreachable } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import type { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, SPACES_PER_VHOST, VARIANT_NAMES, type Variant } from "./cacheVhost.ts";
import { Filling } from "./filling.ts";
import { Followers } from "./followers.ts";
import { type InvalidationList, targetMatches } from "./invalidations.ts";
import { OBTAIN_ATTEMPTS, TOUCH_SECONDS } from "./limits.ts";
import { MemoryBody } from "./memoryBody.ts";
import { MemoryObjects } from "./memoryObjects.ts";
import { PartedBodies } from "./parts/partedBodies.ts";
import type { PartOrigin } from "./parts/partedBody.ts";
import type { AcquireReply, Invalidation, ObjectClient, ObjectService } from "./protocol.ts";
import { RemoteFill, sharedHead } from "./remoteFill.ts";
import type { StoredHead } from "./storedHead.ts";
import { StoredObjects } from "./storedObjects.ts";
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
  readonly #memory: MemoryObjects;
  readonly #stored: StoredObjects;
  readonly #flights = new Map<string, Flight>();
  readonly #growing = new Map<string, Growing>();
  readonly #derivations = new Map<string, Promise<CachedObject | undefined>>();
  readonly #followers = new Followers();
  readonly #filling: Filling;
  readonly #parted = new PartedBodies();
  #touched: CacheKey[] = [];

  constructor(parts: ObjectCacheParts) {
    this.#parts = parts;
    this.#memory = new MemoryObjects(parts.tier);
    this.#stored = new StoredObjects(parts, this.#memory, this.#parted);
    this.#filling = new Filling(parts, this.#parted, {
      parted: (request, object, file, held) => {
        const before = held?.location;
        if (before !== undefined && before.file !== 0) this.#parted.find(before.file)?.supersede();
        this.#stored.enterParted(request.vhost, request.variant, object, file);
      },
      keep: (request, object) => this.#memory.keep(request.vhost, request.variant, object),
      growing: (request, obtained) => this.#setGrowing(request, obtained),
      grown: (request, source) => this.#removeGrowing(request, source),
    });
  }

  /** The object in this worker's memory, fresh or not, with every invalidation applied. */
  find(vhost: CacheVhost, variant: Variant, url: string): CachedObject | undefined {
    return this.#memory.find(vhost, variant, url);
  }

  /** An object in memory has become larger or smaller. */
  resized(vhost: CacheVhost, object: CachedObject): void {
    this.#memory.resized(vhost, object);
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
    const loaded = row === undefined ? undefined : await this.#stored.load(vhost, variant, source.url, row);
    const usable = this.#derivedFrom(source, loaded);
    if (usable !== undefined) return usable;
    let heldVersion = loaded?.version ?? 0;
    for (let attempt = 0; attempt < OBTAIN_ATTEMPTS; attempt++) {
      const request = { key, vhost: vhost.name, url: source.url, heldVersion, isAlone: false };
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
      const made = this.#derivedFrom(source, await this.#stored.load(vhost, variant, source.url, stored));
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
    this.#memory.invalidate(vhostIndex, list, invalidation);
    const { target } = invalidation;
    const concerns = (candidate: { readonly vhost: string; readonly url: string }): boolean =>
      candidate.vhost === invalidation.vhost && targetMatches(target, candidate.url);
    for (const [name, flight] of this.#flights) if (concerns(flight)) this.#flights.delete(name);
    for (const [name, growing] of this.#growing) if (concerns(growing)) this.#growing.delete(name);
    return this.#filling.whenAllStored((object) => targetMatches(target, object.url));
  }

  /** The index shows all invalidations up to `version`: applies them to what memory holds and forgets them. */
  settle(vhostIndex: number, list: InvalidationList, version: number): void {
    this.#memory.settle(vhostIndex, list, version);
  }

  /** A virtual host is gone: nothing of it is to be found when one of that name comes again (CFG-56). */
  removeVhost(vhostIndex: number): void {
    this.#memory.removeVhost(vhostIndex);
  }

  /** The disks in use have changed: what lies on others is not served any more, from memory neither (OPT-75). */
  setDisks(disks: readonly DiskSetting[]): void {
    this.#parts.bodies.setDisks(disks);
    this.#memory.removeWithoutDisk((disk) => this.#parts.bodies.hasDisk(disk));
  }

  /** Objects on disk: `loadNow`, `openBody`, `promote` and their upkeep. */
  get stored(): StoredObjects {
    return this.#stored;
  }

  /** Parts of long bodies: what the primary tells of them goes there. */
  get parted(): PartedBodies {
    return this.#parted;
  }

  get followers(): Followers {
    return this.#followers;
  }

  get filling(): Filling {
    return this.#filling;
  }

  async #run(request: ObtainRequest, isAlone = false): Promise<Obtained> {
    const { vhost, variant, url } = request;
    const key = computeCacheKey(vhost.name, url, VARIANT_NAMES[variant] ?? "");
    const startedMs = this.#parts.clock.now();
    let held = request.held;
    if (held === undefined) {
      const row = this.#parts.index.find(key);
      if (row !== undefined) held = await this.#stored.load(vhost, variant, url, row);
      if (held !== undefined && this.#suffices(request, held)) return hit(held);
    }
    for (let attempt = 1; attempt <= OBTAIN_ATTEMPTS; attempt++) {
      // What is stored goes as soon as it comes where a disk is full: the last attempt fetches whatever there is.
      const isLast = attempt === OBTAIN_ATTEMPTS;
      const reply: AcquireReply = await this.#parts.channel.call("acquire", {
        key,
        vhost: vhost.name,
        url,
        heldVersion: isLast ? Number.MAX_SAFE_INTEGER : (held?.version ?? 0),
        isAlone: isAlone || isLast,
      });
      switch (reply.kind) {
        case "granted":
          this.#count(vhost, VHOST_SLOT.fills);
          return await this.#filling.fetch(request, key, reply, held);
        case "stored": {
          const isFirstView = held === undefined;
          held = await this.#stored.adopt(request, reply.row, held);
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
      const remote = new RemoteFill(this.#parts.bodies, head, shared, (isAlone) => this.#takeOver(request, isAlone));
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
      const object = await this.#stored.adopt(request, first.row, held);
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

  /** A followed fill lost its worker or its store: whoever fetches now has the same response, or it is an error. */
  async #takeOver(
    request: ObtainRequest,
    isAlone: boolean,
  ): Promise<{ readonly head: StoredHead; readonly source: BodySource } | EdgeError> {
    const anew = { ...request, held: undefined };
    const obtained = isAlone ? await this.#run(anew, true) : await this.obtain(anew);
    switch (obtained.kind) {
      case "failed":
        return obtained.error;
      case "body":
        obtained.source.retain();
        return { head: obtained.head, source: obtained.source };
      case "object": {
        const source = await this.#sourceOf(request, obtained.object);
        if (source === undefined) return new EdgeError("STORE_UNAVAILABLE", { detail: "body is gone" });
        source.retain();
        return { head: obtained.object.head, source };
      }
      default:
        return unreachable(obtained);
    }
  }

  async #sourceOf(request: ObtainRequest, object: CachedObject): Promise<BodySource | undefined> {
    const { vhost, variant } = request;
    if (object.body === undefined && !(await this.#stored.promote(vhost, variant, object))) {
      const body = await this.#stored.openBody(vhost, variant, object);
      return body?.view(0, body.totalBytes, partOriginOf(request));
    }
    return object.body === undefined ? undefined : new MemoryBody(object.body);
  }

  #afterFailure(request: ObtainRequest, error: EdgeError, held: CachedObject | undefined): Obtained {
    if (held === undefined) return { kind: "failed", error, result: "TCP_NEGATIVE_HIT" };
    const now = this.#parts.clock.now();
    held.freshUntilMs = now + (failureTtl(error.code, request.vhost.settings.options.ttl) ?? 0) * 1000;
    held.purged = false;
    return { kind: "object", object: held, result: "TCP_REF_FAIL_HIT" };
  }

  #count(vhost: CacheVhost, slot: number): void {
    this.#parts.counters.add(vhost.counters + slot, 1);
  }

  #derivedFrom(source: CachedObject, derived: CachedObject | undefined): CachedObject | undefined {
    if (derived === undefined || derived.purged || derived.head.sourceVersion !== source.head.bodyVersion)
      return undefined;
    derived.freshUntilMs = source.freshUntilMs;
    derived.ttlSeconds = source.ttlSeconds;
    return derived;
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

/** How blocks of the object can be had for whoever makes this request. */
const partOriginOf = (request: ObtainRequest): PartOrigin => ({
  pool: request.vhost.pool,
  partBytes: request.vhost.settings.originOptions.partBytes,
  request: () => request.originRequest(undefined),
});

const flightName = (request: ObtainRequest): string =>
  `${request.vhost.index * SPACES_PER_VHOST + request.variant} ${request.url}`;

/** OPT-30, OPT-34: a stored error page is a negative hit. */
export const hitResult = (object: CachedObject): CacheResult => (object.status >= 400 ? "TCP_NEGATIVE_HIT" : "TCP_HIT");

const hit = (object: CachedObject): Obtained => ({ kind: "object", object, result: hitResult(object) });
