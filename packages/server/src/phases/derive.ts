import { type BodySource, type CachedObject, type StoredHead, selectorIn, VARIANT, variantText } from "@basalt/cache";
import { compressedFields } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { partOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * The compressed copy instead of the object, where the rules say so (HTTP-58 to HTTP-62). A body of known length that
 * is still arriving is awaited, since the client is to get the compressed form from the first request on; one of
 * unknown length goes out as it is (OPEN 19), and so does every body in emergency mode (OPT-66).
 */
export const derive = (exchange: Exchange): PhaseCode => {
  const { object, source, sourceHead, vhost } = exchange;
  const head = object?.head ?? sourceHead;
  if (vhost?.compression === undefined || head === undefined) return PHASE.DELIVER;
  if (exchange.connection.server.isEmergency) return PHASE.DELIVER;
  const decision = vhost.compression(exchange.url, {
    status: head.status,
    fields: head.fields,
    sizeBytes: head.bodyBytes,
  });
  if (decision === undefined) {
    if (object !== undefined) object.incompressible = true;
    return PHASE.DELIVER;
  }
  if (object !== undefined) void compress(exchange, vhost, object, decision.level);
  else if (source !== undefined) void awaitBody(exchange, source);
  return PHASE.WAIT;
};

const compress = async (exchange: Exchange, vhost: ServedVhost, object: CachedObject, level: number): Promise<void> => {
  const { ticket } = exchange;
  const { cache, onDefect } = exchange.connection.server.parts;
  try {
    if (object.isPartial && !(await isCompleted(exchange, vhost, object))) {
      exchange.continueWith(ticket, PHASE.DELIVER);
      return;
    }
    const operation = { kind: "gzip", level } as const;
    const derived = await cache.obtainDerived(vhost.cache, VARIANT.GZIP, object, compressedHead, operation);
    if (exchange.isCurrent(ticket) && derived !== undefined) exchange.object = derived;
  } catch (cause) {
    onDefect(cause);
  }
  exchange.continueWith(ticket, PHASE.DELIVER);
};

/** A body that arrives as a whole is awaited; one that is fetched by `<PartSize>` need never be whole. */
const isCompleted = async (exchange: Exchange, vhost: ServedVhost, object: CachedObject): Promise<boolean> => {
  const origin = partOrigin(exchange, vhost);
  const body = await exchange.connection.server.parts.cache.stored.openBody(vhost.cache, exchange.variant, object);
  if (body === undefined) return false;
  return vhost.settings.originOptions.partBytes > 0 ? await body.isWhole() : await body.whenComplete(origin);
};

const compressedHead = (source: CachedObject): StoredHead => ({
  ...source.head,
  variant: variantText(VARIANT.GZIP, selectorIn(source.variant)),
  fields: compressedFields(source.head.fields),
  bodyBytes: -1,
  sourceVersion: source.head.bodyVersion,
});

/** Waits for the end of the body, then looks it up as an object; without a store there will be none. */
const awaitBody = async (exchange: Exchange, source: BodySource): Promise<void> => {
  const { ticket } = exchange;
  source.retain();
  try {
    await whenSettled(source);
    // The object is made in the turn in which its body ends.
    await new Promise((resolve) => setImmediate(resolve));
    if (!exchange.isCurrent(ticket)) return;
    const object = objectOfSource(exchange);
    if (object === undefined) {
      exchange.wantsGzip = false;
      exchange.continueWith(ticket, PHASE.DELIVER);
      return;
    }
    exchange.object = object;
    exchange.source = undefined;
    exchange.continueWith(ticket, PHASE.DERIVE);
  } finally {
    source.release();
  }
};

/** Resolves when the body has ended, or goes on only for those who read it. */
const whenSettled = (source: BodySource): Promise<void> =>
  new Promise((resolve) => {
    const isSettled = (): boolean => source.state !== "growing" || source.isUnstored === true;
    if (isSettled()) {
      resolve();
      return;
    }
    const unwatch = source.watch(() => {
      if (!isSettled()) return;
      unwatch();
      resolve();
    });
  });

/** What memory holds may still be the object that the body was to take the place of. */
const objectOfSource = (exchange: Exchange): CachedObject | undefined => {
  const { sourceHead, name, variant, vhost } = exchange;
  if (vhost === undefined) return undefined;
  const object = exchange.connection.server.parts.cache.find(vhost.cache, variant, name);
  return object?.bodyVersion === sourceHead?.bodyVersion ? object : undefined;
};
