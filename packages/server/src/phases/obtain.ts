import { type CachedObject, hitResult, lastModifiedOf, type Obtained, type PartOrigin } from "@basalt/cache";
import { getField } from "@basalt/http";
import type { OriginRequest } from "@basalt/origin";
import { cacheRequestFields, decideRenewal, validatorFields } from "@basalt/policy";
import { type CacheResult, unreachable } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { refuseForMemory } from "./emergency.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** An access that the index is to know of (CFG-48). */
const touch = ({ connection, nowMs }: Exchange, object: CachedObject): void =>
  connection.server.parts.cache.touch(object, Math.floor(nowMs / 1000));

/** Fresh in memory. */
export const hit = (exchange: Exchange): PhaseCode => {
  const { object } = exchange;
  if (object === undefined) return PHASE.MISS;
  exchange.result = hitResult(object);
  touch(exchange, object);
  return exchange.wantsGzip && !object.incompressible ? PHASE.DERIVE : PHASE.DELIVER;
};

/**
 * Stale or purged in memory: ask first (TTL-29), or answer and ask behind it (TTL-30). In emergency mode nothing is
 * asked and the stale one is served (OPT-67), but nothing that was purged: somebody wanted it gone.
 */
export const revalidate = (exchange: Exchange): PhaseCode => {
  const { object, vhost } = exchange;
  if (object === undefined || vhost === undefined) return PHASE.MISS;
  if (!object.purged && exchange.connection.server.isEmergency) return hit(exchange);
  if (object.purged || !staleSuffices(vhost, object)) return miss(exchange);
  if (!object.renewing) void renewBehind(exchange, vhost, object);
  return hit(exchange);
};

/** From disk, another worker, or the origin; in emergency mode, refused (OPT-64, OPT-66). */
export const miss = (exchange: Exchange): PhaseCode => {
  const { vhost } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  if (exchange.connection.server.isEmergency) return refuseForMemory(exchange);
  if (exchange.object === undefined && !exchange.mustRenew) {
    const { cache } = exchange.connection.server.parts;
    const loaded = cache.stored.loadNow(vhost.cache, exchange.variant, exchange.url, exchange.nowMs);
    if (loaded !== undefined) {
      exchange.object = loaded;
      return PHASE.HIT;
    }
  }
  void obtain(exchange, vhost);
  return PHASE.WAIT;
};

const obtain = async (exchange: Exchange, vhost: ServedVhost): Promise<void> => {
  const { ticket, object } = exchange;
  try {
    const obtained = await exchange.connection.server.parts.cache.obtain(obtainRequest(exchange, vhost, object));
    if (!exchange.isCurrent(ticket)) return;
    if (obtained.kind === "object") renewIfStale(exchange, vhost, obtained.object, obtained.result);
    exchange.continueWith(ticket, accept(exchange, obtained));
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/** A stale object that came from the disk and sufficed (TTL-30). */
const renewIfStale = (exchange: Exchange, vhost: ServedVhost, object: CachedObject, result: CacheResult): void => {
  const isStale = result === "TCP_HIT" && !object.isFresh(exchange.nowMs);
  if (isStale && !exchange.connection.server.isEmergency && !object.renewing && staleSuffices(vhost, object))
    void renewBehind(exchange, vhost, object);
};

const staleSuffices = (vhost: ServedVhost, object: CachedObject): boolean =>
  decideRenewal(object.status, vhost.settings.options) === "background";

const renewBehind = async (exchange: Exchange, vhost: ServedVhost, object: CachedObject): Promise<void> => {
  object.renewing = true;
  try {
    await exchange.connection.server.parts.cache.obtain(obtainRequest(exchange, vhost, object));
  } catch (cause) {
    exchange.connection.server.parts.onDefect(cause);
  } finally {
    object.renewing = false;
  }
};

/**
 * How blocks that a stored body lacks can be had, for as long as this request runs: longer than a configuration, whose
 * pool refuses requests when a reload has brought another.
 */
export const partOrigin = (exchange: Exchange, vhost: ServedVhost): PartOrigin => {
  const { server } = exchange.connection;
  const current = (): ServedVhost => server.state.served.get(vhost.cache.name) ?? vhost;
  return {
    get pool() {
      return current().cache.pool;
    },
    get partBytes() {
      return current().settings.originOptions.partBytes;
    },
    request: () => obtainRequest(exchange, current(), undefined).originRequest(undefined),
  };
};

const obtainRequest = (exchange: Exchange, vhost: ServedVhost, held: CachedObject | undefined) => {
  const { url, variant } = exchange;
  const target = vhost.keyRules.originTarget(exchange.target, url);
  const fields = cacheRequestFields(exchange.originClient, vhost.settings, variant === 0 ? "" : "encoded");
  return {
    vhost: vhost.cache,
    variant,
    url,
    held,
    mustRenew: exchange.mustRenew,
    staleSuffices: (object: CachedObject) => staleSuffices(vhost, object),
    originRequest: (validated: CachedObject | undefined): OriginRequest => ({
      method: "GET",
      target,
      fields: validated === undefined ? fields : [...fields, ...validators(validated, vhost)],
      body: { kind: "none" },
      mode: "cache",
    }),
  };
};

const validators = (object: CachedObject, vhost: ServedVhost): string[] =>
  validatorFields(
    { lastModifiedMs: lastModifiedOf(object.head), etag: getField(object.head.fields, "etag") },
    vhost.settings.originOptions,
  );

const accept = (exchange: Exchange, obtained: Obtained): PhaseCode => {
  exchange.result = obtained.result;
  switch (obtained.kind) {
    case "object":
      exchange.object = obtained.object;
      if (obtained.result === hitResult(obtained.object)) touch(exchange, obtained.object);
      return exchange.wantsGzip && !obtained.object.incompressible ? PHASE.DERIVE : PHASE.DELIVER;
    case "body":
      exchange.object = undefined;
      exchange.source = obtained.source;
      exchange.sourceHead = obtained.head;
      return exchange.wantsGzip ? PHASE.DERIVE : PHASE.DELIVER;
    case "failed":
      exchange.object = undefined;
      exchange.error = obtained.error;
      return PHASE.DELIVER;
    default:
      return unreachable(obtained);
  }
};
