import type { DeriveOperation } from "@basalt/policy";
import { type CacheKey, type ObjectLocation, ROW_FLAG } from "@basalt/store";
import { EdgeError, epochMs, unreachable } from "@basalt/types";
import { CachedObject } from "./cachedObject.ts";
import { VARIANT } from "./cacheVhost.ts";
import type { Derived, DerivedRequest } from "./derivations.ts";
import type { Filling } from "./filling.ts";
import type { MemoryObjects } from "./memoryObjects.ts";
import type { ObjectCacheParts } from "./objectCache.ts";
import { keyOfName, nameOf } from "./objectName.ts";
import type { AcquireReply, DeriveReply, DeriveSource } from "./protocol.ts";
import { decodeHead, encodeHead, type StoredHead } from "./storedHead.ts";

type Grant = AcquireReply & { readonly kind: "granted" };

export interface DeriveTask extends Omit<DerivedRequest, "source"> {
  readonly key: CacheKey;
  readonly source: CachedObject;
}

/** Times that a job may find bytes of its source lacking: each time it knows more of what it needs. */
const MOST_ROUNDS = 64;

/** What is asked for without a fill, so that nobody else can wait for it. */
const NO_FILL = 0;

/** The work of a worker that was granted a derivation: it has the transform host make it, and reports. */
export class DerivedMaking {
  readonly #parts: { readonly cache: ObjectCacheParts; readonly memory: MemoryObjects; readonly filling: Filling };

  constructor(parts: { readonly cache: ObjectCacheParts; readonly memory: MemoryObjects; readonly filling: Filling }) {
    this.#parts = parts;
  }

