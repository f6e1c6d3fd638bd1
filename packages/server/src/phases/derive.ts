import type { BodySource, CachedObject } from "@basalt/cache";
import type { ContentCoding } from "@basalt/config";
import { type CompressionDecision, NO_CODINGS } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { arrivedObject } from "./arrivedObject.ts";
import { noteUseless, openCodings } from "./codings.ts";
import { compressionRequest } from "./compressionRequest.ts";
import { deriveByUrl } from "./deriveByUrl.ts";
import { partOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * The compressed copy instead of the object, where the rules say so (HTTP-58 to HTTP-62). A body of known length that
 * is still arriving is awaited, since the client is to get the compressed form from the first request on; one of
 * unknown length goes out as it is (OPEN 19), and so does every body in emergency mode (OPT-66).
 */
export const derive = (exchange: Exchange): PhaseCode => {
  const { object, source, sourceHead, vhost, derivation } = exchange;
  if (derivation !== undefined && vhost !== undefined) return deriveByUrl(exchange, vhost, derivation);
  const head = object?.head ?? sourceHead;
  if (vhost?.compression === undefined || head === undefined) return PHASE.DELIVER;
  if (exchange.connection.server.isEmergency) return PHASE.DELIVER;
  const wanted = openCodings(exchange, object);
  const facts = { status: head.status, fields: head.fields, sizeBytes: head.bodyBytes };
  const decision = vhost.compression(exchange.url, facts, wanted);
  if (object !== undefined) noteUseless(exchange, object, before(wanted, decision?.coding));
  if (decision === undefined) return PHASE.DELIVER;
  if (object !== undefined) void compress(exchange, vhost, object, decision);
  else if (source !== undefined) void awaitArrival(exchange, source);
  return PHASE.WAIT;
};

/** The codings that the rules have passed over; all of them where they chose none. */
const before = (wanted: readonly ContentCoding[], chosen: ContentCoding | undefined): readonly ContentCoding[] =>
  chosen === undefined ? wanted : wanted.slice(0, wanted.indexOf(chosen));

const compress = async (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  decision: CompressionDecision,
): Promise<void> => {
  const { ticket } = exchange;
  const { cache } = exchange.connection.server.parts;
  try {
    if (object.isPartial && !(await isCompleted(exchange, vhost, object))) {
      exchange.continueWith(ticket, PHASE.DELIVER);
      return;
    }
    const derived = await cache.derivations.obtain(compressionRequest(vhost, object, decision)).result;
    if (derived.kind === "unchanged") noteUseless(exchange, object, [decision.coding]);
    if (exchange.isCurrent(ticket) && derived.kind === "object") exchange.object = derived.object;
  } catch (cause) {
    exchange.connection.reportDefect(cause);
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

/** Waits for the end of the body, then goes on with it as an object; without a store there will be none. */
const awaitArrival = async (exchange: Exchange, source: BodySource): Promise<void> => {
  const { ticket } = exchange;
  source.retain();
  try {
    const object = await arrivedObject(exchange, source);
    if (!exchange.isCurrent(ticket)) return;
    if (object === undefined) {
      exchange.codings = NO_CODINGS;
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
