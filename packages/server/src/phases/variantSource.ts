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

/** As the phases from lookup on have the one source of a request: from memory, from disk, or from the origin. */
export const variantSource = async (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
): Promise<VariantSource> => {
  const found = await sourceIn(exchange, vhost, derivation, variantOf(exchange, vhost));
  // What is encoded is nothing to convert.
  const isOther = found.wanted.variant === VARIANT.ENCODED && isEncodedSource(found.obtained);
  return isOther ? await sourceIn(exchange, vhost, derivation, VARIANT.PLAIN) : found;
};

const isEncodedSource = (obtained: Obtained): boolean => {
  if (obtained.kind === "object") return isEncoded(obtained.object.fields);
  return obtained.kind === "body" && isEncoded(obtained.head.fields);
};

const sourceIn = async (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  variant: Variant,
): Promise<VariantSource> => {
  const { target } = exchange;
  const url = canonicalUrl(keyTarget({ derivation, target }), vhost);
  const plain: WantedObject = { url, name: url, variant, target, derivation };
  const first = await obtainNamed(exchange, vhost, plain);
  if (first.kind !== "elsewhere") return { wanted: plain, obtained: first };
  const wanted = { ...plain, name: nameOf(url, selectorFor(first.selection, exchange.get)) };
  return { wanted, obtained: await obtainNamed(exchange, vhost, wanted) };
};

const obtainNamed = async (exchange: Exchange, vhost: ServedVhost, wanted: WantedObject): Promise<Obtained> => {
  const { cache } = exchange.connection.server.parts;
  const held = cache.find(vhost.cache, wanted.variant, wanted.name);
  if (held !== undefined && !isForThis(exchange, held)) {
    if (wanted.name === wanted.url) return { kind: "elsewhere", selection: held.selection };
    return await cache.obtain(obtainRequest(exchange, vhost, undefined, wanted));
  }
  const obtained: Obtained =
    held !== undefined && mayServe(exchange, vhost, held)
      ? { kind: "object", object: held, result: hitResult(held) }
      : await cache.obtain(obtainRequest(exchange, vhost, held, wanted));
  if (obtained.kind === "object") renewIfStale(exchange, vhost, obtained.object, obtained.result, wanted);
  return obtained;
};

const mayServe = (exchange: Exchange, vhost: ServedVhost, object: CachedObject): boolean => {
  if (object.purged || exchange.mustRenew) return false;
  if (object.isFresh(exchange.nowMs) && !heedsRequest(exchange, vhost)) return true;
  const reuse = decideReuse(exchange, vhost, object, exchange.nowMs);
  return reuse === "serve" || reuse === "serveAndRenew";
};
