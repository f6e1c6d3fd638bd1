import { type BodySource, lastModifiedOf, type StoredHead } from "@basalt/cache";
import { type ByteRange, coalesceRanges, FIELD, METHOD } from "@basalt/http";
import {
  type ConnectionDecision,
  clientEtag,
  decideConditional,
  decideRange,
  selectClientFields,
} from "@basalt/policy";
import { BodyPump, type Framing, type Unbegun } from "../delivery/bodyPump.ts";
import { statusLineOf } from "../delivery/cacheStatus.ts";
import { CLOSING, connectionLines, fieldLines } from "../delivery/fieldLines.ts";
import { ageOf, dateOf } from "../delivery/moments.ts";
import { pumpMultipart } from "../delivery/multipartPump.ts";
import { NOT_MODIFIED_FIELDS, statusLine } from "../delivery/prepared.ts";
import { expiringFields, ruledFields } from "../delivery/responseFields.ts";
import { contentLengthOf, selectRanges } from "../delivery/selection.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** What is known of an answer while its body still arrives. */
interface GrowingAnswer {
  readonly stored: StoredHead;
  readonly source: BodySource;
  /** As this client gets them, without framing. */
  readonly fields: readonly string[];
  readonly date: string;
  readonly etag: string | undefined;
  /** -1: the end is unknown. */
  readonly totalBytes: number;
}

/**
 * A body that is still arriving, here or in another worker. Conditions and ranges hold as for a stored one, as far as
 * its length is known; conditions in the way that holds for the answer that fills the cache (HTTP-27, TTL-35).
 */
export const deliverGrowing = (
  exchange: Exchange,
  vhost: ServedVhost,
  source: BodySource,
  stored: StoredHead,
): PhaseCode => {
  const answer = growingAnswer(exchange, vhost, source, stored);
  const decision = exchange.decideConnection();
  const { options } = vhost.settings;
  const { fields, methodCode } = exchange;
  const selected = { status: stored.status, etag: answer.etag, lastModifiedMs: lastModifiedOf(stored) };
  switch (decideConditional(methodCode, fields, selected, options, true)) {
    case "notModified":
      return sendHead(exchange, 304, { ...answer, fields: repeatedFields(answer.fields) }, "", decision);
    case "preconditionFailed":
      return sendHead(exchange, 412, answer, "Content-Length: 0\r\n", decision);
    case "full":
      break;
  }
  if (answer.totalBytes >= 0 && methodCode === METHOD.GET && (fields.flags & FIELD.RANGE) !== 0) {
    const { totalBytes } = answer;
    const { ranges: most } = exchange.connection.server.state.limits;
    const range = decideRange(fields.get("range"), fields.get("if-range"), selected, totalBytes, options, most);
    if (range.kind === "unsatisfiable") {
      const framing = `Content-Range: bytes */${totalBytes}\r\nContent-Length: 0\r\n`;
      return sendHead(exchange, 416, answer, framing, decision);
    }
    if (range.kind === "partial") return sendRanges(exchange, answer, range.ranges, decision);
  }
  return sendWhole(exchange, answer, decision);
};

const growingAnswer = (
  exchange: Exchange,
  vhost: ServedVhost,
  source: BodySource,
  stored: StoredHead,
): GrowingAnswer => {
  const { options, originOptions } = vhost.settings;
  const { totalBytes } = source;
  const identity = { fields: stored.fields, storedAtMs: stored.storedAtMs, sizeBytes: Math.max(0, totalBytes) };
  // A generated ETag needs the length: without one, the first answer carries none (HTTP-19).
  const etagHeader = options.etagHeader && (totalBytes >= 0 || originOptions.originalETag);
  const clientOptions = { ...options, etagHeader, originalETag: originOptions.originalETag };
  const selected = selectClientFields(identity, clientOptions, exchange.connection.server.parts.product);
  if (options.ageHeader) {
    selected.push("Age", String(ageOf(stored, exchange.nowMs)));
  }
  const fields = expiringFields(vhost, exchange.url, stored.status, selected, exchange.nowMs);
  const date = dateOf(vhost, stored, exchange.nowMs);
  return { stored, source, fields, date, etag: clientEtag(identity, clientOptions), totalBytes };
};

