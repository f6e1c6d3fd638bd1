import { type CachedObject, VARIANT, type Variant } from "@basalt/cache";
import type { ContentCoding } from "@basalt/config";
import type { Exchange } from "../exchange.ts";

const VARIANT_OF = { gzip: VARIANT.GZIP, br: VARIANT.BROTLI, zstd: VARIANT.ZSTD } as const;

/** Where the cache keeps copies compressed so. */
export const variantOfCoding = (coding: ContentCoding): Variant => VARIANT_OF[coding];

const bitOf = (coding: ContentCoding): number => 1 << VARIANT_OF[coding];

/** The coding in which the client is to have the object; undefined: as it is. Without an object nothing speaks against any. */
export const wantedCoding = (exchange: Exchange, object: CachedObject | undefined): ContentCoding | undefined => {
  const { codings } = exchange;
  if (object === undefined) return codings[0];
  const useless = object.uselessCopies(exchange.connection.server.state.generation);
  if (useless === 0) return codings[0];
  for (const coding of codings) if ((useless & bitOf(coding)) === 0) return coding;
  return undefined;
};

/** What of `exchange.codings` the configuration does not rule out for the object. */
export const openCodings = (exchange: Exchange, object: CachedObject | undefined): readonly ContentCoding[] => {
  const useless = object?.uselessCopies(exchange.connection.server.state.generation) ?? 0;
  return useless === 0 ? exchange.codings : exchange.codings.filter((coding) => (useless & bitOf(coding)) === 0);
};

/** Until the next configuration the object is not looked at again for these. */
export const noteUseless = (exchange: Exchange, object: CachedObject, codings: readonly ContentCoding[]): void => {
  let bits = 0;
  for (const coding of codings) bits |= bitOf(coding);
  object.noteUselessCopies(exchange.connection.server.state.generation, bits);
};
