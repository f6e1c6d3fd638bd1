import { setTimeout as pause } from "node:timers/promises";
import { getField } from "@basalt/http";
import type { OriginResponseHead } from "@basalt/origin";
import {
  ageOnArrival,
  canStoreInParts,
  decideRevalidation,
  decideTtl,
  extendTtl,
  failureTtl,
  responseFacts,
  selectStoredFields,
} from "@basalt/policy";
import { BLOCK_BYTES, type CacheKey, type PartedFile, ROW_FLAG } from "@basalt/store";
import { EdgeError, epochMs } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, VARIANT_NAMES, type Variant } from "./cacheVhost.ts";
import { HeldSink } from "./heldSink.ts";
import { imageOf, rowOf } from "./indexRow.ts";
import { UNWRITTEN_HIGH_BYTES, WHOLE_IN_MEMORY_BYTES } from "./limits.ts";
import { LocalFill } from "./localFill.ts";
import type { ObjectCacheParts, Obtained, ObtainRequest } from "./objectCache.ts";
import { type BodySink, type FetchOutcome, fetchFromOrigin, type SinkControl } from "./originFetch.ts";
import type { PartedBodies } from "./parts/partedBodies.ts";
import { representationOf } from "./parts/representation.ts";
import type { AcquireReply } from "./protocol.ts";
import { encodeHead, type StoredHead } from "./storedHead.ts";

const IDLE_POLL_MS = 10;

/** Questions remembered for fills that have no body yet: far more than wait for an origin at a time. */
const SHARES_ASKED = 1024;

type Grant = AcquireReply & { readonly kind: "granted" };

/** What a fill tells the cache that it works for. */
export interface FillingListener {
  /** An object whose body arrives in parts has its place; it replaces what was held before. */
  parted(request: ObtainRequest, object: CachedObject, file: PartedFile, held: CachedObject | undefined): void;
  /** An object to be found in memory from now on. */
  keep(request: Pick<ObtainRequest, "vhost" | "variant">, object: CachedObject): void;
  growing(request: ObtainRequest, obtained: Obtained & { readonly kind: "body" }): void;
  /** The body is complete and findable as an object, or has failed. */
  grown(request: ObtainRequest, source: BodySource): void;
}

export interface DeriveTask {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  readonly key: CacheKey;
  readonly source: CachedObject;
  readonly makeHead: (source: CachedObject) => StoredHead;
  readonly operation: { readonly kind: "gzip"; readonly level: number };
}

/** The work of a worker that was granted a fill: fetch, renew or derive, store, report. */
export class Filling {
  readonly #parts: ObjectCacheParts;
  readonly #listener: FillingListener;
  readonly #parted: PartedBodies;
  readonly #local = new Map<number, LocalFill>();
  /** Fills that another worker waits for, before there is a body to share. */
  readonly #shareAsked = new Set<number>();
  readonly #storing = new Map<CachedObject, Promise<void>>();

  constructor(parts: ObjectCacheParts, parted: PartedBodies, listener: FillingListener) {
    this.#parts = parts;
    this.#parted = parted;
    this.#listener = listener;
  }

  get inProgress(): number {
    return this.#local.size + this.#parted.fillsRunning;
  }

