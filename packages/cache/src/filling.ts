import { setTimeout as pause } from "node:timers/promises";
import { getField, METHOD } from "@basalt/http";
import type { OriginResponseHead } from "@basalt/origin";
import {
  ageOnArrival,
  asFirstPart,
  asWhole,
  canStoreInParts,
  FULL_RANGE_FIELDS,
  failureTtl,
  firstPartFields,
  type PassReason,
  partRequestFields,
  type ResponseFacts,
  responseFacts,
  withheldFields,
  withTags,
} from "@basalt/policy";
import { BLOCK_BYTES, type CacheKey, type ObjectLocation, type PartedFile } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import { CachedObject } from "./cachedObject.ts";
import type { CacheVhost } from "./cacheVhost.ts";
import { CountedPartedFile, countedStore, DiskUse } from "./diskUse.ts";
import { HeldSink } from "./heldSink.ts";
import { imageOf, rowOf } from "./indexRow.ts";
import { UNWRITTEN_HIGH_BYTES, WHOLE_IN_MEMORY_BYTES } from "./limits.ts";
import { LocalFill } from "./localFill.ts";
import type { ObjectCacheParts, Obtained, ObtainRequest } from "./objectCache.ts";
import { selectorIn, variantText } from "./objectName.ts";
import { type BodySink, type FetchOutcome, fetchFromOrigin, type SinkControl } from "./originFetch.ts";
import type { PartedBodies } from "./parts/partedBodies.ts";
import { representationOf } from "./parts/representation.ts";
import type { AcquireReply } from "./protocol.ts";
import { RestSink } from "./restSink.ts";
import { selectionOf } from "./selection.ts";
import { mayServeStale, unconfirmed, unvalidatableAnswer } from "./staleness.ts";
import { encodeHead, type StoredHead } from "./storedHead.ts";

const IDLE_POLL_MS = 10;

/** Questions remembered for fills that have no body yet: far more than wait for an origin at a time. */
const SHARES_ASKED = 1024;

type Grant = AcquireReply & { readonly kind: "granted" };

/**
 * A long body of known length; `partBytes`: what of it comes with its head, 0 for all. `isBeginning`: the response has
 * no more than that.
 */
interface PartedAnswer {
  readonly head: StoredHead;
  readonly sink: HeldSink;
  readonly partBytes: number;
  readonly isBeginning: boolean;
}

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

/** A response as the origin sent it. */
export interface WholeAnswer {
  readonly head: OriginResponseHead;
  readonly body: Buffer;
  readonly requestedAtMs: number;
}

/** The work of a worker that was granted a fill: fetch or renew, store, report. */
export class Filling {
  readonly #parts: ObjectCacheParts;
  readonly #listener: FillingListener;
  readonly #parted: PartedBodies;
  readonly #local = new Map<number, LocalFill>();
  /** Fills that another worker waits for, before there is a body to share. */
  readonly #shareAsked = new Set<number>();
  /** Fills whose bodies nobody is given before they are complete. */
  readonly #withheld = new Set<number>();
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
    if (fill === undefined || this.#withheld.has(fillId)) this.#noteShareAsked(fillId);
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
    let toldBytes = -1;
    fill.share((shared) => {
      const { availableBytes } = shared;
      const firstBlock = Math.floor(Math.max(0, toldBytes) / BLOCK_BYTES);
      const checksums = shared.checksums.from(firstBlock);
      if (toldBytes < 0) channel.tell("fillShared", { fillId, shared: { ...shared, checksums } });
      else channel.tell("fillProgress", { fillId, progress: { availableBytes, firstBlock, checksums } });
      toldBytes = availableBytes;
    });
  }

