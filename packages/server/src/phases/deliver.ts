import {
  type BodySource,
  type CachedObject,
  lastModifiedOf,
  type ObjectCache,
  PASSING_ROOM_BYTES,
  type PartedBody,
  type PreparedResponse,
  type StoredHead,
} from "@basalt/cache";
import { type ByteRange, FIELD, formatHttpDate, METHOD } from "@basalt/http";
import {
  type ConnectionDecision,
  clientEtag,
  decideConditional,
  decideRange,
  selectClientFields,
} from "@basalt/policy";
import type { EdgeError } from "@basalt/types";
import { BodyPump, type Framing } from "../delivery/bodyPump.ts";
import { sendErrorPage } from "../delivery/errorResponse.ts";
import { CLOSING, connectionLines, fieldLines } from "../delivery/fieldLines.ts";
import {
  type HeadContext,
  headFrom,
  preparedNotModified,
  preparedResponse,
  statusLine,
  withConnection,
} from "../delivery/prepared.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { refuseForMemory } from "./emergency.ts";
import { partOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

const CONDITIONS =
  FIELD.IF_NONE_MATCH | FIELD.IF_MODIFIED_SINCE | FIELD.IF_MATCH | FIELD.IF_UNMODIFIED_SINCE | FIELD.RANGE;

/** Conditions that compare with the ETag: without one it need not be made. */
const ETAG_CONDITIONS = FIELD.IF_NONE_MATCH | FIELD.IF_MATCH | FIELD.IF_RANGE;

/** Bodies up to this length are taken into memory whole when they are asked for. */
const PROMOTED_BYTES = 1024 * 1024;

/** Bodies up to this length are copied behind their head when the head is made for this response alone. */
const COPY_BYTES = 64 * 1024;

/** Head and body of the response, or its error page. */
export const deliver = (exchange: Exchange): PhaseCode => {
  const { object, vhost, sourceHead, source } = exchange;
  if (source?.state === "failed" && object === undefined) exchange.error ??= source.error;
  if (exchange.error !== undefined || vhost === undefined) {
    if (exchange.result === "TCP_NONE" && vhost !== undefined && exchange.error?.traits.side === "origin") {
      exchange.result = "TCP_ERROR";
    }
    sendErrorPage(exchange, exchange.error?.code ?? "INTERNAL");
    return PHASE.DONE;
  }
  if (object !== undefined) return deliverObject(exchange, vhost, object);
  if (source !== undefined && sourceHead !== undefined) return deliverGrowing(exchange, vhost, source, sourceHead);
  sendErrorPage(exchange, "INTERNAL");
  return PHASE.DONE;
};

const deliverObject = (exchange: Exchange, vhost: ServedVhost, object: CachedObject): PhaseCode => {
  const { fields } = exchange;
  const context = headContext(exchange, vhost);
  const decision = exchange.decideConnection();
  if ((fields.flags & CONDITIONS) !== 0) {
    const special = deliverConditional(exchange, vhost, object, context, decision);
    if (special !== undefined) return special;
  }
  const { cache } = exchange.connection.server.parts;
  const mayLoad = isLoadable(exchange, object);
  const body = mayLoad && !exchange.isHead ? cache.stored.bodyNow(vhost.cache, object) : undefined;
  const prepared = prepare(object, context, cache);
  if (exchange.isHead) return sendPrepared(exchange, prepared, decision, false);
  if (object.hasBody || object.bodyBytes === 0) return sendPrepared(exchange, prepared, decision, true);
  if (body !== undefined) return sendPassing(exchange, prepared, body, decision);
  if (mayLoad) {
    void promote(exchange, vhost, object);
    return PHASE.WAIT;
  }
  const head =
    decision === vhost.standardConnection
      ? Buffer.from(prepared.buffer.subarray(0, prepared.headBytes))
      : withConnection(prepared, decision, exchange.nowMs).buffer;
  return deliverStored(exchange, vhost, object, { start: 0, end: object.bodyBytes }, object.status, head);
};

/** True when the body is short, on disk, and may come into memory. */
const isLoadable = (exchange: Exchange, object: CachedObject): boolean =>
  !object.hasBody &&
  object.isStored &&
  object.bodyBytes > 0 &&
  object.bodyBytes <= PROMOTED_BYTES &&
  !exchange.connection.server.isEmergency;

/** Makes the response current; the memory tier learns when the object has become larger by that. */
const prepare = (object: CachedObject, context: HeadContext, cache: ObjectCache): PreparedResponse => {
  const before = object.memoryBytes;
  const prepared = preparedResponse(object, context);
  if (object.memoryBytes !== before) cache.resized(context.vhost.cache, object);
  return prepared;
};

/** A body that lies in memory which is used again: the head is put in front of it there, so that one write sends both. */
const sendPassing = (
  exchange: Exchange,
  prepared: PreparedResponse,
  body: Buffer,
  decision: ConnectionDecision,
): PhaseCode => {
  const { connection, vhost } = exchange;
  const isStandard = decision === vhost?.standardConnection;
  const head = isStandard ? prepared.buffer : ownHead(prepared, decision, exchange.nowMs);
  const headBytes = isStandard ? prepared.headBytes : head.length;
  exchange.responding(exchange.object?.status ?? 200, headBytes);
  exchange.bodyBytesSent = body.length;
  exchange.isPassing = true;
  if (headBytes <= PASSING_ROOM_BYTES) {
    const whole = Buffer.from(body.buffer, body.byteOffset - headBytes, headBytes + body.length);
    head.copy(whole, 0, 0, headBytes);
    connection.socket.write(whole);
  } else {
    connection.socket.writePair(Buffer.from(head.subarray(0, headBytes)), body);
  }
  exchange.finish(decision.keepAlive);
  return PHASE.DONE;
};

/** Takes a body of moderate length into memory before it is sent; the next request finds it there. */
const promote = async (exchange: Exchange, vhost: ServedVhost, object: CachedObject): Promise<void> => {
  const { ticket } = exchange;
  try {
    const isInMemory = await exchange.connection.server.parts.cache.stored.promote(
      vhost.cache,
      exchange.variant,
      object,
    );
    if (!exchange.isCurrent(ticket)) return;
    if (!isInMemory) exchange.object = undefined;
    exchange.continueWith(ticket, isInMemory ? PHASE.DELIVER : PHASE.MISS);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/** 304, 412, 206 and 416; undefined when the request gets the whole object after all. */
const deliverConditional = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  context: HeadContext,
  decision: ConnectionDecision,
): PhaseCode | undefined => {
  const { fields, methodCode } = exchange;
  const { options, originOptions } = vhost.settings;
  const needsEtag = (fields.flags & ETAG_CONDITIONS) !== 0;
  const storedFields = needsEtag && originOptions.originalETag ? object.fields : [];
  const stored = { fields: storedFields, storedAtMs: object.storedAtMs, sizeBytes: object.bodyBytes };
  const etagOptions = { etagHeader: options.etagHeader && needsEtag, originalETag: originOptions.originalETag };
  const etag = clientEtag(stored, etagOptions);
  if (isPlainlyUnmodified(exchange, object, etag)) return sendNotModified(exchange, object, context, decision);
  const selected = { status: object.status, etag, lastModifiedMs: object.lastModifiedMs };
  const isFirst = exchange.result === "TCP_MISS";
  const outcome = decideConditional(methodCode, fields, selected, options, isFirst);
  if (outcome === "notModified") return sendNotModified(exchange, object, context, decision);
  const prepared = prepare(object, context, exchange.connection.server.parts.cache);
  if (outcome === "preconditionFailed") {
    return sendHead(
      exchange,
      412,
      headFrom(prepared, 412, "Content-Length: 0\r\n", decision, exchange.nowMs),
      decision,
    );
  }
  if (methodCode !== METHOD.GET) return undefined;
  const range = decideRange(fields.get("range"), fields.get("if-range"), selected, object.bodyBytes, options);
  if (range.kind === "full") return undefined;
  if (range.kind === "unsatisfiable") {
    const framing = `Content-Range: bytes */${object.bodyBytes}\r\nContent-Length: 0\r\n`;
    return sendHead(exchange, 416, headFrom(prepared, 416, framing, decision, exchange.nowMs), decision);
  }
  const [part] = range.ranges;
  if (part === undefined || range.ranges.length > 1) return undefined;
  const head = headFrom(prepared, 206, rangeLines(part, object.bodyBytes), decision, exchange.nowMs);
  const mayLoad = isLoadable(exchange, object);
  const whole = mayLoad ? exchange.connection.server.parts.cache.stored.bodyNow(vhost.cache, object) : object.body;
  if (whole !== undefined) {
    const body = whole.subarray(part.start, part.end);
    exchange.responding(206, head.length);
    exchange.bodyBytesSent = body.length;
    exchange.isPassing = !object.hasBody;
    exchange.connection.socket.writePair(head, body);
    exchange.finish(decision.keepAlive);
    return PHASE.DONE;
  }
  if (mayLoad) {
    void promote(exchange, vhost, object);
    return PHASE.WAIT;
  }
  return deliverStored(exchange, vhost, object, part, 206, head);
};

/**
 * The case of nearly every conditional request: the client sends back exactly the validator that it was given, which
 * matches by any rule (RFC 9110 13.1.2; HTTP-26, HTTP-28), and nothing has to be parsed.
 */
const isPlainlyUnmodified = (exchange: Exchange, object: CachedObject, etag: string | undefined): boolean => {
  const { flags } = exchange.fields;
  if ((flags & (FIELD.IF_MATCH | FIELD.IF_UNMODIFIED_SINCE)) !== 0 || object.status !== 200) return false;
  if (exchange.methodCode !== METHOD.GET && exchange.methodCode !== METHOD.HEAD) return false;
  return (flags & FIELD.IF_NONE_MATCH) !== 0 && etag !== undefined && exchange.fields.get("if-none-match") === etag;
};

const sendNotModified = (
  exchange: Exchange,
  object: CachedObject,
  context: HeadContext,
  decision: ConnectionDecision,
): PhaseCode => {
  if (exchange.result === "TCP_HIT") exchange.result = "TCP_IMS_HIT";
  const before = object.memoryBytes;
  const prepared = preparedNotModified(object, context);
  if (object.memoryBytes !== before) exchange.connection.server.parts.cache.resized(context.vhost.cache, object);
  return sendPrepared(exchange, prepared, decision, false, 304);
};

/** The prepared bytes, whole or head only; what the kernel has not taken at once holds the buffer. */
const sendPrepared = (
  exchange: Exchange,
  prepared: PreparedResponse,
  decision: ConnectionDecision,
  withBody: boolean,
  status = exchange.object?.status ?? 200,
): PhaseCode => {
  const { connection, vhost } = exchange;
  const { socket } = connection;
  const { buffer, headBytes } = prepared;
  const bodyBytes = withBody ? buffer.length - headBytes : 0;
  exchange.bodyBytesSent = bodyBytes;
  if (decision === vhost?.standardConnection) {
    exchange.responding(status, headBytes);
    const data = withBody || buffer.length === headBytes ? buffer : buffer.subarray(0, headBytes);
    if (!socket.write(data)) connection.hold(prepared);
  } else if (bodyBytes <= COPY_BYTES && withBody && !connection.server.isEmergency) {
    const own = withConnection(prepared, decision, exchange.nowMs);
    exchange.responding(status, own.headBytes);
    socket.write(own.buffer);
  } else {
    const head = ownHead(prepared, decision, exchange.nowMs);
    exchange.responding(status, head.length);
    if (!withBody) socket.write(head);
    else if (!socket.writePair(head, buffer.subarray(headBytes))) connection.hold(prepared);
  }
  exchange.finish(decision.keepAlive);
  return PHASE.DONE;
};

/** The prepared head with other Connection lines. */
const ownHead = (prepared: PreparedResponse, decision: ConnectionDecision, nowMs: number): Buffer => {
  const front = prepared.buffer.toString("latin1", 0, prepared.connectionStart);
  return Buffer.from(`${front}${connectionLines(decision)}Date: ${formatHttpDate(nowMs)}\r\n\r\n`, "latin1");
};

const sendHead = (exchange: Exchange, status: number, head: Buffer, decision: ConnectionDecision): PhaseCode => {
  exchange.responding(status, head.length);
  exchange.connection.socket.write(head);
  exchange.finish(decision.keepAlive);
  return PHASE.DONE;
};

/** A body on disk: from the one that is kept open, else opened first; in emergency mode only what memory holds. */
const deliverStored = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  part: ByteRange,
  status: number,
  head: Buffer,
): PhaseCode => {
  const { openBody } = object;
  if (exchange.connection.server.isEmergency && !isLoaded(object, part)) return refuseForMemory(exchange);
  if (openBody === undefined) {
    void openAndDeliver(exchange, vhost, object, part, status, head);
    return PHASE.WAIT;
  }
  object.bodyUsedSecond = Math.floor(exchange.nowMs / 1000);
  const data = openBody.peek(part.start);
  if (data === undefined || data.length < part.end - part.start) {
    sendParted(exchange, vhost, openBody, part, status, head);
    return PHASE.WAIT;
  }
  const body = data.subarray(0, part.end - part.start);
  exchange.responding(status, head.length);
  exchange.bodyBytesSent = body.length;
  exchange.connection.socket.writePair(head, body);
  exchange.finish(exchange.connectionDecision.keepAlive);
  return PHASE.DONE;
};

/** In memory at least at its beginning; of a body with gaps, all that is asked for, since nothing is fetched. */
const isLoaded = ({ openBody, isPartial }: CachedObject, part: ByteRange): boolean => {
  const data = openBody?.peek(part.start);
  return data !== undefined && (!isPartial || data.length >= part.end - part.start);
};

/** One that turns out damaged is fetched anew. */
const openAndDeliver = async (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  part: ByteRange,
  status: number,
  head: Buffer,
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
      exchange.continueWith(ticket, PHASE.MISS);
      return;
    }
    sendParted(exchange, vhost, body, part, status, head);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/**
 * A body in a file of its own. Where the origin has another version by now, the request is answered with that, unless
 * the answer has begun; once: an origin that names another version at each request is none to wait for.
 */
const sendParted = (
  exchange: Exchange,
  vhost: ServedVhost,
  body: PartedBody,
  part: ByteRange,
  status: number,
  head: Buffer,
): void => {
  const { ticket } = exchange;
  const failed = (error: EdgeError): void => {
    if (!body.isLost || exchange.isAnew || !exchange.isCurrent(ticket)) {
      exchange.fail(ticket, error);
      return;
    }
    exchange.isAnew = true;
    exchange.object = undefined;
    exchange.continueWith(ticket, PHASE.MISS);
  };
  const view = body.view(part.start, part.end, partOrigin(exchange, vhost));
  const { keepAlive } = exchange.connectionDecision;
  new BodyPump(exchange, view, part, head, "length", keepAlive, { status, failed }).start();
};

/** A body that is still arriving, here or in another worker. */
const deliverGrowing = (exchange: Exchange, vhost: ServedVhost, source: BodySource, stored: StoredHead): PhaseCode => {
  const { options, originOptions } = vhost.settings;
  const decision = exchange.decideConnection();
  const total = source.totalBytes;
  const identity = { fields: stored.fields, storedAtMs: stored.storedAtMs, sizeBytes: Math.max(0, total) };
  // A generated ETag needs the length: without one, the first answer carries none (HTTP-19).
  const etagHeader = options.etagHeader && (total >= 0 || originOptions.originalETag);
  const clientOptions = { ...options, etagHeader, originalETag: originOptions.originalETag };
  const fields = selectClientFields(identity, clientOptions, exchange.connection.server.parts.product);
  const part = growingPart(exchange, vhost, stored, total);
  if (part === undefined) {
    const framing = `Content-Range: bytes */${total}\r\nContent-Length: 0\r\n`;
    return sendHead(exchange, 416, growingHead(exchange, 416, fields, framing, decision), decision);
  }
  const isPart = part.end >= 0 && (part.start > 0 || part.end < total);
  const status = isPart ? 206 : stored.status;
  const framing = framingOf(exchange, part.end);
  const lines = isPart ? rangeLines({ start: part.start, end: part.end }, total) : framingLines(framing, part.end);
  const keepAlive = decision.keepAlive && framing !== "close";
  const head = growingHead(exchange, status, fields, lines, keepAlive ? decision : CLOSING);
  if (exchange.isHead) return sendHead(exchange, status, head, keepAlive ? decision : CLOSING);
  exchange.responding(status, head.length);
  new BodyPump(exchange, source, part, head, framing, keepAlive).start();
  return PHASE.WAIT;
};

/** The part of a growing body that is asked for; undefined when it cannot be satisfied. `end` -1: to the unknown end. */
const growingPart = (
  exchange: Exchange,
  vhost: ServedVhost,
  stored: StoredHead,
  total: number,
): { readonly start: number; readonly end: number } | undefined => {
  const whole = { start: 0, end: total };
  if (total < 0 || (exchange.fields.flags & FIELD.RANGE) === 0 || exchange.methodCode !== METHOD.GET) return whole;
  const selected = { status: stored.status, etag: undefined, lastModifiedMs: lastModifiedOf(stored) };
  const { fields } = exchange;
  const range = decideRange(fields.get("range"), fields.get("if-range"), selected, total, vhost.settings.options);
  if (range.kind === "unsatisfiable") return undefined;
  if (range.kind === "full" || range.ranges.length !== 1) return whole;
  return range.ranges[0] ?? whole;
};

const growingHead = (
  exchange: Exchange,
  status: number,
  fields: readonly string[],
  framing: string,
  decision: ConnectionDecision,
): Buffer => {
  const lines = fieldLines(fields);
  const date = `Date: ${formatHttpDate(exchange.nowMs)}\r\n\r\n`;
  return Buffer.from(`${statusLine(status)}${lines}${framing}${connectionLines(decision)}${date}`, "latin1");
};

const framingOf = (exchange: Exchange, end: number): Framing => {
  if (end >= 0) return "length";
  return exchange.minorVersion === 1 ? "chunked" : "close";
};

const framingLines = (framing: Framing, end: number): string => {
  if (framing === "length") return `Content-Length: ${end}\r\n`;
  return framing === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
};

const rangeLines = (part: ByteRange, total: number): string =>
  `Content-Range: bytes ${part.start}-${part.end - 1}/${total}\r\nContent-Length: ${part.end - part.start}\r\n`;

const headContext = (exchange: Exchange, vhost: ServedVhost): HeadContext => {
  const { server } = exchange.connection;
  return { vhost, generation: server.state.generation, product: server.parts.product, nowMs: exchange.nowMs };
};
