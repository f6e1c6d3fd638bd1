import type { ByteRange } from "@basalt/http";
import type { DeriveOperation } from "@basalt/policy";
import type { IndexRow, ObjectLocation } from "@basalt/store";
import { VHOST_SLOT } from "@basalt/telemetry";
import { EdgeError, unreachable } from "@basalt/types";
import type { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, SPACES_PER_VHOST, type Variant } from "./cacheVhost.ts";
import { DerivedMaking } from "./derivedMaking.ts";
import type { Filling } from "./filling.ts";
import type { Followers } from "./followers.ts";
import { OBTAIN_ATTEMPTS } from "./limits.ts";
import type { MemoryObjects } from "./memoryObjects.ts";
import type { ObjectCacheParts } from "./objectCache.ts";
import { keyOfName, nameOf } from "./objectName.ts";
import type { DeriveRefusal } from "./protocol.ts";
import type { StoredHead } from "./storedHead.ts";
import type { StoredObjects } from "./storedObjects.ts";

/** `bytes`: of a response that is for one request alone, or that no disk has taken. */
export type DerivedFrom =
  | { readonly kind: "object"; readonly object: CachedObject }
  | { readonly kind: "bytes"; readonly head: StoredHead; readonly body: Buffer };

export interface DerivedRequest {
  readonly vhost: CacheVhost;
  readonly source: DerivedFrom;
  /** Where the result is kept. */
  readonly variant: Variant;
  readonly url: string;
  readonly selector: string;
  /** Of the result, but for its length and, where the operation decides it, its Content-Type. */
  readonly head: StoredHead;
  readonly operation: DeriveOperation;
  readonly maxSourceBytes: number;
  /** Where lies what is known of a source of media. */
  readonly index?: ObjectLocation | undefined;
  /**
   * Has these bytes of a source that comes in parts brought to the disk. `isAgain`: they were lacking although they were
   * brought. Errors: those of the origin and the store.
   */
  readonly bring?: (ranges: readonly ByteRange[], isAgain: boolean) => Promise<void>;
  /** `idle`: nobody waits for it. */
  readonly priority?: "asked" | "idle";
}

export type Derived =
  | { readonly kind: "object"; readonly object: CachedObject }
  /** There is nothing to be gained: the source serves. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly reason: DeriveRefusal }
  | { readonly kind: "failed"; readonly error: EdgeError };

/** Call `leave` once, when the result is not wanted any more. */
export interface DerivationWait {
  readonly result: Promise<Derived>;
  readonly leave: () => void;
}

interface Running {
  readonly result: Promise<Derived>;
  waiters: number;
  /** Number of the fill under which the transform host has it. */
  fillId: number | undefined;
}

export interface DerivationParts {
  readonly cache: ObjectCacheParts;
  readonly memory: MemoryObjects;
  readonly stored: StoredObjects;
  readonly filling: Filling;
  readonly followers: Followers;
}

/** Refusals remembered by a worker; clients choose the names. */
const REMEMBERED_REFUSALS = 4_096;
const LONGEST_REFUSED_NAME = 1_024;

/** Limits of the configuration and files of this machine, which decide about some of them, may change. */
const REFUSAL_MS = 60_000;

interface Refusal {
  readonly derived: Derived;
  readonly untilMs: number;
}

/**
 * Objects made of other objects: each once for the host, tied to the version of the body that it was made of, and then
 * an object as any other.
 */
export class Derivations {
  readonly #parts: DerivationParts;
  readonly #running = new Map<string, Running>();
  readonly #making: DerivedMaking;
  /** What came of a version of a source that cannot be converted, or need not be. */
  readonly #refusals = new Map<string, Refusal>();

  constructor(parts: DerivationParts) {
    this.#parts = parts;
    this.#making = new DerivedMaking(parts);
  }

