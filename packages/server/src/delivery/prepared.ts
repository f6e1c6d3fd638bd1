import type { CachedObject, PreparedResponse, ResponseHead } from "@basalt/cache";
import { formatHttpDate, statusReason } from "@basalt/http";
import { type ConnectionDecision, etagMarkOf, selectClientFields, withVaryOnEncoding } from "@basalt/policy";
import type { EdgeServerParts } from "../edgeServer.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { hitStatusLine, ownLines } from "./cacheStatus.ts";
import { connectionLines, fieldLines } from "./fieldLines.ts";
import { ageOf, dateOf } from "./moments.ts";
import { constantFields, expiringFields, hasRulesPerResponse, ruledLines } from "./responseFields.ts";

/** Length of an IMF-fixdate, and of it with the line end and the empty line that follow it at the end of each head. */
const DATE_BYTES = 29;
const DATE_AND_END_BYTES = DATE_BYTES + 4;

/** What the head of a stored response depends on beside the object. */
export interface HeadContext {
  readonly vhost: ServedVhost;
  readonly generation: number;
  readonly product: EdgeServerParts["product"];
  readonly nowMs: number;
}

/** The object's 200 (or whatever its status is), current to the second. */
export const preparedResponse = (object: CachedObject, context: HeadContext): PreparedResponse => {
  const { prepared } = object;
  if (prepared !== undefined && refresh(prepared, object, context)) return prepared;
  // RFC 9110 8.6: none in a 204.
  const framing = object.status === 204 ? "" : `Content-Length: ${object.bodyBytes}\r\n`;
  object.prepare(makeHead(object, context, object.status, clientFields(object, context), framing));
  return object;
};

/** The object's 304 (RFC 9110 15.4.5), current to the second. */
export const preparedNotModified = (object: CachedObject, context: HeadContext): PreparedResponse => {
  const prepared = object.preparedNotModified;
  if (prepared !== undefined && refresh(prepared, object, context)) return prepared;
  const fields = clientFields(object, context);
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (NOT_MODIFIED_FIELDS.has(name.toLowerCase())) kept.push(name, fields[index + 1] ?? "");
  }
  const made = new PreparedHead(makeHead(object, context, 304, kept, ""));
  object.preparedNotModified = made;
  return made;
};

/** A head with other framing or Connection lines than the prepared one has; `framing` is whole lines. */
export const headFrom = (
  prepared: PreparedResponse,
  status: number,
  framing: string,
  connection: ConnectionDecision,
  exchange: Exchange,
): Buffer => {
  const fields = leavingFields(prepared, status, exchange);
  return Buffer.from(`${statusLine(status)}${fields}${framing}${endOfHead(prepared, connection)}`, "latin1");
};

/** The prepared head for this request alone: with its Connection lines, and what rules say of it by itself. */
export const ownHead = (prepared: PreparedResponse, connection: ConnectionDecision, exchange: Exchange): Buffer =>
  Buffer.from(`${ownFront(prepared, exchange)}${endOfHead(prepared, connection)}`, "latin1");

/** As `ownHead`; the body, where it is in the buffer, is copied along. */
export const withConnection = (
  prepared: PreparedResponse,
  connection: ConnectionDecision,
  exchange: Exchange,
): { readonly buffer: Buffer; readonly headBytes: number } => {
  const { buffer: source } = prepared;
  const head = `${ownFront(prepared, exchange)}${endOfHead(prepared, connection)}`;
  const buffer = Buffer.allocUnsafe(head.length + source.length - prepared.headBytes);
  buffer.write(head, 0, "latin1");
  source.copy(buffer, head.length, prepared.headBytes);
  return { buffer, headBytes: head.length };
};

const endOfHead = ({ buffer, headBytes }: PreparedResponse, connection: ConnectionDecision): string =>
  `${connectionLines(connection)}Date: ${buffer.toString("latin1", headBytes - DATE_AND_END_BYTES, headBytes)}`;

/** Where the three digits stand in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;

/** All of the head up to its Connection lines. */
const ownFront = (prepared: PreparedResponse, exchange: Exchange): string => {
  const { buffer, fieldsStart, fieldsEnd, connectionStart } = prepared;
  if (exchange.vhost === undefined || !(exchange.needsOwnHead || hasRulesPerResponse(exchange.vhost))) {
    return buffer.toString("latin1", 0, connectionStart);
  }
  const status = Number(buffer.toString("latin1", STATUS_AT, STATUS_AT + 3));
  const fields = leavingFields(prepared, status, exchange);
  return `${buffer.toString("latin1", 0, fieldsStart)}${fields}${buffer.toString("latin1", fieldsEnd, connectionStart)}`;
};

