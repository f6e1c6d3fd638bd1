import { VARIANT } from "@basalt/cache";
import { FIELD } from "@basalt/http";
import { isNoCacheRequest } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** What this worker's memory holds. Synchronous, and for a hit the last thing but delivery. */
export const lookup = (exchange: Exchange): PhaseCode => {
  const { vhost, url, nowMs } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  const { isEmergency, parts } = exchange.connection.server;
  const { cache } = parts;
  const { options } = vhost.settings;
  const mayForce = options.noCacheRequestExpire && !isEmergency;
  const forcesRenewal = mayForce && (exchange.fields.flags & FIELD.CACHE_CONTROL) !== 0 && isNoCacheRequest(exchange);
  if (exchange.wantsGzip && !forcesRenewal) {
    const compressed = cache.find(vhost.cache, VARIANT.GZIP, url);
    const source = compressed === undefined ? undefined : cache.find(vhost.cache, exchange.variant, url);
    const isCurrent = source === undefined || compressed?.sourceVersion === source.bodyVersion;
    if (compressed !== undefined && isCurrent && (isEmergency ? !compressed.purged : compressed.isFresh(nowMs))) {
      exchange.object = compressed;
      exchange.wantsGzip = false;
      return PHASE.HIT;
    }
  }
  const object = cache.find(vhost.cache, exchange.variant, url);
  exchange.object = object;
  exchange.mustRenew = forcesRenewal;
  if (object === undefined) return PHASE.MISS;
  if (forcesRenewal) object.freshUntilMs = 0;
  return object.isFresh(nowMs) ? PHASE.HIT : PHASE.REVALIDATE;
};
