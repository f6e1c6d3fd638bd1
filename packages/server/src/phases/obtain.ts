import {
  type CachedObject,
  FIRST_PART_BYTES,
  hitResult,
  lastModifiedOf,
  type Obtained,
  type ObtainRequest,
  originWith,
  type PartOrigin,
  VARIANT,
  type Variant,
} from "@basalt/cache";
import { type FieldBlock, getField } from "@basalt/http";
import type { OriginRequest } from "@basalt/origin";
import { DERIVATION_FAILURE, fillRequestFields, requestFacts, validatorFields } from "@basalt/policy";
import { type CacheResult, EdgeError, unreachable } from "@basalt/types";
import { sendInterim } from "../delivery/interim.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { wantedCoding } from "./codings.ts";
import { keyTarget } from "./deriveKey.ts";
import { refuseForMemory } from "./emergency.ts";
import { followLink } from "./followLink.ts";
import { isForThis, selectName } from "./lookup.ts";
import { originChoice } from "./originChoice.ts";
import { originFieldRules } from "./originFields.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { refuseDerived } from "./refuseDerived.ts";
import { decideReuse, heedsRequest } from "./reuse.ts";
import { selectingValue } from "./selectingFields.ts";
import type { WantedObject } from "./wantedObject.ts";

/** An access that the index is to know of (CFG-48). */
const touch = (exchange: Exchange, object: CachedObject): void => {
  const { cache } = exchange.connection.server.parts;
  const second = Math.floor(exchange.nowMs / 1000);
  if (exchange.variant !== VARIANT.DERIVED) {
    cache.touch(object, second);
    return;
  }
  const { madeOfName: name, madeOfVariant: variant, vhost } = exchange;
  if (vhost !== undefined) cache.touchMade(object, second, { vhost: vhost.cache.name, variant, name });
};

/** What the response says of the queries of its path (No-Vary-Search). */
const learn = (exchange: Exchange, vhost: ServedVhost, head: { readonly fields: readonly string[] }): void => {
  if (vhost.cache.rules.profile === "guide") return;
  const value = getField(head.fields, "no-vary-search");
  const path = vhost.searchRules.learn(exchange.url, value);
  if (path === undefined || value === undefined) return;
  exchange.connection.server.parts.onSearchRule?.({ vhost: vhost.cache.name, path, value });
};

/** Fresh in memory. */
export const hit = (exchange: Exchange): PhaseCode => {
  const { object } = exchange;
  if (object === undefined) return PHASE.MISS;
  exchange.result = hitResult(object);
  touch(exchange, object);
  return followLink(exchange, object.status) ?? afterObject(exchange, object);
};

/** With the object at hand: is something else to be made of it? */
const afterObject = (exchange: Exchange, object: CachedObject): PhaseCode => {
  const isToBeMade = exchange.derivation !== undefined && exchange.variant !== VARIANT.DERIVED;
  const isToBeCompressed = exchange.codings.length > 0 && wantedCoding(exchange, object) !== undefined;
  return isToBeMade || isToBeCompressed ? PHASE.DERIVE : PHASE.DELIVER;
};

/**
 * In memory, but not simply fresh: ask first (TTL-29), or answer and ask behind it (TTL-30, RFC 5861 3). In emergency
 * mode nothing is asked and the stale one is served (OPT-67), but nothing that was purged: somebody wanted it gone.
 */
export const revalidate = (exchange: Exchange): PhaseCode => {
  const { object, vhost } = exchange;
  if (object === undefined || vhost === undefined) return PHASE.MISS;
  if (!object.purged && exchange.connection.server.isEmergency) return hit(exchange);
  if (object.purged) return miss(exchange);
  const reuse = decideReuse(exchange, vhost, object, exchange.nowMs);
  switch (reuse) {
    case "serve":
      return hit(exchange);
    case "serveAndRenew":
      // Another worker may have renewed it already.
      exchange.object = loadAgain(exchange, vhost, object);
      if (exchange.object === object && !object.renewing) void renewBehind(exchange, vhost, object);
      return hit(exchange);
    case "renew":
      return miss(exchange);
    case "gatewayTimeout":
      return refuse(exchange, new EdgeError("NOT_CACHED"));
    default:
      return unreachable(reuse);
  }
};

const refuse = (exchange: Exchange, error: EdgeError): PhaseCode => {
  exchange.object = undefined;
  exchange.result = "TCP_MISS";
  exchange.error = error;
  return PHASE.DELIVER;
};

/** From disk, another worker, or the origin; in emergency mode, refused (OPT-64, OPT-66). */
export const miss = (exchange: Exchange): PhaseCode => {
  const { vhost } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  if (exchange.connection.server.isEmergency) return refuseForMemory(exchange);
  if (exchange.object === undefined && !exchange.mustRenew && !heedsRequest(exchange, vhost)) {
    const loaded = loadSelected(exchange, vhost);
    if (loaded !== undefined) {
      exchange.object = loaded;
      return PHASE.HIT;
    }
  }
  void obtain(exchange, vhost);
  return PHASE.WAIT;
};

