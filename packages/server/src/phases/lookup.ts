import { type CachedObject, isSelected, nameOf, selectorFor, VARIANT, type Variant } from "@basalt/cache";
import { FIELD } from "@basalt/http";
import { type Derivation, isNoCacheRequest, NO_CODINGS } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { variantOfCoding, wantedCoding } from "./codings.ts";
import { mayBeComposed } from "./composeMade.ts";
import { madePlace, takeMade } from "./madeObject.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { decideReuse, heedsRequest } from "./reuse.ts";

/** What this worker's memory holds. Synchronous, and for a hit the last thing but delivery. */
export const lookup = (exchange: Exchange): PhaseCode => {
  const { vhost, nowMs } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  const forcesRenewal = asksForRenewal(exchange, vhost);
  const isHeeded = heedsRequest(exchange, vhost);
  if (exchange.codings.length > 0 && !forcesRenewal && !isHeeded) {
    const compressed = findCompressed(exchange, vhost);
    if (compressed !== undefined) {
      exchange.object = compressed;
      exchange.codings = NO_CODINGS;
      return PHASE.HIT;
    }
  }
  if (exchange.derivation !== undefined && !forcesRenewal && !isHeeded && !mayBeComposed(exchange.derivation)) {
    const made = findMade(exchange, vhost, exchange.derivation);
    if (made !== undefined) {
      takeMade(exchange, exchange.derivation, made);
      return PHASE.HIT;
    }
  }
  const object = findSelected(exchange, vhost, exchange.variant);
  exchange.object = object;
  exchange.mustRenew = forcesRenewal;
  if (object === undefined) return PHASE.MISS;
  if (forcesRenewal) object.freshUntilMs = 0;
  const isFresh = object.isFresh(nowMs) && (!isHeeded || decideReuse(exchange, vhost, object, nowMs) === "serve");
  return isFresh ? PHASE.HIT : PHASE.REVALIDATE;
};

/** Whether the client wants the origin asked, and may (TTL-37). */
export const asksForRenewal = (exchange: Exchange, vhost: ServedVhost): boolean =>
  vhost.settings.options.noCacheRequestExpire &&
  !exchange.connection.server.isEmergency &&
  (exchange.fields.flags & FIELD.CACHE_CONTROL) !== 0 &&
  isNoCacheRequest(exchange);

/** What memory holds in the coding that the client is to have, while nothing says that its source has changed. */
const findCompressed = (exchange: Exchange, vhost: ServedVhost): CachedObject | undefined => {
  const { server } = exchange.connection;
  const source = findSelected(exchange, vhost, exchange.variant);
  const coding = wantedCoding(exchange, source);
  if (coding === undefined) return undefined;
  const compressed = findSelected(exchange, vhost, variantOfCoding(coding));
  if (compressed === undefined) return undefined;
  if (source !== undefined && compressed.sourceVersion !== source.bodyVersion) return undefined;
  if (server.isEmergency ? compressed.purged : !compressed.isFresh(exchange.nowMs)) return undefined;
  if (source !== undefined) vhost.hotCopies?.noteHit(exchange, source, compressed, coding);
  return compressed;
};

/** What memory holds of what a URL asks to be made, while nothing says that its source has changed. */
const findMade = (exchange: Exchange, vhost: ServedVhost, derivation: Derivation): CachedObject | undefined => {
  const { server } = exchange.connection;
  const { name } = exchange;
  const made = findMadeHere(exchange, vhost, derivation);
  if (made !== undefined && (server.isEmergency ? !made.purged : made.isFresh(exchange.nowMs))) {
    const source = server.parts.cache.find(vhost.cache, exchange.variant, exchange.name);
    // Without it the purge of the source has ended the result too: by its URL, whose beginning is that of the source
    // unless No-Vary-Search has left something out of that.
    if (source === undefined && derivation.url.startsWith(exchange.url)) return made;
    if (source !== undefined && source.bodyVersion === made.sourceVersion && !source.purged) return made;
  }
  exchange.name = name;
  return undefined;
};

/** What was made of the source that answers this request: of the first that was stored, or of what its Vary adds. */
const findMadeHere = (exchange: Exchange, vhost: ServedVhost, derivation: Derivation): CachedObject | undefined => {
  const { cache } = exchange.connection.server.parts;
  const find = (): CachedObject | undefined => {
    const { url, selector } = madePlace(exchange, derivation);
    return cache.find(vhost.cache, VARIANT.DERIVED, nameOf(url, selector));
  };
  const found = find();
  if (found === undefined || isForThis(exchange, found)) return found;
  if (!selectName(exchange, found.selection)) return undefined;
  const other = find();
  return other !== undefined && isForThis(exchange, other) ? other : undefined;
};

/** The object in memory that may answer this request (KEY-10, RFC 9111 4.1), found by the URL or by what its Vary adds. */
const findSelected = (exchange: Exchange, vhost: ServedVhost, variant: Variant): CachedObject | undefined => {
  const { cache } = exchange.connection.server.parts;
  const found = cache.find(vhost.cache, variant, exchange.name);
  if (found === undefined || found.selection === "") return found;
  return isForThis(exchange, found) ? found : elsewhere(exchange, vhost, variant, found);
};

const elsewhere = (
  exchange: Exchange,
  vhost: ServedVhost,
  variant: Variant,
  found: CachedObject,
): CachedObject | undefined => {
  if (!selectName(exchange, found.selection)) return undefined;
  const other = exchange.connection.server.parts.cache.find(vhost.cache, variant, exchange.name);
  return other !== undefined && isForThis(exchange, other) ? other : undefined;
};

export const isForThis = (exchange: Exchange, object: CachedObject): boolean => {
  return object.selection === "" || isSelected(object.selection, exchange.getSelecting);
};

/** From now on the request is about the object that its fields select; false when that is known already. */
export const selectName = (exchange: Exchange, selection: string): boolean => {
  const { url, bodySelector } = exchange;
  const selector = selectorFor(selection, exchange.getSelecting);
  const name = nameOf(url, `${bodySelector}${selector}`);
  if (name === exchange.name) return false;
  exchange.name = name;
  return true;
};