  /** Has the transform host make a derived object, and stores it under the grant. */
  async make(task: DeriveTask, grant: Grant): Promise<Derived> {
    const { channel, clock } = this.#parts.cache;
    const { source, vhost, operation } = task;
    const end = { fillId: grant.fillId, kind: "ended", availableBytes: 0 } as const;
    try {
      const { location } = source;
      if (location === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
      const reply = await this.#askComplete(task, grant, storedSource(task, location)).catch(async (cause: unknown) => {
        const other = isOfStore(cause) ? await this.#sourceElsewhere(source, location) : undefined;
        if (other === undefined) throw cause;
        return await this.#askComplete(task, grant, other);
      });
      switch (reply.kind) {
        case "unchanged":
          channel.tell("fillEnd", end);
          return { kind: "unchanged" };
        case "refused":
          channel.tell("fillEnd", end);
          return { kind: "refused", reason: reply.reason };
        case "made": {
          const made = decodeHead(reply.head);
          if (made === undefined) throw new EdgeError("INTERNAL", { detail: "unreadable head of a derived object" });
          channel.tell("fillEnd", { fillId: grant.fillId, kind: "unstored" });
          return this.#objectAlone(task, made, reply.body);
        }
        case "lacking":
          throw new EdgeError("INTERNAL", { detail: "a derived object was not stored" });
        case "stored":
          break;
        default:
          return unreachable(reply);
      }
      const loaded = await this.#parts.cache.bodies.load(reply.location);
      const head = decodeHead(reply.head);
      if (loaded === undefined || head === undefined) {
        throw new EdgeError("STORE_UNAVAILABLE", { detail: "derived object is gone" });
      }
      const object = new CachedObject({
        key: task.key,
        head: { ...head, bodyBytes: reply.location.bodyBytes },
        body: loaded.body,
        location: reply.location,
        version: grant.version,
        freshUntilMs: source.freshUntilMs,
        ttlSeconds: source.ttlSeconds,
        updatedAtMs: clock.now(),
        purged: false,
        expiredByForce: false,
      });
      object.isTransient = isTransient(operation);
      this.#parts.memory.keep(vhost, task.variant, object);
      this.#parts.filling.report(vhost, grant.fillId, object);
      return { kind: "object", object };
    } catch (cause) {
      const { body } = source;
      if (isOfStore(cause) && body !== undefined && operation.kind !== "compress") {
        channel.tell("fillEnd", { fillId: grant.fillId, kind: "unstored" });
        return await this.makeAlone({ ...task, source: { kind: "object", object: source } }, Buffer.from(body));
      }
      const error = EdgeError.from(cause, "TRANSFORM_FAILED");
      channel.tell("fillEnd", { fillId: grant.fillId, kind: "failed", code: error.code, negativeSeconds: 0 });
      return { kind: "failed", error };
    } finally {
      this.#parts.filling.forget(grant.fillId);
    }
  }

  /** As `#ask`; what the source lacks for it is brought first. */
  async #askComplete(task: DeriveTask, grant: Grant, from: DeriveSource): Promise<DeriveReply> {
    let before = "";
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const reply = await this.#ask(task, grant, from);
      if (reply.kind !== "lacking") return reply;
      if (task.bring === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source is not complete" });
      const wanted = reply.ranges.map(({ start, end }) => `${start}-${end}`).join();
      await task.bring(reply.ranges, wanted === before);
      before = wanted;
    }
    throw new EdgeError("TRANSFORM_FAILED", { detail: "the source is read in too many pieces" });
  }

  #ask(task: DeriveTask, grant: Grant, from: DeriveSource): Promise<DeriveReply> {
    const { channel, clock } = this.#parts.cache;
    const { source, vhost } = task;
    return channel.call("derive", {
      id: grant.fillId,
      vhost: vhost.name,
      source: from,
      operation: task.operation,
      priority: task.priority ?? "asked",
      maxSourceBytes: task.maxSourceBytes,
      head: encodeHead(task.head),
      image: {
        key: task.key,
        vhost: vhost.name,
        url: task.url,
        version: grant.version,
        freshUntil: epochMs(source.freshUntilMs),
        ttl: source.ttlSeconds,
        updatedAt: clock.now(),
        flags: flagsOf(task) | (source.isTagged ? ROW_FLAG.TAGGED : 0),
        tags: source.tags,
      },
    });
  }

  /**
   * What memory holds may long have been moved or given up on disk: the same body where the index has it now, or as
   * memory has it.
   */
  async #sourceElsewhere(source: CachedObject, place: ObjectLocation): Promise<DeriveSource | undefined> {
    const { index, bodies } = this.#parts.cache;
    const location = index.find(source.keyView)?.location;
    if (location !== undefined && (location.segment !== place.segment || location.offset !== place.offset)) {
      const head = (await bodies.load(location))?.head;
      const bodyVersion = head === undefined ? undefined : decodeHead(head)?.bodyVersion;
      if (bodyVersion === source.bodyVersion) return { kind: "stored", location };
    }
    const { body } = source;
    return body === undefined ? undefined : { kind: "bytes", body: Buffer.from(body) };
  }

  /** As `make`, of bytes that no disk has: the result is for whoever asked, and is not kept. */
  async makeAlone(task: DerivedRequest, body: Buffer): Promise<Derived> {
    const { vhost, source, operation, maxSourceBytes } = task;
    try {
      const reply = await this.#parts.cache.channel.call("derive", {
        id: NO_FILL,
        vhost: vhost.name,
        source: { kind: "bytes", body },
        operation,
        priority: "asked",
        maxSourceBytes,
        head: encodeHead(task.head),
        image: undefined,
      });
      switch (reply.kind) {
        case "unchanged":
          // Whoever has brought the bytes has nothing left to send them from, unless he has kept them.
          return source.kind === "bytes" && operation.kind !== "media"
            ? this.#objectAlone(task, task.head, body)
            : { kind: "unchanged" };
        case "refused":
          return { kind: "refused", reason: reply.reason };
        case "stored":
        case "lacking":
          throw new EdgeError("INTERNAL", { detail: "a derived object was stored" });
        case "made":
          break;
        default:
          return unreachable(reply);
      }
      const head = decodeHead(reply.head);
      if (head === undefined) throw new EdgeError("INTERNAL", { detail: "unreadable head of a derived object" });
      return this.#objectAlone(task, head, reply.body);
    } catch (cause) {
      return { kind: "failed", error: EdgeError.from(cause, "TRANSFORM_FAILED") };
    }
  }

  /** For one request, and fresh for none. */
  #objectAlone(
    { vhost, url, selector, variant }: Pick<DerivedRequest, "vhost" | "url" | "selector" | "variant">,
    head: StoredHead,
    body: Buffer,
  ): Derived {
    const nowMs = this.#parts.cache.clock.now();
    const object = new CachedObject({
      key: keyOfName(vhost.name, variant, nameOf(url, selector)),
      head: { ...head, bodyBytes: body.length },
      body,
      location: undefined,
      version: 0,
      freshUntilMs: nowMs,
      ttlSeconds: 0,
      updatedAtMs: nowMs,
      purged: false,
      expiredByForce: false,
    });
    return { kind: "object", object };
  }
}

const storedSource = ({ index }: DeriveTask, location: ObjectLocation): DeriveSource =>
  index === undefined ? { kind: "stored", location } : { kind: "stored", location, index };

/** What is made of media takes no room (MEDIA-01): it is kept while it is in use, and is not counted (MEDIA-40). */
const flagsOf = ({ operation, variant }: DeriveTask): number => {
  if (isTransient(operation)) return ROW_FLAG.DERIVED | ROW_FLAG.TRANSIENT;
  return variant === VARIANT.DERIVED && operation.kind !== "mediaIndex" ? 0 : ROW_FLAG.DERIVED;
};

const isTransient = ({ kind }: DeriveOperation): boolean => kind === "media";

const isOfStore = (cause: unknown): boolean => EdgeError.from(cause).code === "STORE_UNAVAILABLE";
