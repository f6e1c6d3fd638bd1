import type { CachedObject, PreparedResponse, ResponseHead } from "@basalt/cache";
import { formatHttpDate, statusReason } from "@basalt/http";
import { type ConnectionDecision, currentAge, selectClientFields, withVaryOnEncoding } from "@basalt/policy";
import type { EdgeServerParts } from "../edgeServer.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { connectionLines, fieldLines } from "./fieldLines.ts";

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
  const framing = `Content-Length: ${object.bodyBytes}\r\n`;
  object.prepare(makeHead(object, context, statusLine(object.status), clientFields(object, context), framing));
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
  const made = new PreparedHead(makeHead(object, context, statusLine(304), kept, ""));
  object.preparedNotModified = made;
  return made;
};

/** A head with other framing or Connection lines than the prepared one has; `framing` is whole lines. */
export const headFrom = (
  prepared: PreparedResponse,
  status: number,
  framing: string,
  connection: ConnectionDecision,
  nowMs: number,
): Buffer => {
  const fields = prepared.buffer.toString("latin1", prepared.fieldsStart, prepared.fieldsEnd);
  const text = `${statusLine(status)}${fields}${framing}${connectionLines(connection)}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  return Buffer.from(text, "latin1");
};

/** The prepared response with other Connection lines; the body, where it is in the buffer, is copied along. */
export const withConnection = (
  prepared: PreparedResponse,
  connection: ConnectionDecision,
  nowMs: number,
): { readonly buffer: Buffer; readonly headBytes: number } => {
  const { buffer: source, connectionStart } = prepared;
  const tail = `${connectionLines(connection)}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  const headBytes = connectionStart + tail.length;
  const buffer = Buffer.allocUnsafe(headBytes + source.length - prepared.headBytes);
  source.copy(buffer, 0, 0, connectionStart);
  buffer.write(tail, connectionStart, "latin1");
  source.copy(buffer, headBytes, prepared.headBytes);
  return { buffer, headBytes };
};

export const statusLine = (status: number): string => `HTTP/1.1 ${status} ${statusReason(status)}\r\n`;

/** Fields of the object that clients see (policy), with Vary where a compressed form exists beside it (HTTP-62). */
const clientFields = (object: CachedObject, { vhost, product }: HeadContext): string[] => {
  const { options, originOptions } = vhost.settings;
  const { fields: storedFields, storedAtMs, status, bodyBytes: sizeBytes } = object;
  const stored = { fields: storedFields, storedAtMs, sizeBytes };
  const fields = selectClientFields(stored, { ...options, originalETag: originOptions.originalETag }, product);
  const source = { status, fields: storedFields, sizeBytes };
  return vhost.compression?.(object.url, source) === undefined ? fields : withVaryOnEncoding(fields);
};

const makeHead = (
  object: CachedObject,
  { vhost, generation, nowMs }: HeadContext,
  status: string,
  fields: readonly string[],
  framing: string,
): ResponseHead => {
  let lines = fieldLines(fields);
  if (vhost.settings.options.ageHeader) lines += `Age: ${ageOf(object, nowMs)}\r\n`;
  const connection = vhost.standardConnection === undefined ? "" : connectionLines(vhost.standardConnection);
  return {
    fields,
    text: `${status}${lines}${framing}${connection}Date: ${formatHttpDate(nowMs)}\r\n\r\n`,
    fieldsStart: status.length,
    fieldsEnd: status.length + lines.length,
    connectionStart: status.length + lines.length + framing.length,
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
  if (prepared.holds > 0) return false;
  if (vhost.settings.options.ageHeader && !writeAge(prepared, ageOf(object, nowMs))) return false;
  prepared.buffer.write(formatHttpDate(nowMs), prepared.headBytes - DATE_AND_END_BYTES, "latin1");
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

const ageOf = (object: CachedObject, nowMs: number): number =>
  currentAge(object.initialAgeSeconds, object.storedAtMs, nowMs);

const NOT_MODIFIED_FIELDS: ReadonlySet<string> = new Set([
  "cache-control",
  "content-location",
  "etag",
  "expires",
  "last-modified",
  "server",
  "vary",
  "via",
]);
