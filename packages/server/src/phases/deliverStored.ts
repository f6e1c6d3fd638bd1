import type { CachedObject, PartedBody } from "@basalt/cache";
import type { ByteRange } from "@basalt/http";
import type { EdgeError } from "@basalt/types";
import { BodyPump, type Unbegun } from "../delivery/bodyPump.ts";
import { pumpMultipart } from "../delivery/multipartPump.ts";
import { contentLengthOf, rangesOf, type Selection } from "../delivery/selection.ts";
import type { Exchange } from "../exchange.ts";
import { finishWhenSent } from "../pacing/finishWhenSent.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { deliverComposed } from "./composeMade.ts";
import { refuseForMemory } from "./emergency.ts";
import { goneObject } from "./madeObject.ts";
import { partOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** A body on disk: from the one that is kept open, else opened first; in emergency mode only what memory holds. */
export const deliverStored = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  selection: Selection,
): PhaseCode => {
  const { openBody } = object;
  if (exchange.composed !== undefined) return deliverComposed(exchange, exchange.composed, selection);
  if (exchange.connection.server.isEmergency && !rangesOf(selection).every((part) => isLoaded(object, part))) {
    return refuseForMemory(exchange);
  }
  if (openBody === undefined) {
    void openAndDeliver(exchange, vhost, object, selection);
    return PHASE.WAIT;
  }
  object.bodyUsedSecond = Math.floor(exchange.nowMs / 1000);
  const body = selection.kind === "run" ? peekWhole(openBody, selection.part) : undefined;
  if (body === undefined) {
    sendParted(exchange, vhost, openBody, selection);
    return PHASE.WAIT;
  }
  exchange.responding(selection.status, selection.head.length, body.length);
  exchange.bodyBytesSent = body.length;
  exchange.connection.socket.writePair(selection.head, body);
  return finishWhenSent(exchange, exchange.connectionDecision.keepAlive);
};

/** The bytes of a part where they lie in memory in one piece. */
const peekWhole = (body: PartedBody, { start, end }: ByteRange): Buffer | undefined => {
  const data = body.peek(start);
  return data === undefined || data.length < end - start ? undefined : data.subarray(0, end - start);
};

/**
 * In memory at least at its beginning, or such that it can be sent from its file; of a body with gaps, all that is asked for,
 * since nothing is fetched.
 */
const isLoaded = ({ openBody, isPartial }: CachedObject, part: ByteRange): boolean => {
  const run = openBody?.fileRun(part.start, part.end);
  const data = openBody?.peek(part.start);
  const length = Math.max(data?.length ?? 0, typeof run === "object" ? run.length : 0);
  return length > 0 && (!isPartial || length >= part.end - part.start);
};

/** One that turns out damaged is fetched anew. */
const openAndDeliver = async (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  selection: Selection,
): Promise<void> => {
  const { ticket } = exchange;
  try {
    const body = await exchange.connection.server.parts.cache.stored.openBody(vhost.cache, exchange.variant, object);
    if (!exchange.isCurrent(ticket)) {
      body?.retain();
      body?.release();
      return;
    }
    if (body === undefined) {
      exchange.object = undefined;
      exchange.continueWith(ticket, goneObject(exchange));
      return;
    }
    sendParted(exchange, vhost, body, selection);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/**
 * A body in a file of its own. Where the origin has another version by now, the request is answered with that, unless
 * the answer has begun; once: an origin that names another version at each request is none to wait for. Where the origin
 * fails before it is whole, the object that it has replaced answers, if it is there yet.
 */
const sendParted = (exchange: Exchange, vhost: ServedVhost, body: PartedBody, selection: Selection): void => {
  const { ticket } = exchange;
  const { head, status } = selection;
  const failed = (error: EdgeError): void => {
    if (exchange.isAnew || !exchange.isCurrent(ticket)) {
      exchange.fail(ticket, error);
      return;
    }
    exchange.isAnew = true;
    if (body.isLost) {
      exchange.object = undefined;
      exchange.continueWith(ticket, goneObject(exchange));
    } else {
      void fallBack(exchange, vhost, ticket, error);
    }
  };
  const origin = partOrigin(exchange, vhost);
  const { keepAlive } = exchange.connectionDecision;
  const unbegun: Unbegun = { status, headBytes: head.length, contentLength: contentLengthOf(selection), failed };
  if (selection.kind === "multipart") {
    const sourceOf = ({ start, end }: ByteRange) => body.view(start, end, origin);
    pumpMultipart(exchange, { ...selection, keepAlive, unbegun, sourceOf });
    return;
  }
  const { part } = selection;
  const view = body.view(part.start, part.end, origin);
  new BodyPump(exchange, view, { part, head, framing: "length", keepAlive, unbegun }).start();
};

const fallBack = async (exchange: Exchange, vhost: ServedVhost, ticket: number, error: EdgeError): Promise<void> => {
  const { object, variant, connection } = exchange;
  try {
    const { cache } = connection.server.parts;
    const previous = object && (await cache.stored.fallBack(vhost.cache, variant, object, error));
    if (!exchange.isCurrent(ticket)) return;
    if (previous === undefined) {
      exchange.fail(ticket, error);
      return;
    }
    exchange.object = previous;
    exchange.result = "TCP_REF_FAIL_HIT";
    exchange.continueWith(ticket, PHASE.DELIVER);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};
