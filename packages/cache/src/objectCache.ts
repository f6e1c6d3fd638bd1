import type { Channel } from "@basalt/ipc";
import type { OriginRequest } from "@basalt/origin";
import { failureTtl, type PassReason, type RequestFacts, responseFacts, tagsIn } from "@basalt/policy";
import type { BodyStore, CacheKey, DiskIndexReader, DiskSetting, MemoryTier } from "@basalt/store";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { type CacheResult, type Clock, EdgeError, unreachable } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import type { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, SPACES_PER_VHOST, type Variant } from "./cacheVhost.ts";
import { Derivations } from "./derivations.ts";
import { Filling, type WholeAnswer } from "./filling.ts";
import { Followers } from "./followers.ts";
import { type InvalidationList, type Tagged, targetMatches } from "./invalidations.ts";
import { OBTAIN_ATTEMPTS, TOUCH_SECONDS } from "./limits.ts";
import { MemoryBody } from "./memoryBody.ts";
import { MemoryObjects } from "./memoryObjects.ts";
import { keyOfName, selectorIn } from "./objectName.ts";
import { PartedBodies } from "./parts/partedBodies.ts";
import type { PartOrigin } from "./parts/partedBody.ts";
import type { AcquireReply, Invalidation, ObjectClient, ObjectService } from "./protocol.ts";
import { RecentPasses } from "./recentPasses.ts";
import { RemoteFill, sharedHead } from "./remoteFill.ts";
import { type FieldGetter, isSelected } from "./selection.ts";
import { mayServeStale, unconfirmed, unvalidatableAnswer } from "./staleness.ts";
import type { StoredHead } from "./storedHead.ts";
import { StoredObjects } from "./storedObjects.ts";
import type { TierEntry } from "./tierEntry.ts";
import { TransientUse } from "./transientUse.ts";

export interface ObtainRequest {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  /** Canonical URL (key rules applied). */
  readonly url: string;
  /** The URL and the selector under which it is asked for (`nameOf`). */
  readonly name: string;
  /** What the rules of caching look at. */
  readonly facts: RequestFacts;
  /** Combined values of the request's fields. */
  readonly get: FieldGetter;
  /** The stale or purged copy that memory held, if any. */
  readonly held: CachedObject | undefined;
  /** The client wants the origin asked even where a fresh object is stored (TTL-37). */
  readonly mustRenew: boolean;
  /** False: only what is stored is wanted (RFC 9111 5.2.1.7). */
  readonly mayFetch: boolean;
  /** The store has failed this request: it is answered from the origin, and the answer is not kept. */
  readonly isPastStore?: boolean;
  /**
   * Whether a stored object may answer without the origin being asked first: it is fresh, or stale within what request
   * and response allow, or the caller renews it behind the answer (TTL-30). Not asked of what was purged.
   */
  readonly suffices: (object: CachedObject) => boolean;
  /** What to ask the origin; with validators when there is something to validate. */
  readonly originRequest: (validated: CachedObject | undefined) => OriginRequest;
  /**
   * What a first download brings, where the rest may come in parts: whatever is wanted is then asked for by range
   * (MEDIA-04). Whole blocks.
   */
  readonly firstBytes?: number | undefined;
  /** Takes interim responses of an exchange that is made for this request. */
  readonly onInformation?: (status: number, fields: readonly string[]) => void;
}

/**
 * `passed`: it was fetched for this request alone, and is neither kept nor for anybody else. `ownFields`: what the
 * response has for this request alone, flat (RFC 9111 5.2.2.7).
 */
