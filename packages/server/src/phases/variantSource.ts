import { type CachedObject, hitResult, nameOf, type Obtained, selectorFor, VARIANT, type Variant } from "@basalt/cache";
import { type Derivation, isEncoded } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { canonicalUrl, keyTarget, variantOf } from "./deriveKey.ts";
import { isForThis } from "./lookup.ts";
import { obtainRequest, renewIfStale } from "./obtain.ts";
import { decideReuse, heedsRequest } from "./reuse.ts";
import type { WantedObject } from "./wantedObject.ts";

/** One of the sources of a request that needs several, and under which name it was found. */
export interface VariantSource {
  readonly wanted: WantedObject;
  readonly obtained: Obtained;
}

/** A request that needs several sources. */
export interface VariantsRequest {
  readonly exchange: Exchange;
  readonly vhost: ServedVhost;
  /** Aborted when it is over: from then on the exchange may be another request's, and is not to be looked at. */
  readonly left: AbortSignal;
}

/** As the phases from lookup on have the one source of a request: from memory, from disk, or from the origin. */
export const variantSource = async (request: VariantsRequest, derivation: Derivation): Promise<VariantSource> => {
  const { exchange, vhost } = request;
  const found = await sourceIn(request, derivation, variantOf(exchange, vhost));
  // What is encoded is nothing to convert.
  const isOther = found.wanted.variant === VARIANT.ENCODED && isEncodedSource(found.obtained);
  return isOther ? await sourceIn(request, derivation, VARIANT.PLAIN) : found;
};

const isEncodedSource = (obtained: Obtained): boolean => {
  if (obtained.kind === "object") return isEncoded(obtained.object.fields);
  return obtained.kind === "body" && isEncoded(obtained.head.fields);
};

const sourceIn = async (request: VariantsRequest, derivation: Derivation, variant: Variant): Promise<VariantSource> => {
  const { exchange, vhost } = request;
  const { target } = exchange;
  const url = canonicalUrl(keyTarget({ derivation, target }), vhost);
  const plain: WantedObject = { url, name: url, variant, target, derivation };
  const first = await obtainNamed(request, plain);
  if (first.kind !== "elsewhere") return { wanted: plain, obtained: first };
  const wanted = { ...plain, name: nameOf(url, selectorFor(first.selection, exchange.getSelecting)) };
  return { wanted, obtained: await obtainNamed(request, wanted) };
};

const obtainNamed = async (request: VariantsRequest, wanted: WantedObject): Promise<Obtained> => {
  const { exchange, vhost, left } = request;
  const { cache } = exchange.connection.server.parts;
  const held = cache.find(vhost.cache, wanted.variant, wanted.name);
  if (held !== undefined && !isForThis(exchange, held)) {
    if (wanted.name === wanted.url) return { kind: "elsewhere", selection: held.selection };
    const other = await cache.obtain(obtainRequest(exchange, vhost, undefined, wanted));
    left.throwIfAborted();
    return other;
  }
  const obtained: Obtained =
    held !== undefined && mayServe(exchange, vhost, held)
      ? { kind: "object", object: held, result: hitResult(held) }
      : await cache.obtain(obtainRequest(exchange, vhost, held, wanted));
  left.throwIfAborted();
  if (obtained.kind === "object") renewIfStale(exchange, vhost, obtained.object, obtained.result, wanted);
  return obtained;
};

const mayServe = (exchange: Exchange, vhost: ServedVhost, object: CachedObject): boolean => {
  if (object.purged || exchange.mustRenew) return false;
  if (object.isFresh(exchange.nowMs) && !heedsRequest(exchange, vhost)) return true;
  const reuse = decideReuse(exchange, vhost, object, exchange.nowMs);
  return reuse === "serve" || reuse === "serveAndRenew";
};
