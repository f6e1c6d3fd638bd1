import { type CachedObject, type ObjectCache, PASSING_ROOM_BYTES, type PreparedResponse } from "@basalt/cache";
import { type ByteRange, FIELD, METHOD } from "@basalt/http";
import { type ConnectionDecision, clientEtag, decideConditional, decideRange, etagMarkOf } from "@basalt/policy";
import { sendErrorPage } from "../delivery/errorResponse.ts";
import { dateMsOf } from "../delivery/moments.ts";
import {
  type HeadContext,
  headFrom,
  ownHead,
  preparedNotModified,
  preparedResponse,
  withConnection,
} from "../delivery/prepared.ts";
import { type Selection, selectedBytes, selectRanges, selectWhole } from "../delivery/selection.ts";
import type { Exchange } from "../exchange.ts";
import { finishWhenSent } from "../pacing/finishWhenSent.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { deliverGrowing } from "./deliverGrowing.ts";
import { deliverStored } from "./deliverStored.ts";
import { goneObject } from "./madeObject.ts";
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
  if (exchange.error?.code === "STORE_UNAVAILABLE" && exchange.mayAnswerAnew) return answerAnew(exchange);
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

/** A store that fails is no failure of the origin: the request is answered anew, the second time past the store. */
const answerAnew = (exchange: Exchange): PhaseCode => {
  exchange.storeFailures++;
  exchange.error = undefined;
  exchange.object = undefined;
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  return goneObject(exchange);
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
      : withConnection(prepared, decision, exchange).buffer;
  return deliverStored(exchange, vhost, object, selectWhole(object.status, head, object.bodyBytes));
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
  const head = isStandard ? prepared.buffer : ownHead(prepared, decision, exchange);
  const headBytes = isStandard ? prepared.headBytes : head.length;
  exchange.responding(exchange.object?.status ?? 200, headBytes, body.length);
  exchange.bodyBytesSent = body.length;
  exchange.isPassing = true;
  if (headBytes <= PASSING_ROOM_BYTES) {
    const whole = Buffer.from(body.buffer, body.byteOffset - headBytes, headBytes + body.length);
    head.copy(whole, 0, 0, headBytes);
    connection.socket.write(whole);
  } else {
    connection.socket.writePair(Buffer.from(head.subarray(0, headBytes)), body);
  }
  return finishWhenSent(exchange, decision.keepAlive);
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
    exchange.continueWith(ticket, isInMemory ? PHASE.DELIVER : goneObject(exchange));
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
  const { storedAtMs, bodyBytes: sizeBytes } = object;
  const stored = { fields: storedFields, storedAtMs, sizeBytes, etagMark: etagMarkOf(object) };
  const { cachingProfile } = options;
  const { originalETag } = originOptions;
  const etag = clientEtag(stored, { etagHeader: options.etagHeader && needsEtag, cachingProfile, originalETag });
  if (isPlainlyUnmodified(exchange, object, etag)) return sendNotModified(exchange, object, context, decision);
  const { lastModifiedMs, status } = object;
  // RFC 9111 4.3.2: Date stands for a Last-Modified that is missing.
  const dateMs = lastModifiedMs === undefined ? dateMsOf(vhost, object, exchange.nowMs) : undefined;
  const selected = { status, etag, lastModifiedMs, dateMs };
  const isFirst = exchange.result === "TCP_MISS";
  const outcome = decideConditional(methodCode, fields, selected, options, isFirst);
  if (outcome === "notModified") return sendNotModified(exchange, object, context, decision);
  const prepared = prepare(object, context, exchange.connection.server.parts.cache);
  if (outcome === "preconditionFailed") {
    return sendHead(exchange, 412, headFrom(prepared, 412, "Content-Length: 0\r\n", decision, exchange), decision);
  }
  if (methodCode !== METHOD.GET) return undefined;
  const { ranges: most } = exchange.connection.server.state.limits;
  const range = decideRange(fields.get("range"), fields.get("if-range"), selected, object.bodyBytes, options, most);
  if (range.kind === "full") return undefined;
  if (range.kind === "unsatisfiable") {
    const framing = `Content-Range: bytes */${object.bodyBytes}\r\nContent-Length: 0\r\n`;
    return sendHead(exchange, 416, headFrom(prepared, 416, framing, decision, exchange), decision);
  }
  return deliverRanges(exchange, vhost, object, range.ranges, prepared, decision);
};

