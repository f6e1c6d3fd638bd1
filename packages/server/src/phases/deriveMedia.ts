import {
  CachedObject,
  type DerivationWait,
  type Derived,
  type DerivedFrom,
  derivedSelector,
  keyOfName,
  nameOf,
  type StoredHead,
  selectorIn,
  VARIANT,
  variantText,
} from "@basalt/cache";
import type { ByteRange } from "@basalt/http";
import { DERIVATION_FAILURE, type Derivation } from "@basalt/policy";
import { EdgeError, unreachable } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { composeMade, mayBeComposed } from "./composeMade.ts";
import { takeMade } from "./madeObject.ts";
import { lastingOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { refuseDerived } from "./refuseDerived.ts";
import type { WantedObject } from "./wantedObject.ts";

/** Whether a body that is not kept goes out as it is: to be looked at, it would have to be held as a whole first. */
export const passesAsItIs = ({ media }: Derivation, { bodyBytes }: StoredHead, limitBytes: number): boolean =>
  media?.otherwise === "source" && (bodyBytes < 0 || bodyBytes > limitBytes);

/** What is needed of a source that comes in parts is fetched by range (MEDIA-04), whoever of those who wait goes. */
export const bringer = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  wanted: WantedObject = exchange,
) => {
  const { variant } = wanted;
  const { cache } = exchange.connection.server.parts;
  const origin = lastingOrigin(exchange, vhost, wanted);
  return async (ranges: readonly ByteRange[], isAgain: boolean): Promise<void> => {
    const body = await cache.stored.openBody(vhost.cache, variant, object);
    if (body === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
    body.retain();
    try {
      if (isAgain) for (const range of ranges) await body.recheck(range);
      await Promise.all(ranges.map((range) => body.whenPresent(range, origin)));
    } finally {
      body.release();
    }
  };
};

/** Films shorter than that are looked through again each time, which costs nothing. */
export const INDEXED_BYTES = 16 * 1024 ** 2;

/** Goes up when indexes of old are none any more. */
const INDEX_VERSION = 1;

/**
 * What tasks on a long film need to know of it: made once, and kept as long as the film (MEDIA-41). Undefined where none
 * is kept.
 */
export const mediaIndexOf = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  object: CachedObject,
  wanted: WantedObject = exchange,
): DerivationWait | undefined => {
  const { location } = object;
  if (derivation.media === undefined || location === undefined || location.file === 0) return undefined;
  if (object.bodyBytes < INDEXED_BYTES) return undefined;
  const { url, variant, name } = wanted;
  const selector = derivedSelector({ url, variant: variantText(variant, selectorIn(name)) }, `index-${INDEX_VERSION}`);
  const place = {
    vhost: vhost.cache,
    variant: VARIANT.DERIVED,
    url,
    selector,
    source: { kind: "object", object },
  } as const;
  const { derivations } = exchange.connection.server.parts.cache;
  const known = derivations.findNow(place, exchange.nowMs);
  if (known !== undefined) return { result: Promise.resolve(known), leave: () => {} };
  return derivations.obtain({
    ...place,
    head: {
      ...object.head,
      url,
      variant: variantText(VARIANT.DERIVED, selector),
      fields: ["Content-Type", "application/octet-stream"],
      bodyBytes: -1,
      bodyVersion: INDEX_VERSION,
      sourceVersion: object.bodyVersion,
    },
    operation: { kind: "mediaIndex", format: derivation.media.format },
    maxSourceBytes: Number.MAX_SAFE_INTEGER,
    bring: bringer(exchange, vhost, object, wanted),
  });
};

export const settleMedia = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  made: Derived,
  source: DerivedFrom,
): PhaseCode => {
  switch (made.kind) {
    case "object":
      if (mayBeComposed(derivation)) {
        const from = source.kind === "object" ? source.object : source.body;
        return composeMade(exchange, vhost, derivation, made.object, from);
      }
      takeMade(exchange, derivation, made.object);
      return PHASE.DELIVER;
    case "unchanged":
      return refuseMedia(exchange, derivation, DERIVATION_FAILURE.ABSENT, { source });
    case "refused": {
      const { ABSENT, SOURCE_UNREADABLE } = DERIVATION_FAILURE;
      return refuseMedia(exchange, derivation, made.reason === "absent" ? ABSENT : SOURCE_UNREADABLE, { source });
    }
    case "failed":
      return fail(exchange, derivation, made.error, source);
    default:
      return unreachable(made);
  }
};

/** MEDIA-06: the file as it is; or there is no such resource. */
export const refuseMedia = (
  exchange: Exchange,
  derivation: Derivation,
  reason: string,
  { source, status = 404 }: { readonly source?: DerivedFrom | undefined; readonly status?: number | undefined } = {},
): PhaseCode => {
  if (derivation.media?.otherwise !== "source") return refuseDerived(exchange, derivation, reason, { status });
  if (source?.kind === "bytes") takeBytes(exchange, source);
  return PHASE.DELIVER;
};

/** Where the source has changed meanwhile, another try finds it as it is now. */
const fail = (exchange: Exchange, derivation: Derivation, error: EdgeError, source: DerivedFrom): PhaseCode => {
  if (error.code === "TRANSFORM_FAILED" && derivation.media?.otherwise === "source") {
    return refuseMedia(exchange, derivation, DERIVATION_FAILURE.SOURCE_UNREADABLE, { source });
  }
  const isOfStore = error.code === "STORE_UNAVAILABLE";
  exchange.object = undefined;
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  if (!exchange.isAnew && (isOfStore || error.code === "ORIGIN_CLOSED")) {
    exchange.isAnew = true;
    return PHASE.DERIVE_KEY;
  }
  exchange.error = isOfStore ? new EdgeError("TRANSFORM_FAILED", { cause: error }) : error;
  return PHASE.DELIVER;
};

/** A body that has passed already, and that nobody keeps: it answers from memory. */
const takeBytes = (exchange: Exchange, { head, body }: Extract<DerivedFrom, { readonly kind: "bytes" }>): void => {
  const { nowMs, vhost, variant, url } = exchange;
  exchange.source = undefined;
  exchange.object = new CachedObject({
    key: keyOfName(vhost?.cache.name ?? "", variant, nameOf(url, "")),
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
};