  /** Bytes of bodies on their way that are in memory and nowhere else. */
  get pinnedBytes(): number {
    let bytes = this.#parted.pinnedBytes;
    for (const fill of this.#local.values()) bytes += fill.pinnedBytes;
    return bytes;
  }

  /** Resolves when nothing is being fetched or stored any more, or `limitMs` has passed. */
  async whenIdle(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    while ((this.inProgress > 0 || this.#storing.size > 0) && performance.now() < endMs) await pause(IDLE_POLL_MS);
  }

  whenStored(object: CachedObject): Promise<void> {
    return this.#storing.get(object) ?? Promise.resolve();
  }

  /** Resolves when all objects of the given kind that are on their way to the disk have arrived. */
  async whenAllStored(concerns: (object: CachedObject) => boolean): Promise<void> {
    const waiting: Promise<void>[] = [];
    for (const [object, storing] of this.#storing) if (concerns(object)) waiting.push(storing);
    await Promise.all(waiting);
  }

  /** Another worker waits for one of our fills: its body becomes a file that both can read. */
  share(fillId: number): void {
    const fill = this.#local.get(fillId);
    if (fill === undefined) this.#noteShareAsked(fillId);
    else if (fill.state === "growing") this.#share(fillId, fill);
  }

  /** Fills that somebody waits for, and that have no body to share. */
  get sharesAsked(): number {
    return this.#shareAsked.size;
  }

  /** The question may have crossed the end of its fill on the way: then nobody takes it back. */
  #noteShareAsked(fillId: number): void {
    this.#shareAsked.add(fillId);
    if (this.#shareAsked.size <= SHARES_ASKED) return;
    const [oldest] = this.#shareAsked;
    if (oldest !== undefined) this.#shareAsked.delete(oldest);
  }

  #share(fillId: number, fill: LocalFill): void {
    const { channel } = this.#parts;
    let announced = false;
    fill.share((shared) => {
      if (announced) channel.tell("fillProgress", { fillId, availableBytes: shared.availableBytes });
      else channel.tell("fillShared", { fillId, shared });
      announced = true;
    });
  }

  async fetch(request: ObtainRequest, key: CacheKey, grant: Grant, held: CachedObject | undefined): Promise<Obtained> {
    const { vhost } = request;
    const { options, originOptions } = vhost.settings;
    const validated = held !== undefined && !held.purged ? held : undefined;
    const requestedAtMs = this.#parts.clock.now();
    const confirms = (status: number): boolean =>
      validated !== undefined && decideRevalidation(status, validated.head.status, options) === "extend";

    let fill: LocalFill | undefined;
    let parted: { readonly head: StoredHead; readonly sink: HeldSink } | undefined;
    const outcome = await this.#ask(request, validated, (head, control) => {
      if (confirms(head.status) || isUnexpected(head.status)) return undefined;
      const stored = this.#storedHead(request, head, grant.version, requestedAtMs, {
        originalHeader: options.originalHeader,
        originalETag: originOptions.originalETag,
      });
      const facts = responseFacts(head.status, head.fields);
      const isLong = stored.bodyBytes > WHOLE_IN_MEMORY_BYTES;
      if (isLong && canStoreInParts(head.fields, facts, stored.bodyBytes) && representationOf(stored) !== undefined) {
        const { partBytes } = originOptions;
        const heldBytes = partBytes === 0 ? UNWRITTEN_HIGH_BYTES : Math.min(partBytes, UNWRITTEN_HIGH_BYTES);
        parted = { head: stored, sink: new HeldSink(control, heldBytes) };
        return parted.sink;
      }
      fill = this.#localFill(request, grant.fillId, stored, control);
      return fill;
    });

