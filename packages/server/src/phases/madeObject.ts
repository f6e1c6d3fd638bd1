import { crc32 } from "node:zlib";
import {
  type CachedObject,
  derivedSelector,
  nameOf,
  type StoredHead,
  selectorIn,
  VARIANT,
  variantText,
} from "@basalt/cache";
import { type Derivation, derivedFields } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import type { WantedObject } from "./wantedObject.ts";

/** Where the cache keeps what this URL asks to be made of that object. */
export const madePlace = (
  { url, name, variant }: Pick<WantedObject, "url" | "name" | "variant">,
  derivation: Derivation,
): { readonly url: string; readonly selector: string } => ({
  url: derivation.url,
  selector: derivedSelector({ url, variant: variantText(variant, selectorIn(name)) }, derivation.selector),
});

/** Head of what is made of a source, but for its length. */
export const headOfMade = (
  derivation: Derivation,
  { url, selector }: ReturnType<typeof madePlace>,
  sourceHead: StoredHead,
): StoredHead => ({
  ...sourceHead,
  url,
  variant: variantText(VARIANT.DERIVED, selector),
  fields: derivedFields(sourceHead.fields, derivation),
  bodyBytes: -1,
  bodyVersion: crc32(derivation.selector),
  sourceVersion: sourceHead.bodyVersion,
});

/** From now on the exchange is about the object that was made. */
export const takeMade = (exchange: Exchange, derivation: Derivation, made: CachedObject): void => {
  const { url, selector } = madePlace(exchange, derivation);
  const { vhost } = exchange;
  const { cache } = exchange.connection.server.parts;
  if (made.isTransient && vhost !== undefined) cache.noteTransient(vhost.cache, made);
  exchange.madeOfName = exchange.name;
  exchange.madeOfVariant = exchange.variant;
  exchange.object = made;
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  exchange.url = url;
  exchange.name = nameOf(url, selector);
  exchange.variant = VARIANT.DERIVED;
};

/** An object whose body turned out to be gone: it is had again, or made again of its source. */
export const goneObject = ({ derivation }: Exchange): PhaseCode =>
  derivation === undefined ? PHASE.MISS : PHASE.DERIVE_KEY;