const sendWhole = (exchange: Exchange, answer: GrowingAnswer, decision: ConnectionDecision): PhaseCode => {
  const { source, stored, totalBytes } = answer;
  const framing = framingOf(exchange, totalBytes);
  const keepAlive = decision.keepAlive && framing !== "close";
  const connection = keepAlive ? decision : CLOSING;
  const lines = stored.status === 204 ? "" : framingLines(framing, totalBytes);
  if (exchange.isHead) return sendHead(exchange, stored.status, answer, lines, connection);
  const head = growingHead(exchange, stored.status, answer, lines, connection);
  const unbegun = unbegunOf(exchange, stored.status, head, totalBytes);
  new BodyPump(exchange, source, { part: { start: 0, end: totalBytes }, head, framing, keepAlive, unbegun }).start();
  return PHASE.WAIT;
};

/**
 * In the order in which they arrive, since a body that is not kept passes only once; those that overlap are joined
 * (RFC 9110 15.3.7.2).
 */
const sendRanges = (
  exchange: Exchange,
  answer: GrowingAnswer,
  asked: readonly ByteRange[],
  decision: ConnectionDecision,
): PhaseCode => {
  const { source, totalBytes } = answer;
  const { keepAlive } = decision;
  const ranges = asked.length === 1 ? asked : coalesceRanges(asked).toSorted((one, other) => one.start - other.start);
  const selection = selectRanges(ranges, totalBytes, (framing) =>
    growingHead(exchange, 206, answer, framing, decision),
  );
  exchange.bodyStart = selection.kind === "run" ? selection.part.start : -1;
  const unbegun = unbegunOf(exchange, 206, selection.head, contentLengthOf(selection));
  if (selection.kind === "multipart") {
    pumpMultipart(exchange, { ...selection, keepAlive, unbegun, sourceOf: () => source });
  } else {
    const { head, part } = selection;
    new BodyPump(exchange, source, { part, head, framing: "length", keepAlive, unbegun }).start();
  }
  return PHASE.WAIT;
};

/** A body that fails before any of it was sent is answered anew, or with an error page. */
const unbegunOf = (exchange: Exchange, status: number, head: Buffer, contentLength: number): Unbegun => {
  const { ticket } = exchange;
  return { status, headBytes: head.length, contentLength, failed: (error) => exchange.fail(ticket, error) };
};

const sendHead = (
  exchange: Exchange,
  status: number,
  answer: GrowingAnswer,
  framing: string,
  decision: ConnectionDecision,
): PhaseCode => {
  const head = growingHead(exchange, status, answer, framing, decision);
  exchange.responding(status, head.length, framing === "" ? -1 : Math.max(-1, status < 300 ? answer.totalBytes : 0));
  exchange.connection.socket.write(head);
  exchange.finish(decision.keepAlive);
  return PHASE.DONE;
};

const growingHead = (
  exchange: Exchange,
  status: number,
  { fields, date: moment }: GrowingAnswer,
  framing: string,
  decision: ConnectionDecision,
): Buffer => {
  const own = exchange.ownFields.length === 0 ? fields : [...fields, ...exchange.ownFields];
  const told = exchange.vhost === undefined ? "" : statusLineOf(exchange, exchange.vhost);
  const lines = `${fieldLines(ruledFields(exchange, status, own))}${told}`;
  const date = `Date: ${moment}\r\n\r\n`;
  return Buffer.from(`${statusLine(status)}${lines}${framing}${connectionLines(decision)}${date}`, "latin1");
};

const repeatedFields = (fields: readonly string[]): string[] => {
  const repeated: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (NOT_MODIFIED_FIELDS.has(name.toLowerCase())) repeated.push(name, fields[index + 1] ?? "");
  }
  return repeated;
};

const framingOf = (exchange: Exchange, end: number): Framing => {
  if (end >= 0) return "length";
  return exchange.minorVersion === 1 ? "chunked" : "close";
};

const framingLines = (framing: Framing, end: number): string => {
  if (framing === "length") return `Content-Length: ${end}\r\n`;
  return framing === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
};
