import {
  type BodySource,
  type CachedObject,
  type DerivationWait,
  type Derived,
  type DerivedFrom,
  hitResult,
  type StoredHead,
  VARIANT,
} from "@basalt/cache";
import type { Derivation, OriginAnswer } from "@basalt/policy";
import { type CacheResult, EdgeError, unreachable } from "@basalt/types";
import { arrivedBytes, arrivedObject } from "./arrivedObject.ts";
import { ALONE_BYTES, derivedOf, gathered } from "./deriveByUrl.ts";
import { madePlace } from "./madeObject.ts";
import { type VariantsRequest, variantSource } from "./variantSource.ts";
import type { WantedObject } from "./wantedObject.ts";

/** What came of one of the sources of a master playlist: the playlist of that alone, or why there is none. */
export type VariantLine = { readonly result: CacheResult } & (
  | { readonly kind: "playlist"; readonly text: string; readonly made: CachedObject }
  /** There is no such film, or it cannot be read. `answer`: what the origin has said instead of a film. */
  | { readonly kind: "absent"; readonly answer: OriginAnswer | undefined }
  | { readonly kind: "failed"; readonly error: EdgeError; readonly answer: OriginAnswer | undefined }
);

/**
 * Has the source of a derivation and what is made of it, by the ordinary ways of the cache. Errors: those of this server, by
 * which nothing can be said of the source.
 */
export const variantLine = async (request: VariantsRequest, derivation: Derivation): Promise<VariantLine> => {
  const { wanted, obtained } = await variantSource(request, derivation);
  if (obtained.kind === "elsewhere") {
    throw new EdgeError("INTERNAL", { detail: "the stored responses select one another" });
  }
  const { result } = obtained;
  if (obtained.kind === "failed") {
    const { error } = obtained;
    if (error.traits.side === "origin") return { kind: "failed", error, answer: "failed", result };
    if (error.code === "NOT_CACHED") return { kind: "failed", error, answer: undefined, result };
    throw error;
  }
  const head = obtained.kind === "object" ? obtained.object.head : obtained.head;
  if (head.status !== 200) return { kind: "absent", answer: head.status, result };
  const making = { ...request, wanted, derivation, head };
  const isPassed = obtained.passed !== undefined;
  if (obtained.kind === "body") return await lineOfArriving(making, obtained.source, isPassed, result);
  const { object } = obtained;
  if (result === hitResult(object)) {
    const { exchange } = request;
    exchange.connection.server.parts.cache.touch(object, Math.floor(exchange.nowMs / 1000));
  }
  const alone = isPassed ? object.body : undefined;
  const source: DerivedFrom =
    alone === undefined ? { kind: "object", object } : { kind: "bytes", head, body: Buffer.from(alone) };
  return await lineOf(making, source, result);
};

interface LineMaking extends VariantsRequest {
  readonly wanted: WantedObject;
  readonly derivation: Derivation;
  readonly head: StoredHead;
}

const lineOfArriving = async (
  making: LineMaking,
  source: BodySource,
  isPassed: boolean,
  result: CacheResult,
): Promise<VariantLine> => {
  const { exchange, wanted, head, left } = making;
  const memory = gathered.share();
  source.retain();
  try {
    if (source.isUnstored !== true && !isPassed) {
      const object = await arrivedObject(exchange, source, undefined, { wanted, head });
      left.throwIfAborted();
      if (object !== undefined) return await lineOf(making, { kind: "object", object }, result);
    }
    const arrived = await arrivedBytes(source, { limitBytes: ALONE_BYTES, take: memory.take, left });
    left.throwIfAborted();
    switch (arrived.kind) {
      case "whole":
        return await lineOf(making, { kind: "bytes", head, body: arrived.body }, result);
      case "failed":
        return { kind: "failed", error: source.error ?? new EdgeError("ORIGIN_CLOSED"), answer: "failed", result };
      case "tooLarge":
        return { kind: "absent", answer: undefined, result };
      case "tooMany":
        throw new EdgeError("TRANSFORM_OVERLOADED", { detail: "sources that no disk has" });
      default:
        return unreachable(arrived);
    }
  } finally {
    memory.giveBack();
    source.release();
  }
};

const lineOf = async (making: LineMaking, source: DerivedFrom, result: CacheResult): Promise<VariantLine> => {
  const { exchange, vhost } = making;
  const { cache } = exchange.connection.server.parts;
  const made = await madeOf(making, source);
  switch (made.kind) {
    case "object": {
      const { object } = made;
      const body = object.body ?? (await cache.stored.readWhole(vhost.cache, object));
      if (body === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "a playlist is gone" });
      if (object.isTransient) cache.noteTransient(vhost.cache, object);
      return { kind: "playlist", text: body.toString("utf8"), made: object, result };
    }
    case "unchanged":
    case "refused":
      return { kind: "absent", answer: undefined, result };
    case "failed": {
      const { error } = made;
      const isOfSource = error.code === "TRANSFORM_FAILED" || error.traits.side === "origin";
      // Where the source has changed meanwhile, another try finds it as it is now.
      if (!isOfSource || (error.code === "ORIGIN_CLOSED" && !exchange.isAnew)) throw error;
      return { kind: "failed", error, answer: undefined, result };
    }
    default:
      return unreachable(made);
  }
};

const madeOf = async (making: LineMaking, source: DerivedFrom): Promise<Derived> => {
  const { exchange, vhost, wanted, derivation, head, left } = making;
  const { cache } = exchange.connection.server.parts;
  if (source.kind === "object") {
    const place = { ...madePlace(wanted, derivation), vhost: vhost.cache, variant: VARIANT.DERIVED, source };
    const known = cache.derivations.findNow(place, exchange.nowMs);
    if (known !== undefined) return known;
  }
  const { fields, bodyBytes: sizeBytes } = head;
  const plan = vhost.derivations?.plan(derivation, { status: head.status, fields, sizeBytes });
  if (plan?.kind !== "operation") return { kind: "unchanged" };
  const { operation, maxSourceBytes } = plan;
  const awaited = (wait: DerivationWait): Promise<Derived> => resultOf(wait, left);
  return await derivedOf({ exchange, vhost, derivation, operation, maxSourceBytes }, wanted, source, head, awaited);
};

const resultOf = async ({ result, leave }: DerivationWait, left: AbortSignal): Promise<Derived> => {
  if (left.aborted) leave();
  left.addEventListener("abort", leave);
  try {
    return await result;
  } finally {
    left.removeEventListener("abort", leave);
    leave();
  }
};