  /** In memory or quickly readable, and of this version of the source. The fast path: nothing waits. */
  findNow(request: Omit<DerivedRequest, "operation" | "head" | "maxSourceBytes">, nowMs: number): Derived | undefined {
    const { vhost, variant, source, url, selector } = request;
    if (source.kind !== "object") return undefined;
    const name = nameOf(url, selector);
    const known = this.#parts.memory.find(vhost, variant, name);
    if (known === undefined && this.#refusals.size > 0) {
      const refusal = this.#refusalOf(runningName(request), nowMs);
      if (refusal !== undefined) return refusal;
    }
    const found = known ?? this.#parts.stored.loadNow(vhost, variant, name, nowMs);
    const object = currentOf(source.object, found);
    return object === undefined ? undefined : { kind: "object", object };
  }

  /** Found, or made now, once for all who ask. */
  obtain(request: DerivedRequest): DerivationWait {
    if (request.source.kind === "bytes") {
      return { result: this.#making.makeAlone(request, request.source.body), leave: () => {} };
    }
    const name = runningName(request);
    const refusal = this.#refusalOf(name, this.#parts.cache.clock.now());
    if (refusal !== undefined) return { result: Promise.resolve(refusal), leave: () => {} };
    const running = this.#running.get(name) ?? this.#start(name, request, request.source.object);
    running.waiters++;
    let hasLeft = false;
    const leave = (): void => {
      if (hasLeft) return;
      hasLeft = true;
      if (--running.waiters > 0 || this.#running.get(name) !== running) return;
      this.#running.delete(name);
      if (running.fillId !== undefined) this.#parts.cache.channel.tell("abandonDerivation", { id: running.fillId });
    };
    return { result: running.result, leave };
  }

  /**
   * Makes anew what there is, once for the host, while no job that somebody waits for is to be done. `head.bodyVersion`
   * tells it from the one before: what another worker has made already is taken over.
   */
  async improve(request: DerivedRequest): Promise<void> {
    const { vhost, variant, url, selector, source } = request;
    if (source.kind !== "object") return;
    const { object } = source;
    const { cache, filling, followers, stored } = this.#parts;
    await filling.whenStored(object);
    if (object.location === undefined) return;
    const name = nameOf(url, selector);
    const key = keyOfName(vhost.name, variant, name);
    const row = cache.index.find(key);
    const loaded = row === undefined ? undefined : await stored.load(vhost, variant, name, row);
    if (currentOf(object, loaded)?.bodyVersion === request.head.bodyVersion) return;
    const heldVersion = Number.MAX_SAFE_INTEGER;
    const reply = await cache.channel.call("acquire", { key, vhost: vhost.name, url, heldVersion, isAlone: false });
    // What is told of a fill waits until somebody asks for it.
    if (reply.kind === "follow") await followers.outcome(reply.fillId);
    if (reply.kind !== "granted") return;
    cache.counters.add(vhost.counters + VHOST_SLOT.transforms, 1);
    await this.#making.make({ ...request, key, source: object, priority: "idle" }, reply);
  }

  #start(name: string, request: DerivedRequest, source: CachedObject): Running {
    const { promise, resolve } = Promise.withResolvers<Derived>();
    const running: Running = { result: promise, waiters: 0, fillId: undefined };
    this.#running.set(name, running);
    const end = (derived: Derived): void => {
      if (this.#running.get(name) === running) this.#running.delete(name);
      if (derived.kind === "refused" || derived.kind === "unchanged") this.#remember(name, derived);
      resolve(derived);
    };
    this.#derive(request, source, running).then(end, (cause: unknown) => {
      end({ kind: "failed", error: EdgeError.from(cause, "TRANSFORM_FAILED") });
    });
    return running;
  }

