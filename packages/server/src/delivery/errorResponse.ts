import { formatHttpDate } from "@basalt/http";
import { viaValue } from "@basalt/policy";
import { ERROR_CODES, type ErrorCode } from "@basalt/types";
import type { Connection } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { connectionLines } from "./fieldLines.ts";
import { statusLine } from "./prepared.ts";
import { ruledLines } from "./responseFields.ts";

/** An answer that left without an exchange. */
export interface Rejected {
  readonly status: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
}

/**
 * Answers bytes that are no request, or none that may be answered otherwise, and ends the connection. Undefined where
 * that is done without a word.
 */
export const rejectConnection = (connection: Connection, code: ErrorCode): Rejected | undefined => {
  const { status, message } = ERROR_CODES[code];
  if (status === 0) {
    connection.destroy();
    return undefined;
  }
  const now = connection.server.parts.clock.now();
  const body = errorPage(status, message);
  const text = `${statusLine(status)}${PAGE_FIELDS}Content-Length: ${body.length}\r\nConnection: close\r\nDate: ${formatHttpDate(now)}\r\n\r\n${body}`;
  connection.socket.write(Buffer.from(text, "latin1"));
  connection.close();
  return { status, headBytes: text.length - body.length, bodyBytes: body.length };
};

/** The page that states the reason (HTTP-39, TTL-18); a HEAD gets its head. */
export const sendErrorPage = (exchange: Exchange, code: ErrorCode): void => {
  const traits = ERROR_CODES[code];
  if (traits.status === 0) {
    exchange.abort();
    return;
  }
  const status = exchange.errorStatus === 0 ? errorStatusOf(exchange, code) : exchange.errorStatus;
  const fields = code === "TRANSFORM_OVERLOADED" ? `${PAGE_FIELDS}${RETRY_SOON}` : PAGE_FIELDS;
  sendPage(
    exchange,
    status,
    fields,
    errorPage(status, exchange.errorText === "" ? traits.message : exchange.errorText),
  );
};

/** By the guide an origin that fails is a 500 (TTL-18); a gateway has words of its own for it (RFC 9110 15.6.3, 15.6.5). */
const errorStatusOf = ({ vhost }: Exchange, code: ErrorCode): number => {
  const { side, status } = ERROR_CODES[code];
  if (side !== "origin" || vhost === undefined || vhost.cache.rules.profile === "guide") return status;
  return TIMEOUTS.has(code) ? 504 : 502;
};

const TIMEOUTS: ReadonlySet<ErrorCode> = new Set(["ORIGIN_CONNECT_TIMEOUT", "ORIGIN_RECEIVE_TIMEOUT"]);

/** A short answer made here. `fields` are whole lines. */
export const sendPage = (exchange: Exchange, status: number, fields: string, body: string): void => {
  const { connection, nowMs, vhost } = exchange;
  const decision = exchange.decideConnection();
  const via = vhost === undefined ? undefined : viaValue(vhost.settings.options, connection.server.parts.product);
  const lines = ruledLines(exchange, status, via === undefined ? fields : `${fields}Via: ${via}\r\n`);
  const head = `${statusLine(status)}${lines}Content-Length: ${Buffer.byteLength(body)}\r\n${connectionLines(decision)}Date: ${formatHttpDate(nowMs)}\r\n\r\n`;
  exchange.responding(status, head.length, Buffer.byteLength(body));
  if (exchange.isHead) {
    connection.socket.write(Buffer.from(head, "latin1"));
  } else {
    const bytes = Buffer.from(body, "utf8");
    exchange.bodyBytesSent = bytes.length;
    connection.socket.writePair(Buffer.from(head, "latin1"), bytes);
  }
  exchange.finish(decision.keepAlive);
};

/** A queue that is full now will have room again. */
const RETRY_SOON = "Retry-After: 1\r\n";

const PAGE_FIELDS = "Content-Type: text/html; charset=utf-8\r\n";

const errorPage = (status: number, message: string): string => {
  const title = statusLine(status).slice("HTTP/1.1 ".length).trim();
  return `<!doctype html>\n<html lang="en"><head><title>${title}</title></head>\n<body><h1>${title}</h1><p>${message}</p></body></html>\n`;
};