export type Obtained =
  | {
      readonly kind: "object";
      readonly object: CachedObject;
      readonly result: CacheResult;
      readonly passed?: PassReason | undefined;
      readonly ownFields?: readonly string[] | undefined;
    }
  /** Still arriving; `retain` it before the next turn of the event loop, `release` it after. */
  | {
      readonly kind: "body";
      readonly head: StoredHead;
      readonly source: BodySource;
      readonly version: number;
      readonly result: CacheResult;
      readonly passed?: PassReason | undefined;
      readonly ownFields?: readonly string[] | undefined;
    }
  /** What is kept under that name answers other requests: ask for the one that this selection names (`selectorFor`). */
  | { readonly kind: "elsewhere"; readonly selection: string }
  /** `status`: what is answered instead of the status that belongs to the error. */
  | {
      readonly kind: "failed";
      readonly error: EdgeError;
      readonly result: CacheResult;
      readonly status?: number | undefined;
    };

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
  /** Resolves when nobody is given it any more as a body that arrives. */
  readonly over: PromiseWithResolvers<void>;
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
  readonly #derivations: Derivations;
  readonly #followers = new Followers();
  readonly #filling: Filling;
  readonly #parted = new PartedBodies();
  readonly #passes: RecentPasses;
  readonly #transients: TransientUse;
  #touched: CacheKey[] = [];

  constructor(parts: ObjectCacheParts) {
    this.#parts = parts;
    this.#passes = new RecentPasses(parts.clock);
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
    this.#transients = new TransientUse({
      isRead: (file) => this.#parted.find(file)?.hasReaders === true,
      touch: (key) => this.#touched.push(key),
      forget: (vhost, variant, name) => this.#memory.remove(vhost, variant, name),
    });
    this.#derivations = new Derivations({
      cache: parts,
      memory: this.#memory,
      stored: this.#stored,
      filling: this.#filling,
      followers: this.#followers,
    });
  }

  /** The object in this worker's memory under that name (`nameOf`), fresh or not, with every invalidation applied. */
  find(vhost: CacheVhost, variant: Variant, name: string): CachedObject | undefined {
    return this.#memory.find(vhost, variant, name);
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

  /** As `touch`, for what was made of another object, which is in use by that. `source`: as it is found. */
  touchMade(
    object: CachedObject,
    second: number,
    source: { readonly vhost: string; readonly variant: Variant; readonly name: string },
  ): void {
    const before = object.touchedSecond;
    this.touch(object, second);
    if (object.touchedSecond !== before) this.#touched.push(keyOfName(source.vhost, source.variant, source.name));
  }

  /** A request is answered with an object that is kept only while it is in use. */
  noteTransient(vhost: CacheVhost, object: CachedObject): void {
    this.#transients.note(vhost, object, this.#runningSecond);
  }

  /** Reports the accesses noted since the last call; call it each second. */
  reportTouched(): void {
    this.#transients.sweep(this.#runningSecond);
    if (this.#touched.length === 0) return;
    this.#parts.channel.tell("touched", { keys: this.#touched, atMs: this.#parts.clock.now() });
    this.#touched = [];
  }

  /** From disk, from another worker's fill, or from the origin; once for all who ask at the same time. */
  async obtain(request: ObtainRequest): Promise<Obtained> {
    if (!request.mayFetch) return await this.#storedOnly(request);
    if (request.isPastStore === true) return await this.#run(request, true);
    const name = flightName(request);
    if (this.#passes.has(name)) return await this.#run(request, true);
    const growing = this.#growing.get(name);
    if (growing !== undefined && growing.obtained.source.state !== "failed") {
      if (!this.#isJoinable(request, growing.obtained.head)) return await this.#run(request, true);
      this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
      return await this.#joined(request, growing.obtained);
    }
    const running = this.#flights.get(name);
    if (running !== undefined) {
      this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
      return await this.#joined(request, await running.promise);
    }
    const promise = this.#run(request).finally(() => {
      if (this.#flights.get(name)?.promise === promise) this.#flights.delete(name);
    });
    this.#flights.set(name, { vhost: request.vhost.name, url: request.url, promise });
    return await promise;
  }

  /**
   * Keeps a response that came another way as the one that `request` would have brought: found in this worker's memory
   * when the promise has resolved. The caller has asked the rules.
   */
  async keepAnswer(request: ObtainRequest, answer: WholeAnswer): Promise<void> {
    const { vhost, variant, name, url } = request;
    const key = keyOfName(vhost.name, variant, name);
    const heldVersion = Number.MAX_SAFE_INTEGER;
    const reply = await this.#parts.channel.call("acquire", {
      key,
      vhost: vhost.name,
      url,
      heldVersion,
      isAlone: true,
    });
    if (reply.kind === "granted") this.#filling.keepWhole(request, key, reply, answer);
  }

  /** Resolves when a body that has arrived is an object, or none will come of it. */
  async whenGrown(vhost: CacheVhost, variant: Variant, name: string, source: BodySource): Promise<void> {
    const growing = this.#growing.get(flightName({ vhost, variant, name }));
    if (growing?.obtained.source === source) await growing.over.promise;
  }

  /** Resolves when the object has its place on disk, or will never have one. */
  whenStored(object: CachedObject): Promise<void> {
    return this.#filling.whenStored(object);
  }

  /**
   * Takes an invalidation: from now on no request is served what it forbids. Resolves when objects of this worker that
   * were on their way to the disk have arrived there and been reported, so that they are counted. Of a flight the tags
   * are not known yet: whoever joins it looks at them when it has landed.
   */
  invalidate(vhostIndex: number, list: InvalidationList, invalidation: Invalidation): Promise<void> {
    this.#memory.invalidate(vhostIndex, list, invalidation);
    const { target } = invalidation;
    const concerns = (candidate: { readonly vhost: string; readonly url: string }): boolean =>
      candidate.vhost === invalidation.vhost && targetMatches(target, candidate.url);
    for (const [name, flight] of this.#flights) if (concerns(flight)) this.#flights.delete(name);
    for (const [name, growing] of this.#growing) {
      if (concerns(growing) || this.#isOutdated(list, growing.obtained)) this.#endGrowing(name);
    }
    return this.#filling.whenAllStored((object) => targetMatches(target, object.url, object));
  }

  /** Nothing that is stored for these URLs now is served by any worker once this has resolved. */
  async invalidateUrls(vhost: CacheVhost, urls: readonly string[]): Promise<void> {
    await this.#parts.channel.call("outdated", { vhost: vhost.name, urls });
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

  /** Objects made of others. */
  get derivations(): Derivations {
    return this.#derivations;
  }

  get followers(): Followers {
    return this.#followers;
  }

  get filling(): Filling {
    return this.#filling;
  }

  /** Of the clock that nobody sets. */
  get #runningSecond(): number {
    return Math.floor(this.#parts.clock.monotonic() / 1000);
  }

  /** What another request has brought, for one that waited for it. */
  async #joined(request: ObtainRequest, obtained: Obtained): Promise<Obtained> {
    if (this.#isOutdated(request.vhost.invalidations, obtained)) return await this.obtain(request);
    switch (obtained.kind) {
      case "failed":
        return obtained;
      case "elsewhere":
        return isSelected(obtained.selection, request.get) ? await this.obtain(request) : obtained;
      case "object":
      case "body": {
        if (obtained.passed !== undefined) return await this.#run(request, true);
        const selection = obtained.kind === "object" ? obtained.object.selection : obtained.head.selection;
        if (!isSelected(selection, request.get)) {
          return selectorIn(request.name) === "" ? { kind: "elsewhere", selection } : await this.#run(request, true);
        }
        if (obtained.kind === "object" && isHit(obtained.result) && !this.#mayServe(request, obtained.object)) {
          return await this.obtain({ ...request, held: obtained.object });
        }
        return obtained.ownFields === undefined ? obtained : { ...obtained, ownFields: undefined };
      }
      default:
        return unreachable(obtained);
    }
  }

  /** Without the origin: what is stored and suffices, or a failure. */
  async #storedOnly(request: ObtainRequest): Promise<Obtained> {
    const { vhost, variant, name } = request;
    const row = this.#parts.index.find(keyOfName(vhost.name, variant, name));
    const object = row === undefined ? undefined : await this.#stored.load(vhost, variant, name, row);
    if (object !== undefined && !isSelected(object.selection, request.get)) {
      if (selectorIn(name) === "") return { kind: "elsewhere", selection: object.selection };
    } else if (object !== undefined && this.#mayServe(request, object)) return hit(object);
    return { kind: "failed", error: new EdgeError("NOT_CACHED"), result: "TCP_MISS" };
  }

  async #run(request: ObtainRequest, isAlone = false): Promise<Obtained> {
    const { vhost, variant, name } = request;
    const key = keyOfName(vhost.name, variant, name);
    const isBase = selectorIn(name) === "";
    const startedMs = this.#parts.clock.now();
    let { held } = request;
    let heldVersion = held?.version ?? 0;
    let isByItself = isAlone;
    if (held === undefined && request.isPastStore !== true) {
      const row = this.#parts.index.find(key);
      if (row !== undefined) held = await this.#stored.load(vhost, variant, name, row);
      heldVersion = held?.version ?? 0;
      if (held !== undefined && !isSelected(held.selection, request.get)) {
        if (isBase) return { kind: "elsewhere", selection: held.selection };
        // It is out of date by what is asked for here, and no stand-in where the origin fails.
        held = undefined;
      } else if (held !== undefined && this.#suffices(request, held)) return hit(held);
    }
    for (let attempt = 1; attempt <= OBTAIN_ATTEMPTS; attempt++) {
      // What is stored goes as soon as it comes where a disk is full: the last attempt fetches whatever there is.
      const isLast = attempt === OBTAIN_ATTEMPTS || request.isPastStore === true;
      const reply: AcquireReply = await this.#parts.channel.call("acquire", {
        key,
        vhost: vhost.name,
        url: request.url,
        heldVersion: isLast ? Number.MAX_SAFE_INTEGER : heldVersion,
        isAlone: isByItself || isLast,
      });
      switch (reply.kind) {
        case "granted":
          this.#count(vhost, VHOST_SLOT.fills);
          return this.#notePass(request, await this.#filling.fetch(request, key, reply, held));
        case "stored": {
          const isFirstView = held === undefined;
          held = await this.#stored.adopt(request, reply.row, held);
          heldVersion = held?.version ?? 0;
          if (held === undefined) break;
          if (!isSelected(held.selection, request.get)) {
            if (isBase) return { kind: "elsewhere", selection: held.selection };
            held = undefined;
            break;
          }
          // What was invalidated while it was on its way was asked for before that.
          const isRenewed = held.updatedAtMs >= startedMs && !held.purged && !held.expiredByForce;
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
          if (obtained === "unstored") isByItself = true;
          else if (obtained !== undefined) return obtained;
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

  #notePass(request: ObtainRequest, obtained: Obtained): Obtained {
    if (obtained.kind !== "object" && obtained.kind !== "body") return obtained;
    const name = flightName(request);
    if (obtained.passed === undefined) this.#passes.forget(name);
    else if (!DUE_TO_THE_REQUEST.has(obtained.passed)) this.#passes.note(name);
    return obtained;
  }

  /** Whether a response that still arrives is fresh enough for whoever comes only now. */
  #isJoinable({ vhost, url }: ObtainRequest, head: StoredHead): boolean {
    if (vhost.rules.profile === "guide") return true;
    const facts = responseFacts(head.status, head.fields, head.storedAtMs);
    const { ttl } = vhost.rules.decideTtl(facts, head.initialAgeSeconds, vhost.customTtl(url));
    return this.#parts.clock.now() < head.storedAtMs + ttl * 1000;
  }

  #mayServe(request: ObtainRequest, object: CachedObject): boolean {
    return !object.purged && request.suffices(object);
  }

  /** An object that this worker has just read from the disk: may it be served without asking? */
  #suffices(request: ObtainRequest, object: CachedObject): boolean {
    if (request.mustRenew) object.freshUntilMs = 0;
    return this.#mayServe(request, object);
  }

  async #follow(
    request: ObtainRequest,
    reply: AcquireReply & { readonly kind: "follow" },
    held: CachedObject | undefined,
    startedMs: number,
  ): Promise<Obtained | "unstored" | undefined> {
    this.#count(request.vhost, VHOST_SLOT.coalescedRequests);
    const first = reply.shared === undefined ? await this.#followers.first(reply.fillId) : undefined;
    const shared = reply.shared ?? (first?.kind === "shared" ? first.shared : undefined);
    if (shared !== undefined) {
      const head = sharedHead(shared);
      if (head instanceof EdgeError) return undefined;
      // The primary knows of that too by now: nobody follows this fill any more.
      if (request.vhost.invalidations.concernsTags(reply.version, taggedOf(head))) {
        this.#followers.follow(reply.fillId, () => {});
        return undefined;
      }
      // Its head was there before it was asked for: it may be out of date by now, as any other.
      if (reply.shared !== undefined && !this.#isJoinable(request, head)) {
        this.#followers.follow(reply.fillId, () => {});
        return "unstored";
      }
      if (!isSelected(head.selection, request.get)) {
        this.#followers.follow(reply.fillId, () => {});
        return selectorIn(request.name) === "" ? { kind: "elsewhere", selection: head.selection } : "unstored";
      }
      const remote = new RemoteFill(this.#parts.bodies, head, shared, (isAlone) => this.#takeOver(request, isAlone));
      const obtained = {
        kind: "body",
        head,
        source: remote,
        version: reply.version,
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
      // It came whole, and its tags are known only now: nobody can have left this fill before.
      if (request.vhost.invalidations.concernsTags(reply.version, object)) return undefined;
      if (!isSelected(object.selection, request.get)) {
        const { selection } = object;
        return selectorIn(request.name) === "" ? { kind: "elsewhere", selection } : "unstored";
      }
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
    return first?.kind === "unstored" ? "unstored" : undefined;
  }

  /**
   * A followed fill lost its worker or its store: whoever fetches now has the same response, or it is an error. One that
   * is for `request` alone is none for the others who read along.
   */
  async #takeOver(
    request: ObtainRequest,
    isAlone: boolean,
  ): Promise<{ readonly head: StoredHead; readonly source: BodySource } | EdgeError> {
    const anew = { ...request, held: undefined };
    for (const isPastStore of [false, true]) {
      const obtained = isAlone
        ? await this.#run({ ...anew, isPastStore }, true)
        : await this.obtain({ ...anew, isPastStore });
      switch (obtained.kind) {
        case "failed":
          return obtained.error;
        case "elsewhere":
          return contentChanged();
        case "body":
          if (isForOneAlone(obtained.passed)) return contentChanged();
          obtained.source.retain();
          return { head: obtained.head, source: obtained.source };
        case "object": {
          if (isForOneAlone(obtained.passed)) return contentChanged();
          const source = await this.#sourceOf(request, obtained.object);
          if (source === undefined) break;
          source.retain();
          return { head: obtained.object.head, source };
        }
        default:
          return unreachable(obtained);
      }
    }
    return new EdgeError("STORE_UNAVAILABLE", { detail: "body is gone" });
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
    const now = this.#parts.clock.now();
    if (held === undefined) return { kind: "failed", error, result: "TCP_NEGATIVE_HIT" };
    const unvalidatable = unvalidatableAnswer(request.vhost, error);
    if (unvalidatable !== undefined) return unvalidatable;
    if (!mayServeStale(request, held, now)) return unconfirmed(error);
    held.freshUntilMs = now + (failureTtl(error.code, request.vhost.settings.options.ttl) ?? 0) * 1000;
    held.purged = false;
    return { kind: "object", object: held, result: "TCP_REF_FAIL_HIT" };
  }

  #count(vhost: CacheVhost, slot: number): void {
    this.#parts.counters.add(vhost.counters + slot, 1);
  }

  /** Whether tags of what arrives were invalidated after its fill began: those who come now must not have it. */
  #isOutdated(list: InvalidationList, obtained: Obtained): boolean {
    switch (obtained.kind) {
      case "body":
        return list.latest > obtained.version && list.concernsTags(obtained.version, taggedOf(obtained.head));
      case "object": {
        const { object } = obtained;
        return list.latest > object.checkedVersion && list.concernsTags(object.checkedVersion, object);
      }
      default:
        return false;
    }
  }

  #setGrowing(request: ObtainRequest, obtained: Obtained & { readonly kind: "body" }): void {
    if (this.#isOutdated(request.vhost.invalidations, obtained)) return;
    const name = flightName(request);
    this.#endGrowing(name);
    this.#growing.set(name, {
      vhost: request.vhost.name,
      url: request.url,
      version: obtained.version,
      obtained,
      over: Promise.withResolvers(),
    });
  }

  #removeGrowing(request: ObtainRequest, source: BodySource): void {
    const name = flightName(request);
    if (this.#growing.get(name)?.obtained.source === source) this.#endGrowing(name);
  }

  #endGrowing(name: string): void {
    const growing = this.#growing.get(name);
    this.#growing.delete(name);
    growing?.over.resolve();
  }
}