  async #derive(request: DerivedRequest, source: CachedObject, running: Running): Promise<Derived> {
    const { vhost, variant, url, selector } = request;
    const { cache, filling, followers, memory, stored } = this.#parts;
    await filling.whenStored(source);
    if (source.location === undefined) {
      const { body } = source;
      const error = new EdgeError("STORE_UNAVAILABLE", { detail: "the source of a transform is not stored" });
      // A compressed copy is worth making only where it is kept.
      return body === undefined || request.operation.kind === "compress"
        ? { kind: "failed", error }
        : await this.#making.makeAlone(request, Buffer.from(body));
    }
    const name = nameOf(url, selector);
    const key = keyOfName(vhost.name, variant, name);
    const known = currentOf(source, memory.find(vhost, variant, name));
    if (known !== undefined) return { kind: "object", object: known };
    const row = cache.index.find(key);
    const loaded = row === undefined ? undefined : await stored.load(vhost, variant, name, row);
    const usable = currentOf(source, loaded);
    if (usable !== undefined) return { kind: "object", object: usable };
    let heldVersion = loaded?.version ?? 0;
    let error = new EdgeError("INTERNAL", { detail: "derived object could not be settled" });
    for (let attempt = 0; attempt < OBTAIN_ATTEMPTS; attempt++) {
      const reply = await cache.channel.call("acquire", {
        key,
        vhost: vhost.name,
        url,
        // What cannot be read although the index has it is made anew.
        heldVersion: attempt === OBTAIN_ATTEMPTS - 1 ? Number.MAX_SAFE_INTEGER : heldVersion,
        isAlone: false,
      });
      let row: IndexRow;
      switch (reply.kind) {
        case "granted":
          if (running.waiters === 0) {
            cache.channel.tell("fillEnd", { fillId: reply.fillId, kind: "ended", availableBytes: 0 });
            return { kind: "failed", error: new EdgeError("TRANSFORM_FAILED", { detail: "nobody waits for it" }) };
          }
          cache.counters.add(vhost.counters + VHOST_SLOT.transforms, 1);
          running.fillId = reply.fillId;
          return await this.#making.make({ ...request, key, source }, reply);
        case "stored":
          row = reply.row;
          break;
        case "follow": {
          const end = await followers.outcome(reply.fillId);
          if (end.kind === "stored") {
            row = end.row;
            break;
          }
          if (end.kind !== "failed") continue;
          error = new EdgeError(end.code, { detail: "reported by another worker" });
          if (end.code === "TRANSFORM_OVERLOADED") return { kind: "failed", error };
          continue;
        }
        case "failed":
          return { kind: "failed", error: new EdgeError(reply.code, { detail: "known from a moment ago" }) };
        default:
          return unreachable(reply);
      }
      const made = currentOf(source, await stored.load(vhost, variant, name, row));
      if (made !== undefined) return { kind: "object", object: made };
      heldVersion = row.version;
    }
    return { kind: "failed", error };
  }

  #refusalOf(name: string, nowMs: number): Derived | undefined {
    const refusal = this.#refusals.get(name);
    if (refusal === undefined || nowMs < refusal.untilMs) return refusal?.derived;
    this.#refusals.delete(name);
    return undefined;
  }

  #remember(name: string, derived: Derived): void {
    if (name.length > LONGEST_REFUSED_NAME) return;
    this.#refusals.delete(name);
    if (this.#refusals.size >= REMEMBERED_REFUSALS) {
      const [oldest] = this.#refusals.keys();
      if (oldest !== undefined) this.#refusals.delete(oldest);
    }
    this.#refusals.set(name, { derived, untilMs: this.#parts.cache.clock.now() + REFUSAL_MS });
  }
}

const runningName = (request: Pick<DerivedRequest, "vhost" | "variant" | "url" | "selector" | "source">): string => {
  const { vhost, variant, url, selector, source } = request;
  const version = source.kind === "object" ? source.object.bodyVersion : 0;
  return `${vhost.index * SPACES_PER_VHOST + variant} ${version} ${nameOf(url, selector)}`;
};

/** What was made of this body of the source is as fresh, and as old, as the source (RFC 9111 4.2.3). */
const currentOf = (source: CachedObject, derived: CachedObject | undefined): CachedObject | undefined => {
  if (derived === undefined || derived.purged || derived.sourceVersion !== source.bodyVersion) return undefined;
  derived.freshUntilMs = source.freshUntilMs;
  derived.ttlSeconds = source.ttlSeconds;
  if (derived.validatedAtMs !== source.validatedAtMs) derived.confirm(source.validatedAtMs, source.initialAgeSeconds);
  return derived;
};