/** One range as it is, several as multipart/byteranges (HTTP-31); at least one is given. */
const deliverRanges = (
  exchange: Exchange,
  vhost: ServedVhost,
  object: CachedObject,
  ranges: readonly ByteRange[],
  prepared: PreparedResponse,
  decision: ConnectionDecision,
): PhaseCode => {
  const selection = selectRanges(ranges, object.bodyBytes, (framing) =>
    headFrom(prepared, 206, framing, decision, exchange),
  );
  exchange.bodyStart = selection.kind === "run" ? selection.part.start : -1;
  const mayLoad = isLoadable(exchange, object);
  const whole = mayLoad ? exchange.connection.server.parts.cache.stored.bodyNow(vhost.cache, object) : object.body;
  if (whole !== undefined) return sendSelection(exchange, selection, whole, !object.hasBody);
  if (mayLoad) {
    void promote(exchange, vhost, object);
    return PHASE.WAIT;
  }
  return deliverStored(exchange, vhost, object, selection);
};

/** Out of a body in memory, in one write; `isUsedAgain`: by the cache, once this has been sent (`bodyNow`). */
const sendSelection = (exchange: Exchange, selection: Selection, whole: Buffer, isUsedAgain: boolean): PhaseCode => {
  const body = selectedBytes(selection, whole);
  exchange.responding(selection.status, selection.head.length, body.length);
  exchange.bodyBytesSent = body.length;
  exchange.isPassing = isUsedAgain && selection.kind === "run";
  exchange.connection.socket.writePair(selection.head, body);
  return finishWhenSent(exchange, exchange.connectionDecision.keepAlive);
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

/** A write of so much takes about as long as the figures tell apart, 0.01 ms. */
const AT_ONCE_BYTES = 16 * 1024;

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
  const length = status === 304 || status === 204 ? -1 : (exchange.object?.bodyBytes ?? bodyBytes);
  if (decision === vhost?.standardConnection) {
    if (buffer.length <= AT_ONCE_BYTES && !connection.isPaced) exchange.respondingAtOnce(status, headBytes, length);
    else exchange.responding(status, headBytes, length);
    const data = withBody || buffer.length === headBytes ? buffer : buffer.subarray(0, headBytes);
    if (!socket.write(data)) connection.hold(prepared);
  } else if (bodyBytes <= COPY_BYTES && withBody && !connection.server.isEmergency) {
    const own = withConnection(prepared, decision, exchange);
    exchange.responding(status, own.headBytes, length);
    socket.write(own.buffer);
  } else {
    const head = ownHead(prepared, decision, exchange);
    exchange.responding(status, head.length, length);
    if (!withBody) socket.write(head);
    else if (!socket.writePair(head, buffer.subarray(headBytes))) connection.hold(prepared);
  }
  return finishWhenSent(exchange, decision.keepAlive);
};

const sendHead = (exchange: Exchange, status: number, head: Buffer, decision: ConnectionDecision): PhaseCode => {
  exchange.responding(status, head.length, 0);
  exchange.connection.socket.write(head);
  exchange.finish(decision.keepAlive);
  return PHASE.DONE;
};

const headContext = (exchange: Exchange, vhost: ServedVhost): HeadContext => {
  const { server } = exchange.connection;
  return { vhost, generation: server.state.generation, product: server.parts.product, nowMs: exchange.nowMs };
};