/** What takes the place of a stale object, if there is any on disk. The request is about that object again if not. */
const loadAgain = (exchange: Exchange, vhost: ServedVhost, object: CachedObject): CachedObject => {
  const { name } = exchange;
  const loaded = loadSelected(exchange, vhost);
  if (loaded === undefined) exchange.name = name;
  return loaded ?? object;
};

/** A small fresh object from the page cache that answers this request. */
const loadSelected = (exchange: Exchange, vhost: ServedVhost): CachedObject | undefined => {
  const { stored } = exchange.connection.server.parts.cache;
  const loaded = stored.loadNow(vhost.cache, exchange.variant, exchange.name, exchange.nowMs);
  if (loaded === undefined || isForThis(exchange, loaded)) return loaded;
  if (!selectName(exchange, loaded.selection)) return undefined;
  const { cache } = exchange.connection.server.parts;
  const inMemory = cache.find(vhost.cache, exchange.variant, exchange.name);
  const other = inMemory ?? stored.loadNow(vhost.cache, exchange.variant, exchange.name, exchange.nowMs);
  return other?.isFresh(exchange.nowMs) === true && isForThis(exchange, other) ? other : undefined;
};

const obtain = async (exchange: Exchange, vhost: ServedVhost): Promise<void> => {
  const { ticket, object } = exchange;
  const { cache } = exchange.connection.server.parts;
  try {
    let obtained = await cache.obtain(obtainRequest(exchange, vhost, object));
    if (!exchange.isCurrent(ticket)) return;
    if (obtained.kind === "elsewhere") {
      selectName(exchange, obtained.selection);
      const held = cache.find(vhost.cache, exchange.variant, exchange.name);
      const isHeld = held !== undefined && isForThis(exchange, held);
      exchange.object = isHeld ? held : undefined;
      if (
        isHeld &&
        !exchange.mustRenew &&
        !held.purged &&
        decideReuse(exchange, vhost, held, exchange.nowMs) === "serve"
      ) {
        exchange.continueWith(ticket, PHASE.HIT);
        return;
      }
      obtained = await cache.obtain(obtainRequest(exchange, vhost, exchange.object));
      if (!exchange.isCurrent(ticket)) return;
    }
    if (obtained.kind === "object") renewIfStale(exchange, vhost, obtained.object, obtained.result);
    exchange.continueWith(ticket, accept(exchange, vhost, obtained));
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/** A stale object that came from the disk and sufficed (TTL-30). */
export const renewIfStale = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  result: CacheResult,
  wanted: WantedObject = exchange,
): void => {
  if (result !== "TCP_HIT" || object.isFresh(exchange.nowMs) || object.renewing) return;
  if (exchange.connection.server.isEmergency) return;
  if (decideReuse(exchange, vhost, object, exchange.nowMs) === "serveAndRenew") {
    void renewBehind(exchange, vhost, object, wanted);
  }
};

const renewBehind = async (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  wanted: WantedObject = exchange,
): Promise<void> => {
  object.renewing = true;
  try {
    const request = obtainRequest(exchange, vhost, object, wanted);
    await exchange.connection.server.parts.cache.obtain({ ...request, suffices: isFreshNow(exchange) });
  } catch (cause) {
    exchange.connection.reportDefect(cause);
  } finally {
    object.renewing = false;
  }
};

const isFreshNow = (exchange: Exchange): ((object: CachedObject) => boolean) => {
  const { clock } = exchange.connection.server.parts;
  return (object) => object.isFresh(clock.now());
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
    get ifRange() {
      return current().settings.originOptions.ifRange;
    },
    request: () => obtainRequest(exchange, current(), undefined).originRequest(undefined),
  };
};

/** As `partOrigin`, for work that may outlive the request: of the exchange as it is now. */
export const lastingOrigin = (exchange: Exchange, vhost: ServedVhost, wanted: WantedObject = exchange): PartOrigin => {
  const template = obtainRequest(exchange, vhost, undefined, wanted).originRequest(undefined);
  return originWith(partOrigin(exchange, vhost), { request: () => template });
};