  async fetch(request: ObtainRequest, key: CacheKey, grant: Grant, held: CachedObject | undefined): Promise<Obtained> {
    let ownFields: readonly string[] = [];
    const noteHead = (head: OriginResponseHead): void => {
      if (request.vhost.rules.profile === "rfc9111") ownFields = withheldFields(head.fields);
    };
    const obtained = await this.#fetch(request, key, grant, held, noteHead);
    const hasOwn = ownFields.length > 0 && (obtained.kind === "object" || obtained.kind === "body");
    return hasOwn ? { ...obtained, ownFields } : obtained;
  }

  async #fetch(
    request: ObtainRequest,
    key: CacheKey,
    grant: Grant,
    held: CachedObject | undefined,
    noteHead: (head: OriginResponseHead) => void,
  ): Promise<Obtained> {
    const { vhost } = request;
    const { rules } = vhost;
    const { originOptions } = vhost.settings;
    const validated = held !== undefined && !held.purged ? held : undefined;
    const requestedAtMs = this.#parts.clock.now();
    const judge = (status: number): Judgement => {
      if (validated === undefined) return "replace";
      const verdict = rules.decideRevalidation(status, validated.status);
      if (verdict !== "failure") return verdict;
      return mayServeStale(request, validated, this.#parts.clock.now()) ? "failure" : "replace";
    };

    // ORG-28: what is stored spares an origin that is busy; what is not stored is asked for, busy or not (TTL-36).
    const isBusy = vhost.pool.transactions > originOptions.busySessionCount;
    if (isBusy && validated !== undefined && mayServeStale(request, validated, requestedAtMs)) {
      return this.#failed(request, grant, held, new EdgeError("ORIGIN_BUSY", { detail: "not asked to renew" }));
    }

    let fill: LocalFill | undefined;
    let parted: PartedAnswer | undefined;
    let passed: PassReason | undefined;
    let isCutShort = false;
    let rest: { readonly fill: LocalFill; readonly sink: RestSink } | undefined;
    const outcome = await this.#ask(request, validated, (received, control) => {
      const { head, firstBytes } = wholeOfFirstPart(received, request.firstBytes);
      // An empty body has no first bytes; and other parts than those asked for are none to begin with.
      if ((head.status === 416 || head.status === 206) && request.firstBytes !== undefined) {
        isCutShort = true;
        control.stop();
        return undefined;
      }
      if (judge(head.status) !== "replace" || isUnexpected(head.status)) return undefined;
      noteHead(head);
      const facts = responseFacts(head.status, head.fields, this.#parts.clock.now());
      passed = passReason(request, facts);
      const stored = this.#storedHead(request, head, facts, grant.version, requestedAtMs);
      const mayComeInParts = canComeInParts(request, head, facts, stored);
      if (firstBytes !== undefined && !mayComeInParts && passed === undefined) {
        rest = this.#restOf(request, grant.fillId, stored, firstBytes, control);
        if (rest !== undefined) {
          fill = rest.fill;
          if (held !== undefined) this.#withheld.add(grant.fillId);
          return rest.sink;
        }
      }
      if (firstBytes !== undefined && (passed !== undefined || !mayComeInParts)) {
        isCutShort = true;
        control.stop();
        return undefined;
      }
      if (passed !== undefined) {
        fill = this.#localFill(request, grant.fillId, stored, control, { passes: true });
        return fill;
      }
      if (mayComeInParts) {
        const partBytes = firstBytes ?? originOptions.partBytes;
        const heldBytes = partBytes === 0 ? UNWRITTEN_HIGH_BYTES : Math.min(partBytes, UNWRITTEN_HIGH_BYTES);
        parted = {
          head: stored,
          sink: new HeldSink(control, heldBytes),
          partBytes,
          isBeginning: firstBytes !== undefined,
        };
        return parted.sink;
      }
      fill = this.#localFill(request, grant.fillId, stored, control);
      // TTL-27, TTL-29: what is stored answers if the new body breaks off, in other workers too.
      if (held !== undefined && stored.bodyBytes <= WHOLE_IN_MEMORY_BYTES) this.#withheld.add(grant.fillId);
      return fill;
    });

    const fetchWhole = (): Promise<Obtained> =>
      this.#fetch({ ...request, firstBytes: undefined }, key, grant, held, noteHead);
    if (isCutShort) return await fetchWhole();
    if (outcome.kind === "failed") return this.#failed(request, grant, held, outcome.error);
    if (parted !== undefined) {
      return (await this.#receiveParts(request, key, grant, held, parted, outcome.done)) ?? (await fetchWhole());
    }
    if (fill !== undefined && passed !== undefined) {
      return await this.#pass(request, key, grant, held, { fill, passed }, outcome.done);
    }
    if (fill !== undefined) {
      return await this.#receive(request, key, grant, held, fill, rest?.sink.done ?? outcome.done);
    }
    const { status } = outcome.head;
    if (validated !== undefined && judge(status) === "extend") {
      return await this.#renewed(request, grant, validated, outcome.head, requestedAtMs);
    }
    const isRefused = judge(status) === "failure";
    const detail = isRefused
      ? `status ${status} to a renewal`
      : `status ${status} to a request that did not ask for it`;
    const error = new EdgeError(isRefused ? "ORIGIN_REFUSED" : "ORIGIN_MALFORMED", { detail });
    return this.#failed(request, grant, held, error);
  }

  /** A short body, of which the rest is asked for by range; undefined where that cannot be told from later versions. */
  #restOf(
    request: ObtainRequest,
    fillId: number,
    head: StoredHead,
    firstBytes: number,
    control: SinkControl,
  ): { readonly fill: LocalFill; readonly sink: RestSink } | undefined {
    const representation = representationOf(head);
    if (representation === undefined || head.bodyBytes > WHOLE_IN_MEMORY_BYTES) return undefined;
    const { vhost } = request;
    const plain = request.originRequest(undefined);
    const range = { start: firstBytes, end: head.bodyBytes };
    const fields = [...plain.fields, ...partRequestFields(range, representation, vhost.settings.originOptions)];
    const stop: SinkControl = { stop: (error) => sink.control.stop(error) };
    const fill = this.#localFill(request, fillId, head, stop);
    const parts = { target: fill, representation, firstBytes, pool: vhost.pool, request: { ...plain, fields } };
    const sink: RestSink = new RestSink(parts, control);
    return { fill, sink };
  }

  #localFill(
    request: ObtainRequest,
    fillId: number,
    head: StoredHead,
    control: SinkControl,
    { arrived, passes = false }: { readonly arrived?: HeldSink["bytes"]; readonly passes?: boolean } = {},
  ): LocalFill {
    const onUnstored = (): void => {
      this.#parts.channel.tell("fillEnd", { fillId, kind: "unstored" });
      this.#listener.grown(request, fill);
    };
    const bodies = countedStore(this.#parts.bodies, new DiskUse(this.#parts.counters, request.vhost));
    const fill: LocalFill = new LocalFill({ bodies, head, control, onUnstored, passes }, arrived);
    this.#local.set(fillId, fill);
    return fill;
  }

  /**
   * A long body of known length: the object is stored at once, with a body that is filled part by part from then on.
   * Where the store cannot take it, it passes through like any other; undefined where only its beginning has come.
   */
  async #receiveParts(
    request: ObtainRequest,
    key: CacheKey,
    grant: Grant,
    held: CachedObject | undefined,
    parted: PartedAnswer,
    done: Promise<EdgeError | undefined>,
  ): Promise<Obtained | undefined> {
    const { head, sink, partBytes, isBeginning } = parted;
    const object = this.#objectOf(request, key, grant.version, head, undefined);
    let file: PartedFile;
    try {
      const use = new DiskUse(this.#parts.counters, request.vhost);
      const encoded = encodeHead(head);
      const made = await this.#parts.bodies.createParted(imageOf(request.vhost, object), encoded, head.bodyBytes);
      use.created();
      use.wrote(encoded.length);
      file = new CountedPartedFile(made, use);
    } catch {
      if (isBeginning) {
        sink.control.stop();
        return undefined;
      }
      const fill = this.#localFill(request, grant.fillId, head, sink.control, { arrived: sink.bytes });
      sink.handTo(fill);
      return await this.#receive(request, key, grant, held, fill, done);
    }
    object.location = file.location;
    object.isPartial = true;
    this.#listener.parted(request, object, file, held);
    this.forget(grant.fillId);
    const partBlocks = partBytes === 0 ? file.blockCount : Math.ceil(partBytes / BLOCK_BYTES);
    const { receivedTo } = sink.bytes;
    const receivedBlocks = receivedTo < head.bodyBytes ? Math.floor(receivedTo / BLOCK_BYTES) : file.blockCount;
    const end = Math.min(file.blockCount, Math.max(partBlocks, receivedBlocks));
    sink.bytes.cutAt(Math.min(end * BLOCK_BYTES, head.bodyBytes));
    const row = rowOf(request.vhost, object, this.#parts.clock.now());
    if (row !== undefined) {
      const mayFallBack = held !== undefined && mayServeStale(request, held, this.#parts.clock.now());
      this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "stored", row, partEnd: end, mayFallBack });
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
      const { vhost, onInformation } = request;
      const { tagHeader } = vhost.settings.options;
      const tagged = (head: OriginResponseHead): OriginResponseHead => {
        const fields = withTags(head.fields, tagHeader);
        return fields === head.fields ? head : { ...head, fields };
      };
      const plain = request.originRequest(validated);
      const isWhole = plain.method !== "GET" || !vhost.settings.originOptions.fullRangeInit;
      if (isWhole) {
        const { firstBytes } = request;
        const first = firstBytes === undefined || plain.method !== "GET" ? [] : firstPartFields(firstBytes);
        const asked = first.length === 0 ? plain : { ...plain, fields: [...plain.fields, ...first] };
        const beginTagged: typeof begin = (head, control) => begin(tagged(head), control);
        const outcome = await fetchFromOrigin(vhost.pool, asked, beginTagged, onInformation);
        return outcome.kind === "failed" ? outcome : { ...outcome, head: tagged(outcome.head) };
      }
      const ranged = { ...plain, fields: [...plain.fields, ...FULL_RANGE_FIELDS] };
      const whole = (head: OriginResponseHead): OriginResponseHead => ({ ...tagged(head), ...asWhole(tagged(head)) });
      const beginWhole: typeof begin = (head, control) => begin(whole(head), control);
      const outcome = await fetchFromOrigin(vhost.pool, ranged, beginWhole, onInformation);
      return outcome.kind === "failed" ? outcome : { ...outcome, head: whole(outcome.head) };
    } catch (cause) {
      return { kind: "failed", error: EdgeError.from(cause) };
    }
  }

  /**
   * Stores a whole response that came another way under the grant; resolves when it can be found in memory. Nothing is
   * kept where the rules forbid it.
   */
  keepWhole(request: ObtainRequest, key: CacheKey, grant: Grant, answer: WholeAnswer): void {
    const { body, requestedAtMs } = answer;
    const head = { ...answer.head, fields: withTags(answer.head.fields, request.vhost.settings.options.tagHeader) };
    const facts = responseFacts(head.status, head.fields);
    const stored = { ...this.#storedHead(request, head, facts, grant.version, requestedAtMs), bodyBytes: body.length };
    const object = this.#objectOf(request, key, grant.version, stored, body);
    this.#listener.keep(request, object);
    const storing = this.#parts.bodies
      .append(imageOf(request.vhost, object), encodeHead(stored), body)
      .then(
        (location) => {
          object.location = location;
          this.report(request.vhost, grant.fillId, object);
        },
        () => this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "ended", availableBytes: 0 }),
      )
      .finally(() => this.#storing.delete(object));
    this.#storing.set(object, storing);
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
    if (this.#withheld.has(grant.fillId)) {
      await Promise.race([done, fill.whenUnstored()]);
      this.#withheld.delete(grant.fillId);
    }
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
          if (error.code === "CLIENT_GONE") this.forget(grant.fillId);
          else this.#failed(request, grant, held, error);
        }
      })
      .catch((cause: unknown) => {
        this.#listener.grown(request, fill);
        this.#failed(request, grant, held, EdgeError.from(cause));
      });
    return obtained;
  }

  /** A response for this request alone: whoever waits for it fetches by itself, and it goes through memory only. */
  async #pass(
    request: ObtainRequest,
    key: CacheKey,
    grant: Grant,
    held: CachedObject | undefined,
    { fill, passed }: { readonly fill: LocalFill; readonly passed: PassReason },
    done: Promise<EdgeError | undefined>,
  ): Promise<Obtained> {
    const result = held === undefined ? "TCP_MISS" : "TCP_REFRESH_MISS";
    this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "unstored" });
    if (fill.state === "growing") {
      void done.then(() => {
        this.forget(grant.fillId);
        fill.settle();
      });
      fill.letPass();
      return { kind: "body", head: fill.head, source: fill, version: grant.version, result, passed };
    }
    const error = await done;
    this.forget(grant.fillId);
    if (error !== undefined) return this.#failed(request, grant, held, error);
    const object = this.#objectOf(request, key, grant.version, fill.head, fill.wholeBody());
    fill.settle();
    return { kind: "object", object, result, passed };
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
    const { rules, customTtl } = request.vhost;
    const now = this.#parts.clock.now();
    const facts = responseFacts(head.status, head.fields, head.storedAtMs);
    const decision = rules.decideTtl(facts, head.initialAgeSeconds, customTtl(request.url));
    const startsMs = rules.profile === "guide" ? now : head.storedAtMs;
    return new CachedObject({
      key,
      head,
      body,
      location: undefined,
      version,
      freshUntilMs: startsMs + decision.ttl * 1000,
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
      this.report(request.vhost, grant.fillId, object);
    } catch {
      // What has been shared of it may be less than all, or gone with its file.
      this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "unstored" });
    }
    this.forget(grant.fillId);
    this.#listener.grown(request, fill);
    fill.settle();
  }

  /**
   * The origin confirmed what is stored (TTL-02), or its error counts as such (TTL-23, TTL-24). What a 304 says of the
   * stored response takes the place of what was said before (RFC 9111 3.2).
   */
  async #renewed(
    request: ObtainRequest,
    grant: Grant,
    object: CachedObject,
    received: OriginResponseHead,
    requestedAtMs: number,
  ): Promise<Obtained> {
    const { rules, customTtl } = request.vhost;
    const now = this.#parts.clock.now();
    const isConfirmed = received.status === 304;
    const ageSeconds = isConfirmed ? ageOnArrival(responseFacts(304, received.fields), requestedAtMs, now) : 0;
    const { fields } = object;
    const news = isConfirmed ? rules.updatedFields(fields, received.fields, now) : { fields, isChanged: false };
    const facts = responseFacts(object.status, news.fields);
    const custom = customTtl(request.url);
    const ttlSeconds = rules.extendTtl(object.ttlSeconds, facts, ageSeconds, custom, object.expiredByForce);
    // The row tells when it was confirmed, not how old it was then.
    if (news.isChanged || (ageSeconds > 0 && rules.profile === "rfc9111")) {
      const ages = { validatedAtMs: now, initialAgeSeconds: ageSeconds };
      const head = { ...object.head, ...ages, fields: news.fields };
      const passed = passReason(request, facts);
      if (passed !== undefined) return this.#renewedForOne(grant, object, head, passed);
      const names = rules.selectingFields(facts.vary);
      const selection = names === "*" ? "" : selectionOf(names, request.get);
      const changed = await this.#replaceHead(request, grant, object, { ...head, selection }, ttlSeconds);
      return { kind: "object", object: changed, result: "TCP_REFRESH_HIT" };
    }
    this.forget(grant.fillId);
    if (isConfirmed) object.confirm(now, ageSeconds);
    object.stretched = !isConfirmed;
    object.ttlSeconds = ttlSeconds;
    this.#extend(request.vhost, grant, object, ttlSeconds);
    return { kind: "object", object, result: "TCP_REFRESH_HIT" };
  }

  /**
   * By what a 304 says, the response is no longer one to share: it answers the request that asked, and what is stored
   * stays as out of date as it was. A body that is not in memory goes out under the head that is stored.
   */
  #renewedForOne(grant: Grant, object: CachedObject, head: StoredHead, passed: PassReason): Obtained {
    this.forget(grant.fillId);
    this.#parts.channel.tell("fillEnd", { fillId: grant.fillId, kind: "unstored" });
    const { key, body, bodyBytes, version, freshUntilMs, ttlSeconds, updatedAtMs, purged, expiredByForce } = object;
    if (body === undefined && bodyBytes > 0) return { kind: "object", object, result: "TCP_REFRESH_HIT", passed };
    const state = { key, location: undefined, version, freshUntilMs, ttlSeconds, updatedAtMs, purged, expiredByForce };
    const shown = new CachedObject({ ...state, head, body: body ?? Buffer.alloc(0) });
    return { kind: "object", object: shown, result: "TCP_REFRESH_HIT", passed };
  }

  /** The same body under a new head. Where the disk refuses it, the old head comes back with the next start. */
  async #replaceHead(
    request: ObtainRequest,
    grant: Grant,
    object: CachedObject,
    news: StoredHead,
    ttlSeconds: number,
  ): Promise<CachedObject> {
    const { vhost } = request;
    const now = this.#parts.clock.now();
    const head = { ...news, bodyVersion: grant.version };
    const { location } = object;
    const changed = new CachedObject({
      key: object.key,
      head,
      body: object.body,
      location,
      version: grant.version,
      freshUntilMs: now + ttlSeconds * 1000,
      ttlSeconds,
      updatedAtMs: now,
      purged: false,
      expiredByForce: false,
    });
    changed.isPartial = object.isPartial;
    changed.touchedSecond = object.touchedSecond;
    if (location !== undefined) {
      try {
        changed.location = await this.#parts.bodies.replaceHead(location, imageOf(vhost, changed), encodeHead(head));
      } catch {
        changed.location = location;
      }
    }
    this.forget(grant.fillId);
    this.#listener.keep(request, changed);
    this.report(
      vhost,
      grant.fillId,
      changed,
      changed.location === undefined || isSamePlace(changed.location, location),
    );
    return changed;
  }

  /** Serves what is stored, restoring what was purged (PRG-14), or remembers the failure for a while (TTL-12, TTL-13). */
  #failed(request: ObtainRequest, grant: Grant, held: CachedObject | undefined, error: EdgeError): Obtained {
    this.forget(grant.fillId);
    const seconds = failureTtl(error.code, request.vhost.settings.options.ttl) ?? 0;
    const unvalidatable = held === undefined ? undefined : unvalidatableAnswer(request.vhost, error);
    if (unvalidatable !== undefined) {
      this.#parts.channel.tell("fillEnd", {
        fillId: grant.fillId,
        kind: "failed",
        code: error.code,
        negativeSeconds: 0,
      });
      return unvalidatable;
    }
    if (held !== undefined && mayServeStale(request, held, this.#parts.clock.now())) {
      held.stretched = true;
      this.#extend(request.vhost, grant, held, seconds);
      return { kind: "object", object: held, result: "TCP_REF_FAIL_HIT" };
    }
    const end = { fillId: grant.fillId, kind: "failed", code: error.code, negativeSeconds: seconds } as const;
    this.#parts.channel.tell("fillEnd", end);
    return held === undefined ? { kind: "failed", error, result: "TCP_ERROR" } : unconfirmed(error);
  }

  /** Nobody is to ask this worker about that fill any more. */
  forget(fillId: number): void {
    this.#local.delete(fillId);
    this.#shareAsked.delete(fillId);
    this.#withheld.delete(fillId);
  }

  #extend(vhost: CacheVhost, grant: Grant, object: CachedObject, seconds: number): void {
    const now = this.#parts.clock.now();
    object.version = grant.version;
    if (object.checkedVersion > grant.version) {
      // Invalidated while the origin was asked: the answer is older than that and does not undo it.
      this.report(vhost, grant.fillId, object, true);
      return;
    }
    object.checkedVersion = grant.version;
    object.freshUntilMs = now + seconds * 1000;
    object.updatedAtMs = now;
    object.purged = false;
    object.expiredByForce = false;
    this.report(vhost, grant.fillId, object, true);
  }

  /** Tells the primary what has come of a fill. */
  report(vhost: CacheVhost, fillId: number, object: CachedObject, isRenewal = false): void {
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
    facts: ResponseFacts,
    version: number,
    requestedAtMs: number,
  ): StoredHead {
    const now = this.#parts.clock.now();
    const { rules } = request.vhost;
    const names = rules.selectingFields(facts.vary);
    return {
      url: request.url,
      variant: variantText(request.variant, selectorIn(request.name)),
      selection: names === "*" ? "" : selectionOf(names, request.get),
      status: head.status,
      fields: rules.storedFields(head.fields, now),
      bodyBytes: head.status === 204 ? 0 : declaredLength(head.fields),
      storedAtMs: now,
      validatedAtMs: now,
      initialAgeSeconds: ageOnArrival(facts, requestedAtMs, now),
      bodyVersion: version,
      sourceVersion: 0,
    };
  }
}