/** How blocks of the object can be had for whoever makes this request. */
const partOriginOf = (request: ObtainRequest): PartOrigin => ({
  pool: request.vhost.pool,
  partBytes: request.vhost.settings.originOptions.partBytes,
  ifRange: request.vhost.settings.originOptions.ifRange,
  request: () => request.originRequest(undefined),
});

const taggedOf = (head: StoredHead): Tagged => {
  const tags = tagsIn(head.fields);
  return { isTagged: tags !== "", tags };
};

const flightName = (request: Pick<ObtainRequest, "vhost" | "variant" | "name">): string =>
  `${request.vhost.index * SPACES_PER_VHOST + request.variant} ${request.name}`;

/** OPT-30, OPT-34: a stored error page is a negative hit. */
export const hitResult = (object: CachedObject): CacheResult => (object.status >= 400 ? "TCP_NEGATIVE_HIT" : "TCP_HIT");

/** What a request says of storing does not make the response one for it alone. */
const isForOneAlone = (passed: PassReason | undefined): boolean =>
  passed !== undefined && passed !== "request-no-store";

const contentChanged = (): EdgeError =>
  new EdgeError("ORIGIN_CLOSED", { detail: "the origin's content changed while it was being fetched" });

const isHit = (result: CacheResult): boolean => result === "TCP_HIT" || result === "TCP_NEGATIVE_HIT";

/** Reasons for which the next response may be one to share. */
const DUE_TO_THE_REQUEST: ReadonlySet<PassReason> = new Set([
  "request-no-store",
  "authorization",
  "method",
  "store-failed",
]);

const hit = (object: CachedObject): Obtained => ({ kind: "object", object, result: hitResult(object) });