/** Holds nothing of the exchange that changes: the exchange goes on to other requests before this one has ended. */
export const obtainRequest = (
  exchange: Exchange,
  vhost: ServedVhost,
  held: CachedObject | undefined,
  wanted: WantedObject = exchange,
): ObtainRequest => {
  const { url, name, variant, derivation } = wanted;
  const { methodCode, fields, keyBody, mustRenew, ticket } = exchange;
  const { sessionId } = exchange.connection;
  const occasion = { key: url, sessionId, ...originChoice(exchange, vhost) };
  const { clock } = exchange.connection.server.parts;
  // What No-Vary-Search leaves out of the key is still the client's to ask for.
  const asked = keyTarget(wanted);
  const target = vhost.keyRules.originTarget(
    derivation?.media?.originTarget ?? asked,
    vhost.keyRules.canonicalUrl(asked),
  );
  const client = { methodCode, fields };
  const ownFields = fillFields(exchange, vhost, variant);
  const ruled = originFieldRules(exchange, vhost) ?? ((complete: readonly string[]) => complete);
  const facts = requestFacts(methodCode, fields);
  const isHeeded = heedsRequest(exchange, vhost);
  return {
    vhost: vhost.cache,
    variant,
    url,
    name,
    facts,
    get: selectingFieldsOf(fields, vhost, exchange),
    held,
    mustRenew,
    isPastStore: exchange.storeFailures > 1,
    mayFetch: !(isHeeded && facts.cacheControl.onlyIfCached),
    suffices: (object) => {
      const nowMs = clock.now();
      if (object.isFresh(nowMs) && !isHeeded) return true;
      const reuse = decideReuse(client, vhost, object, nowMs);
      return reuse === "serve" || reuse === "serveAndRenew";
    },
    originRequest: (validated): OriginRequest => {
      if (keyBody !== undefined) return { ...postRequest(target, ruled(ownFields), keyBody), ...occasion };
      return {
        method: "GET",
        target,
        fields: ruled(validated === undefined ? ownFields : [...ownFields, ...validators(validated, vhost)]),
        body: { kind: "none" },
        mode: "cache",
        ...occasion,
      };
    },
    firstBytes: derivation?.media === undefined ? undefined : FIRST_PART_BYTES,
    onInformation: (status, interim) => {
      if (exchange.isCurrent(ticket)) sendInterim(exchange, status, interim);
    },
  };
};

/** Right also when the exchange is at another request: what of it counts is that of its connection. */
const selectingFieldsOf = (fields: FieldBlock, vhost: ServedVhost, exchange: Exchange): ObtainRequest["get"] => {
  const get = (lowerCaseName: string): string | undefined => fields.get(lowerCaseName);
  return (lowerCaseName) => selectingValue(lowerCaseName, get, vhost, exchange);
};

/** KEY-16: the client's body, unchanged. It is held in memory, so that it can be sent whenever it is needed. */
const postRequest = (target: string, fields: readonly string[], body: Buffer): OriginRequest => ({
  method: "POST",
  target,
  fields,
  body: { kind: "stream", contentLength: body.length, chunks: oneChunk(body) },
  mode: "cache",
});

async function* oneChunk(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body;
}

const fillFields = (exchange: Exchange, vhost: ServedVhost, variant: Variant): string[] => {
  const { fields, originClient: client, keyBody } = exchange;
  const keyVariant = variant === VARIANT.PLAIN ? "" : "encoded";
  const filling = {
    client,
    get: (lowerCaseName: string) => fields.get(lowerCaseName),
    toFlatArray: () => fields.toFlatArray(),
    hasKeyBody: keyBody !== undefined,
  };
  const complete = fillRequestFields(filling, vhost.settings, keyVariant);
  return exchange.trace?.applyTo(complete) ?? complete;
};

const validators = (object: CachedObject, vhost: ServedVhost): string[] =>
  validatorFields(
    { lastModifiedMs: lastModifiedOf(object.head), etag: getField(object.head.fields, "etag") },
    vhost.settings.originOptions,
  );

const afterBody = ({ codings, derivation }: Exchange): PhaseCode =>
  codings.length > 0 || derivation !== undefined ? PHASE.DERIVE : PHASE.DELIVER;

const accept = (exchange: Exchange, vhost: ServedVhost, obtained: Obtained): PhaseCode => {
  if (obtained.kind === "elsewhere") {
    const detail = "the stored responses select one another";
    return refuse(exchange, new EdgeError("INTERNAL", { detail }));
  }
  exchange.result = obtained.result;
  if (obtained.kind !== "failed") {
    exchange.isPassed = obtained.passed !== undefined;
    exchange.ownFields = obtained.ownFields ?? exchange.ownFields;
  }
  switch (obtained.kind) {
    case "object":
      exchange.object = obtained.object;
      learn(exchange, vhost, obtained.object);
      if (obtained.result === hitResult(obtained.object)) touch(exchange, obtained.object);
      return followLink(exchange, obtained.object.status) ?? afterObject(exchange, obtained.object);
    case "body":
      exchange.object = undefined;
      exchange.source = obtained.source;
      exchange.sourceHead = obtained.head;
      learn(exchange, vhost, obtained.head);
      return followLink(exchange, obtained.head.status) ?? afterBody(exchange);
    case "failed":
      exchange.object = undefined;
      if (obtained.error.traits.side === "origin") {
        const next = followLink(exchange, "failed");
        if (next !== undefined) return next;
      }
      if (
        exchange.derivation !== undefined &&
        exchange.derivation.kind !== "media" &&
        obtained.error.traits.side === "origin"
      ) {
        return refuseDerived(exchange, exchange.derivation, DERIVATION_FAILURE.SOURCE_MISSING, {
          code: obtained.error.code,
        });
      }
      exchange.error = obtained.error;
      exchange.errorStatus = obtained.status ?? 0;
      return PHASE.DELIVER;
    default:
      return unreachable(obtained);
  }
};