/** What an answer to a renewal means; `failure`: as if there had been none. */
type Judgement = "extend" | "replace" | "failure";

/** Why a response is for its request alone; undefined when it is stored. */
const passReason = (request: ObtainRequest, facts: ResponseFacts): PassReason | undefined => {
  if (request.isPastStore === true) return "store-failed";
  const { rules } = request.vhost;
  const decision = rules.decideStorage(request.facts, facts, request.vhost.customTtl(request.url));
  if (decision.kind === "pass") return decision.reason;
  return rules.selectingFields(facts.vary) === "*" ? "vary-any" : undefined;
};

const isSamePlace = (left: ObjectLocation, right: ObjectLocation | undefined): boolean =>
  left.segment === right?.segment && left.offset === right.offset;

const canComeInParts = (
  request: ObtainRequest,
  head: OriginResponseHead,
  facts: ResponseFacts,
  stored: StoredHead,
): boolean =>
  stored.bodyBytes > WHOLE_IN_MEMORY_BYTES &&
  request.facts.method !== METHOD.POST &&
  canStoreInParts(head.fields, facts, stored.bodyBytes) &&
  representationOf(stored) !== undefined;

/**
 * The answer to a request for the first bytes as that to a plain one. `firstBytes`: no more than that came, of more. An
 * origin that sends the whole instead is let go on (MEDIA-08).
 */
const wholeOfFirstPart = (
  head: OriginResponseHead,
  asked: number | undefined,
): { readonly head: OriginResponseHead; readonly firstBytes: number | undefined } => {
  const first = asked === undefined ? undefined : asFirstPart(head, asked);
  return first === undefined
    ? { head, firstBytes: undefined }
    : { head: { ...head, ...first.head }, firstBytes: first.isWhole ? undefined : asked };
};

/** A 304 or 206 that nobody asked for, or an interim status as the final one. */
const isUnexpected = (status: number): boolean => status === 304 || status === 206 || status < 200;

/** -1 where the origin did not say. */
const declaredLength = (fields: readonly string[]): number => {
  const value = getField(fields, "content-length");
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : -1;
};