/** The lines between status line and framing; rules that are the same for all responses have made theirs already. */
const leavingFields = (prepared: PreparedResponse, status: number, exchange: Exchange): string => {
  const { vhost } = exchange;
  const standing = prepared.buffer.toString("latin1", prepared.fieldsStart, prepared.fieldsEnd);
  if (vhost === undefined) return standing;
  const lines = exchange.needsOwnHead ? ownLines(exchange, vhost, standing) : standing;
  return hasRulesPerResponse(vhost) ? ruledLines(exchange, status, lines) : lines;
};

export const statusLine = (status: number): string => `HTTP/1.1 ${status} ${statusReason(status)}\r\n`;

/** Fields of the object that clients see (policy), with Vary where a compressed form exists beside it (HTTP-62). */
const clientFields = (object: CachedObject, { vhost, product, nowMs }: HeadContext): readonly string[] => {
  const { options, originOptions } = vhost.settings;
  const { fields: storedFields, storedAtMs, status, bodyBytes: sizeBytes } = object;
  const stored = { fields: storedFields, storedAtMs, sizeBytes, etagMark: etagMarkOf(object) };
  const fields = selectClientFields(stored, { ...options, originalETag: originOptions.originalETag }, product);
  const source = { status, fields: storedFields, sizeBytes };
  const varying = vhost.compression?.(object.url, source) === undefined ? fields : withVaryOnEncoding(fields);
  return expiringFields(vhost, object.url, status, varying, nowMs);
};

const makeHead = (
  object: CachedObject,
  { vhost, generation, product, nowMs }: HeadContext,
  status: number,
  unruledFields: readonly string[],
  framing: string,
): ResponseHead => {
  const start = statusLine(status);
  const fields = constantFields(vhost, object.url, status, unruledFields);
  let lines = `${fieldLines(fields)}${hitStatusLine(vhost, product)}`;
  if (vhost.settings.options.ageHeader) lines += `Age: ${ageOf(object, nowMs)}\r\n`;
  const connection = vhost.standardConnection === undefined ? "" : connectionLines(vhost.standardConnection);
  return {
    fields,
    text: `${start}${lines}${framing}${connection}Date: ${dateOf(vhost, object, nowMs)}\r\n\r\n`,
    fieldsStart: start.length,
    fieldsEnd: start.length + lines.length,
    connectionStart: start.length + lines.length + framing.length,
    generation,
    second: Math.floor(nowMs / 1000),
  };
};

/** A response without a body, in memory of its own. */
class PreparedHead implements PreparedResponse {
  readonly buffer: Buffer;
  readonly headBytes: number;
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  readonly connectionStart: number;
  readonly generation: number;
  second: number;
  holds = 0;

  constructor(head: ResponseHead) {
    this.buffer = Buffer.allocUnsafeSlow(head.text.length);
    this.buffer.write(head.text, 0, "latin1");
    this.headBytes = head.text.length;
    this.fieldsStart = head.fieldsStart;
    this.fieldsEnd = head.fieldsEnd;
    this.connectionStart = head.connectionStart;
    this.generation = head.generation;
    this.second = head.second;
  }

  hold(): () => void {
    this.holds++;
    return () => {
      this.holds--;
    };
  }
}

/** True when the response is right as it is, or could be made so in place. */
const refresh = (
  prepared: PreparedResponse,
  object: CachedObject,
  { vhost, generation, nowMs }: HeadContext,
): boolean => {
  if (prepared.generation !== generation) return false;
  const second = Math.floor(nowMs / 1000);
  if (prepared.second === second) return true;
  // Fields that expires.txt has made count from the second of the request (HTTP-16).
  if (prepared.holds > 0 || vhost.expiresRules !== undefined) return false;
  if (vhost.settings.options.ageHeader && !writeAge(prepared, ageOf(object, nowMs))) return false;
  const isDatedHere = vhost.cache.rules.profile === "guide";
  if (isDatedHere) prepared.buffer.write(formatHttpDate(nowMs), prepared.headBytes - DATE_AND_END_BYTES, "latin1");
  prepared.second = second;
  return true;
};

/** Age is the last of the fields: it can be written over while its number of digits stays. */
const writeAge = ({ buffer, fieldsEnd }: PreparedResponse, age: number): boolean => {
  const line = `Age: ${age}\r\n`;
  const start = fieldsEnd - line.length;
  if (buffer.toString("latin1", start, start + 5) !== "Age: ") return false;
  buffer.write(line, start, "latin1");
  return true;
};

/** What a 304 repeats of the 200 (RFC 9110 15.4.5). */
export const NOT_MODIFIED_FIELDS: ReadonlySet<string> = new Set([
  "cache-control",
  "content-location",
  "etag",
  "expires",
  "last-modified",
  "server",
  "vary",
  "via",
]);
