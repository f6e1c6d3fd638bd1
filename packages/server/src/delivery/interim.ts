import { removeHopByHop, statusReason } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import { fieldLines } from "./fieldLines.ts";

/**
 * Passes an interim response on (RFC 9110 15.2). 100 Continue is between neighbours and 101 is no interim one here;
 * HTTP/1.0 clients know none, and none may follow the head of the response.
 */
export const sendInterim = (exchange: Exchange, status: number, fields: readonly string[]): void => {
  if (status <= 101 || exchange.minorVersion === 0 || exchange.headBytesSent > 0) return;
  const lines = fieldLines(withoutLength(removeHopByHop(fields)));
  const text = `HTTP/1.1 ${status} ${statusReason(status)}\r\n${lines}\r\n`;
  exchange.connection.socket.write(Buffer.from(text, "latin1"));
};

/** RFC 9110 8.6: a client that believed it would take the response for content. */
const withoutLength = (fields: readonly string[]): string[] =>
  fields.filter((_, index) => fields[index - (index % 2)]?.toLowerCase() !== "content-length");
