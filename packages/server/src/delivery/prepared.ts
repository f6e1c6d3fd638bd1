import type { CachedObject, PreparedResponse } from "@basalt/cache";
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
  const prepared = object.prepared;
  if (prepared !== undefined && refresh(prepared, object, context)) return prepared;
  const length = `Content-Length: ${object.bodyBytes}\r\n`;
  const made = build(
    object,
    context,
    statusLine(object.head.status),
    clientFields(object, context),
    length,
    object.body,
  );
  object.prepared = made;
  if (object.body !== undefined) object.body = made.buffer.subarray(made.headBytes);
  return made;
};

/** Head for a response that is sent once, by itself. */
export const singleHead = (object: CachedObject, context: HeadContext, connection: ConnectionDecision): Buffer => {
  const { vhost, nowMs } = context;
  let lines = fieldLines(clientFields(object, context));
  if (vhost.settings.options.ageHeader) lines += `Age: ${ageOf(object, nowMs)}\r\n`;
  const framing = `Content-Length: ${object.bodyBytes}\r\n${connectionLines(connection)}`;
  const text = `${statusLine(object.head.status)}${lines}${framing}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  return Buffer.from(text, "latin1");
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
  const made = build(object, context, statusLine(304), kept, "", undefined);
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
  const tail = `${connectionLines(connection)}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  const headBytes = prepared.connectionStart + tail.length;
  const buffer = Buffer.allocUnsafe(headBytes + prepared.buffer.length - prepared.headBytes);
  prepared.buffer.copy(buffer, 0, 0, prepared.connectionStart);
  buffer.write(tail, prepared.connectionStart, "latin1");
  prepared.buffer.copy(buffer, headBytes, prepared.headBytes);
  return { buffer, headBytes };
};

export const statusLine = (status: number): string => `HTTP/1.1 ${status} ${statusReason(status)}\r\n`;

/** Fields of the object that clients see (policy), with Vary where a compressed form exists beside it (HTTP-62). */
const clientFields = (object: CachedObject, { vhost, product }: HeadContext): string[] => {
  const { options, originOptions } = vhost.settings;
  const { head } = object;
  const stored = { fields: head.fields, storedAtMs: head.storedAtMs, sizeBytes: object.bodyBytes };
  const fields = selectClientFields(stored, { ...options, originalETag: originOptions.originalETag }, product);
  const source = { status: head.status, fields: head.fields, sizeBytes: object.bodyBytes };
  return vhost.compression?.(head.url, source) === undefined ? fields : withVaryOnEncoding(fields);
};

const build = (
  object: CachedObject,
  { vhost, generation, nowMs }: HeadContext,
  status: string,
  fields: readonly string[],
  framing: string,
  body: Buffer | undefined,
): PreparedResponse => {
  let lines = fieldLines(fields);
  if (vhost.settings.options.ageHeader) lines += `Age: ${ageOf(object, nowMs)}\r\n`;
  const connection = vhost.standardConnection === undefined ? "" : connectionLines(vhost.standardConnection);
  const head = `${status}${lines}${framing}${connection}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  const buffer = Buffer.allocUnsafeSlow(head.length + (body?.length ?? 0));
  buffer.write(head, 0, "latin1");
  body?.copy(buffer, head.length);
  return {
    buffer,
    headBytes: head.length,
    fieldsStart: status.length,
    fieldsEnd: status.length + lines.length,
    connectionStart: status.length + lines.length + framing.length,
    generation,
    second: Math.floor(nowMs / 1000),
    holds: 0,
  };
};

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
const writeAge = (prepared: PreparedResponse, age: number): boolean => {
  const line = `Age: ${age}\r\n`;
  const start = prepared.fieldsEnd - line.length;
  if (prepared.buffer.toString("latin1", start, start + 5) !== "Age: ") return false;
  prepared.buffer.write(line, start, "latin1");
  return true;
};

const ageOf = (object: CachedObject, nowMs: number): number =>
  currentAge(object.head.initialAgeSeconds, object.head.storedAtMs, nowMs);

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