    if (outcome.kind === "failed") return this.#failed(request, grant, held, outcome.error);
    if (parted !== undefined) return await this.#receiveParts(request, key, grant, held, parted, outcome.done);
    if (fill === undefined) {
      if (validated !== undefined && confirms(outcome.head.status)) return this.#renewed(request, grant, validated);
      const detail = `status ${outcome.head.status} to a request that did not ask for it`;
      return this.#failed(request, grant, held, new EdgeError("ORIGIN_MALFORMED", { detail }));
    }
    return await this.#receive(request, key, grant, held, fill, outcome.done);
  }

  #localFill(
    request: ObtainRequest,
    fillId: number,
    head: StoredHead,
    control: SinkControl,
    arrived?: HeldSink["bytes"],
  ): LocalFill {
    const onUnstored = (): void => {
      this.#parts.channel.tell("fillEnd", { fillId, kind: "unstored" });
      this.#listener.grown(request, fill);
    };
    const fill: LocalFill = new LocalFill({ bodies: this.#parts.bodies, head, control, onUnstored }, arrived);
    this.#local.set(fillId, fill);
    return fill;
  }

  /**
   * A long body of known length: the object is stored at once, with a body that is filled part by part from then on.
   * Where the store cannot take it, it passes through like any other.
   */
  async #receiveParts(
    request: ObtainRequest,
    key: CacheKey,
    grant: Grant,
    held: CachedObject | undefined,
    parted: { readonly head: StoredHead; readonly sink: HeldSink },
    done: Promise<EdgeError | undefined>,
  ): Promise<Obtained> {
    const { head, sink } = parted;
    const object = this.#objectOf(request, key, grant.version, head, undefined);
    let file: PartedFile;
    try {
      file = await this.#parts.bodies.createParted(imageOf(request.vhost, object), encodeHead(head), head.bodyBytes);
    } catch {
      const fill = this.#localFill(request, grant.fillId, head, sink.control, sink.bytes);
      sink.handTo(fill);
      return await this.#receive(request, key, grant, held, fill, done);
    }
    object.location = file.location;
    object.isPartial = true;
    this.#listener.parted(request, object, file, held);
    this.#forget(grant.fillId);
    const { partBytes } = request.vhost.settings.originOptions;
    const partBlocks = partBytes === 0 ? file.blockCount : Math.ceil(partBytes / BLOCK_BYTES);
    const { receivedTo } = sink.bytes;
    const receivedBlocks = receivedTo < head.bodyBytes ? Math.floor(receivedTo / BLOCK_BYTES) : file.blockCount;
    const end = Math.min(file.blockCount, Math.max(partBlocks, receivedBlocks));
    sink.bytes.cutAt(Math.min(end * BLOCK_BYTES, head.bodyBytes));
    const row = rowOf(request.vhost, object, this.#parts.clock.now());
    if (row !== undefined) {
      this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "stored", row, partEnd: end });
    }
    sink.handTo(this.#parted.begin(file, grant.fillId, { first: 0, end }, sink));
    return { kind: "object", object, result: held === undefined ? "TCP_MISS" : "TCP_REFRESH_MISS" };
  }

  /** A pool that throws instead of answering is a failure like any other: the grant has to be given back. */
  async #ask(
    request: ObtainRequest,
    validated: CachedObject | undefined,
    begin: (head: OriginResponseHead, control: SinkControl) => BodySink | undefined,
  ): Promise<FetchOutcome> {
    try {
      return await fetchFromOrigin(request.vhost.pool, request.originRequest(validated), begin);
    } catch (cause) {
      return { kind: "failed", error: EdgeError.from(cause) };
    }
  }

  /** Has the transform host make a derived object, and stores it under the grant. */
  async derive(task: DeriveTask, grant: Grant): Promise<CachedObject | undefined> {
    const { channel, clock } = this.#parts;
    const { source, vhost } = task;
    const end = { fillId: grant.fillId, kind: "ended", availableBytes: 0 } as const;
    if (source.location === undefined) {
      channel.tell("fillEnd", end);
      return undefined;
    }
    try {
      const head = encodeHead(task.makeHead(source));
      const reply = await channel.call("derive", {
        source: source.location,
        operation: task.operation,
        head,
        image: {
          key: task.key,
          vhost: vhost.name,
          url: source.url,
          version: grant.version,
          freshUntil: epochMs(source.freshUntilMs),
          ttl: source.ttlSeconds,
          updatedAt: clock.now(),
          flags: ROW_FLAG.DERIVED,
        },
      });
      if (reply.kind === "unchanged") {
        source.incompressible = true;
        channel.tell("fillEnd", end);
        return undefined;
      }
      const loaded = await this.#parts.bodies.load(reply.location);
      if (loaded === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "derived object is gone" });
      const object = new CachedObject({
        key: task.key,
        head: { ...task.makeHead(source), bodyBytes: reply.location.bodyBytes },
        body: loaded.body,
        location: reply.location,
        version: grant.version,
        freshUntilMs: source.freshUntilMs,
        ttlSeconds: source.ttlSeconds,
        updatedAtMs: clock.now(),
        purged: false,
        expiredByForce: false,
      });
      this.#listener.keep(task, object);
      this.#report(vhost, grant.fillId, object);
      return object;
    } catch (cause) {
      const error = EdgeError.from(cause, "TRANSFORM_FAILED");
      channel.tell("fillEnd", { fillId: grant.fillId, kind: "failed", code: error.code, negativeSeconds: 0 });
      return undefined;
    } finally {
      this.#forget(grant.fillId);
    }
  }

  async #receive(
    request: ObtainRequest,
    key: CacheKey,
    grant: Grant,
    held: CachedObject | undefined,
    fill: LocalFill,
    done: Promise<EdgeError | undefined>,
  ): Promise<Obtained> {
    const result = held === undefined ? "TCP_MISS" : "TCP_REFRESH_MISS";
    if (held !== undefined && fill.totalBytes < 0) await Promise.race([done, fill.whenUnstored()]);
    if (fill.state !== "growing") {
      const error = await done;
      if (error !== undefined) return this.#failed(request, grant, held, error);
      const object = this.#complete(request, key, grant, fill);
      if (object.body !== undefined) return { kind: "object", object, result };
      const arrived = { kind: "body", head: fill.head, source: fill, version: grant.version, result } as const;
      this.#listener.growing(request, arrived);
      return arrived;
    }
    if (this.#shareAsked.has(grant.fillId)) this.#share(grant.fillId, fill);
    const obtained = { kind: "body", head: fill.head, source: fill, version: grant.version, result } as const;
    if (!fill.isUnstored) this.#listener.growing(request, obtained);
    void done
      .then((error) => {
        if (error === undefined) {
          this.#complete(request, key, grant, fill);
        } else {
          this.#listener.grown(request, fill);
          // Our own end of what nobody reads says nothing about the origin.
          if (error.code === "CLIENT_GONE") this.#forget(grant.fillId);
          else this.#failed(request, grant, held, error);
        }
      })
      .catch((cause: unknown) => {
        this.#listener.grown(request, fill);
        this.#failed(request, grant, held, EdgeError.from(cause));
      });
    return obtained;
  }

  /** The body has arrived: makes the object, has it stored, and reports it. */
  #complete(request: ObtainRequest, key: CacheKey, grant: Grant, fill: LocalFill): CachedObject {
    const body = fill.wholeBody();
    const kept = fill.head.bodyBytes <= WHOLE_IN_MEMORY_BYTES ? body : undefined;
    const object = this.#objectOf(request, key, grant.version, fill.head, kept);
    if (object.body !== undefined) {
      this.#listener.keep(request, object);
      this.#listener.grown(request, fill);
    }
    const storing = this.#store(request, grant, fill, object, body).finally(() => this.#storing.delete(object));
    this.#storing.set(object, storing);
    return object;
  }

  #objectOf(
    request: ObtainRequest,
    key: CacheKey,
    version: number,
    head: StoredHead,
    body: Buffer | undefined,
  ): CachedObject {
    const { ttl } = request.vhost.settings.options;
    const now = this.#parts.clock.now();
    const decision = decideTtl(responseFacts(head.status, head.fields), ttl, request.vhost.customTtl(request.url));
    return new CachedObject({
      key,
      head,
      body,
      location: undefined,
      version,
      freshUntilMs: now + decision.ttl * 1000,
      ttlSeconds: decision.ttl,
      updatedAtMs: now,
      purged: false,
      expiredByForce: false,
    });
  }

  async #store(
    request: ObtainRequest,
    grant: Grant,
    fill: LocalFill,
    object: CachedObject,
    body: Buffer | undefined,
  ): Promise<void> {
    try {
      object.location = await fill.store(body, imageOf(request.vhost, object));
      if (object.body === undefined) this.#listener.keep(request, object);
      this.#report(request.vhost, grant.fillId, object);
    } catch {
      const { availableBytes } = fill;
      this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "ended", availableBytes });
    }
    this.#forget(grant.fillId);
    this.#listener.grown(request, fill);
    fill.settle();
  }

  /** The origin confirmed what is stored (TTL-02), or its error counts as such (TTL-23, TTL-24). */
  #renewed(request: ObtainRequest, grant: Grant, object: CachedObject): Obtained {
    const { options } = request.vhost.settings;
    const facts = responseFacts(object.head.status, object.head.fields);
    const decision = decideTtl(facts, options.ttl, request.vhost.customTtl(request.url));
    this.#forget(grant.fillId);
    object.ttlSeconds = extendTtl(object.ttlSeconds, decision, options.ttl, object.expiredByForce);
    this.#extend(request.vhost, grant, object, object.ttlSeconds);
    return { kind: "object", object, result: "TCP_REFRESH_HIT" };
  }

  /** Serves what is stored, restoring what was purged (PRG-14), or remembers the failure for a while (TTL-12, TTL-13). */
  #failed(request: ObtainRequest, grant: Grant, held: CachedObject | undefined, error: EdgeError): Obtained {
    this.#forget(grant.fillId);
    const seconds = failureTtl(error.code, request.vhost.settings.options.ttl) ?? 0;
    if (held !== undefined) {
      this.#extend(request.vhost, grant, held, seconds);
      return { kind: "object", object: held, result: "TCP_REF_FAIL_HIT" };
    }
    const end = { fillId: grant.fillId, kind: "failed", code: error.code, negativeSeconds: seconds } as const;
    this.#parts.channel.tell("fillEnd", end);
    return { kind: "failed", error, result: "TCP_ERROR" };
  }

  #forget(fillId: number): void {
    this.#local.delete(fillId);
    this.#shareAsked.delete(fillId);
  }

  #extend(vhost: CacheVhost, grant: Grant, object: CachedObject, seconds: number): void {
    const now = this.#parts.clock.now();
    object.version = grant.version;
    if (object.checkedVersion > grant.version) {
      // Invalidated while the origin was asked: the answer is older than that and does not undo it.
      this.#report(vhost, grant.fillId, object, true);
      return;
    }
    object.checkedVersion = grant.version;
    object.freshUntilMs = now + seconds * 1000;
    object.updatedAtMs = now;
    object.purged = false;
    object.expiredByForce = false;
    this.#report(vhost, grant.fillId, object, true);
  }

  #report(vhost: CacheVhost, fillId: number, object: CachedObject, isRenewal = false): void {
    const row = rowOf(vhost, object, this.#parts.clock.now());
    this.#parts.channel.tell(
      "fillEnd",
      row === undefined
        ? { fillId, kind: "ended", availableBytes: object.bodyBytes }
        : { fillId, kind: "stored", row, isRenewal },
    );
  }

  #storedHead(
    request: ObtainRequest,
    head: OriginResponseHead,
    version: number,
    requestedAtMs: number,
    fieldOptions: { readonly originalHeader: boolean; readonly originalETag: boolean },
  ): StoredHead {
    const now = this.#parts.clock.now();
    return {
      url: request.url,
      variant: VARIANT_NAMES[request.variant] ?? "",
      status: head.status,
      fields: selectStoredFields(head.fields, fieldOptions),
      bodyBytes: head.status === 204 ? 0 : declaredLength(head.fields),
      storedAtMs: now,
      initialAgeSeconds: ageOnArrival(responseFacts(head.status, head.fields), requestedAtMs, now),
      bodyVersion: version,
      sourceVersion: 0,
    };
  }
}

/** A 304 or 206 that nobody asked for, or an interim status as the final one. */
const isUnexpected = (status: number): boolean => status === 304 || status === 206 || status < 200;

/** -1 where the origin did not say. */
const declaredLength = (fields: readonly string[]): number => {
  const value = getField(fields, "content-length");
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : -1;
};
