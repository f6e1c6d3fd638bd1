import {
  type BodySource,
  type CachedObject,
  type DerivationWait,
  type Derived,
  type DerivedFrom,
  type DeriveRefusal,
  type StoredHead,
  VARIANT,
} from "@basalt/cache";
import { DERIVATION_FAILURE, type Derivation, type DeriveOperation, isEncoded } from "@basalt/policy";
import { EdgeError, unreachable } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { arrivedBytes, arrivedObject, GatheredMemory } from "./arrivedObject.ts";
import { bringer, mediaIndexOf, passesAsItIs, refuseMedia, settleMedia } from "./deriveMedia.ts";
import { refuseForMemory } from "./emergency.ts";
import { headOfMade, madePlace, takeMade } from "./madeObject.ts";
import { partOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { countRefusedDerived, refuseDerived } from "./refuseDerived.ts";
import { trimHere } from "./trimHere.ts";
import type { WantedObject } from "./wantedObject.ts";

/** What the URL asks to be made of the object that is at hand by now, or is just arriving (DIMS-08, DRM-03). */
export const deriveByUrl = (exchange: Exchange, vhost: ServedVhost, derivation: Derivation): PhaseCode => {
  const { object, source, sourceHead } = exchange;
  const head = object?.head ?? sourceHead;
  if (head === undefined) return PHASE.DELIVER;
  if (exchange.variant === VARIANT.ENCODED && isEncoded(head.fields)) return takePlainSource(exchange);
  // What the origin says of a file that it has not holds for all that would be made of it.
  if (derivation.kind === "media" && head.status !== 200) return PHASE.DELIVER;
  if (object !== undefined && !exchange.isPassed) {
    const trimmed = trimHere(exchange, vhost, derivation, object);
    if (trimmed !== undefined) return trimmed;
    const { cache } = exchange.connection.server.parts;
    const place = { ...madePlace(exchange, derivation), vhost: vhost.cache, variant: VARIANT.DERIVED };
    const known = cache.derivations.findNow({ ...place, source: { kind: "object", object } }, exchange.nowMs);
    if (known !== undefined) return settle(exchange, vhost, derivation, known, { kind: "object", object });
  }
  if (exchange.connection.server.isEmergency) return refuseForMemory(exchange);
  const sizeBytes = head.bodyBytes;
  const plan = vhost.derivations?.plan(derivation, { status: head.status, fields: head.fields, sizeBytes });
  switch (plan?.kind) {
    case undefined:
      return PHASE.DELIVER;
    case "unchanged":
      return deliverSource(exchange, derivation);
    case "failure":
      if (derivation.kind === "media") return refuseMedia(exchange, derivation, plan.reason, plan);
      countRefusedDerived(exchange);
      return refuseDerived(exchange, derivation, plan.reason);
    case "operation": {
      const making = { exchange, vhost, derivation, operation: plan.operation, maxSourceBytes: plan.maxSourceBytes };
      if (object !== undefined) void make(making, object);
      else if (exchange.isPassed && passesAsItIs(derivation, head, ALONE_BYTES)) return PHASE.DELIVER;
      else if (source !== undefined) void makeOfArriving(making, source, head);
      return PHASE.WAIT;
    }
    default:
      return unreachable(plan);
  }
};

/** The source is shared with those who ask for it alone; but what is encoded is nothing to convert. */
const takePlainSource = (exchange: Exchange): PhaseCode => {
  exchange.variant = VARIANT.PLAIN;
  exchange.name = exchange.url;
  exchange.object = undefined;
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  exchange.isPassed = false;
  exchange.ownFields = [];
  return PHASE.LOOKUP;
};

export interface Making {
  readonly exchange: Exchange;
  readonly vhost: ServedVhost;
  readonly derivation: Derivation;
  readonly operation: DeriveOperation;
  readonly maxSourceBytes: number;
}

const make = async (making: Making, object: CachedObject): Promise<void> => {
  const { exchange, vhost } = making;
  const { ticket, isPassed } = exchange;
  const { cache } = exchange.connection.server.parts;
  try {
    if (object.isPartial && making.operation.kind !== "media") {
      const body = await cache.stored.openBody(vhost.cache, exchange.variant, object);
      const isWhole = body !== undefined && (await body.whenComplete(partOrigin(exchange, vhost)));
      if (!exchange.isCurrent(ticket)) return;
      if (!isWhole) {
        exchange.continueWith(ticket, refuse(making, DERIVATION_FAILURE.SOURCE_MISSING));
        return;
      }
    }
    const { head, body } = object;
    const isAlone = isPassed && body !== undefined;
    await obtain(making, isAlone ? { kind: "bytes", head, body: Buffer.from(body) } : { kind: "object", object }, head);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/** What is made of bytes that no disk has goes through the memory of three processes. */
export const ALONE_BYTES = 32 * 1024 ** 2;
export const gathered = new GatheredMemory(4 * ALONE_BYTES);

/** A body that becomes an object is awaited as one; any other is read into memory (DIMS-16). */
const makeOfArriving = async (making: Making, source: BodySource, head: StoredHead): Promise<void> => {
  const { exchange, maxSourceBytes } = making;
  const { ticket } = exchange;
  const left = new AbortController();
  const memory = gathered.share();
  source.retain();
  try {
    if (source.isUnstored !== true && !exchange.isPassed) {
      const object = await arrivedObject(exchange, source, maxSourceBytes);
      if (!exchange.isCurrent(ticket)) return;
      if (object !== undefined) {
        exchange.object = object;
        exchange.source = undefined;
        exchange.continueWith(ticket, PHASE.DERIVE);
        return;
      }
    }
    exchange.ongoing = { drained: () => {}, clientEnded: () => {}, clientGone: () => left.abort() };
    const limitBytes = Math.min(maxSourceBytes, ALONE_BYTES);
    const arrived = await arrivedBytes(source, { limitBytes, take: memory.take, left: left.signal });
    if (!exchange.isCurrent(ticket)) return;
    exchange.ongoing = undefined;
    switch (arrived.kind) {
      case "tooLarge":
        exchange.continueWith(ticket, refuse(making, DERIVATION_FAILURE.SOURCE_TOO_LARGE));
        return;
      case "failed":
        exchange.continueWith(ticket, refuse(making, DERIVATION_FAILURE.SOURCE_MISSING));
        return;
      case "tooMany":
        exchange.fail(ticket, new EdgeError("TRANSFORM_OVERLOADED", { detail: "sources that no disk has" }));
        return;
      case "whole":
        await obtain(making, { kind: "bytes", head, body: arrived.body }, head);
        return;
      default:
        unreachable(arrived);
    }
  } catch (cause) {
    exchange.fail(ticket, cause);
  } finally {
    memory.giveBack();
    source.release();
  }
};

const refuse = ({ exchange, derivation }: Making, reason: string): PhaseCode => {
  if (derivation.kind === "media") return refuseMedia(exchange, derivation, reason);
  countRefusedDerived(exchange);
  return refuseDerived(exchange, derivation, reason);
};

const obtain = async (making: Making, source: DerivedFrom, sourceHead: StoredHead): Promise<void> => {
  const { exchange, vhost, derivation } = making;
  const { ticket } = exchange;
  const made = await derivedOf(making, exchange, source, sourceHead, (wait) => awaited(exchange, wait));
  if (exchange.isCurrent(ticket)) exchange.continueWith(ticket, settle(exchange, vhost, derivation, made, source));
};

/** What is made of a source. `awaited`: waits for the steps of it, as long as somebody wants the result. */
export const derivedOf = async (
  { exchange, vhost, derivation, operation, maxSourceBytes }: Making,
  wanted: WantedObject,
  source: DerivedFrom,
  sourceHead: StoredHead,
  awaited: (wait: DerivationWait) => Promise<Derived>,
): Promise<Derived> => {
  const { ticket } = exchange;
  const place = madePlace(wanted, derivation);
  const { url, selector } = place;
  const isMediaObject = operation.kind === "media" && source.kind === "object";
  const bring = isMediaObject ? bringer(exchange, vhost, source.object, wanted) : undefined;
  const isIndexed = isMediaObject && source.object.bodyBytes <= maxSourceBytes;
  const indexWait = isIndexed ? mediaIndexOf(exchange, vhost, derivation, source.object, wanted) : undefined;
  const indexed = indexWait === undefined ? undefined : await awaited(indexWait);
  if (indexed !== undefined && indexed.kind !== "object") return indexed;
  if (!exchange.isCurrent(ticket)) {
    return { kind: "failed", error: new EdgeError("TRANSFORM_FAILED", { detail: "nobody waits for it" }) };
  }
  const wait = exchange.connection.server.parts.cache.derivations.obtain({
    vhost: vhost.cache,
    source,
    variant: VARIANT.DERIVED,
    url,
    selector,
    head: headOfMade(derivation, place, sourceHead),
    operation,
    maxSourceBytes,
    index: indexed?.object.location,
    ...(bring === undefined ? {} : { bring }),
  });
  return await awaited(wait);
};

/** Given up when the client goes. */
const awaited = async (exchange: Exchange, { result, leave }: DerivationWait): Promise<Derived> => {
  const { ticket } = exchange;
  exchange.ongoing = { drained: () => {}, clientEnded: () => {}, clientGone: leave };
  try {
    return await result;
  } finally {
    if (exchange.isCurrent(ticket)) exchange.ongoing = undefined;
    leave();
  }
};

/** The source is the result: for this request, where another request would get something else. */
const deliverSource = (exchange: Exchange, { variesOn }: Derivation): PhaseCode => {
  if (variesOn !== undefined) exchange.ownFields = [...exchange.ownFields, "Vary", variesOn];
  return PHASE.DELIVER;
};

const settle = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  made: Derived,
  source: DerivedFrom,
): PhaseCode => {
  if (derivation.kind === "media") return settleMedia(exchange, vhost, derivation, made, source);
  switch (made.kind) {
    case "object":
      takeMade(exchange, derivation, made.object);
      return PHASE.DELIVER;
    case "unchanged":
      return deliverSource(exchange, derivation);
    case "refused":
      return refuseDerived(exchange, derivation, REASONS[made.reason]);
    case "failed":
      if (made.error.code === "TRANSFORM_FAILED") {
        return refuseDerived(exchange, derivation, DERIVATION_FAILURE.CONVERSION);
      }
      exchange.object = undefined;
      exchange.source = undefined;
      exchange.sourceHead = undefined;
      exchange.error = isOfStore(made.error) ? new EdgeError("TRANSFORM_FAILED", { cause: made.error }) : made.error;
      return PHASE.DELIVER;
    default:
      return unreachable(made);
  }
};

/** What the store fails at is no reason to answer the request by another way: the origin has no such URL. */
const isOfStore = ({ code }: EdgeError): boolean => code === "STORE_UNAVAILABLE";

const REASONS: { readonly [refusal in DeriveRefusal]: string } = {
  tooLarge: DERIVATION_FAILURE.SOURCE_TOO_LARGE,
  unreadable: DERIVATION_FAILURE.SOURCE_UNREADABLE,
  conversion: DERIVATION_FAILURE.CONVERSION,
  absent: DERIVATION_FAILURE.ABSENT,
};
