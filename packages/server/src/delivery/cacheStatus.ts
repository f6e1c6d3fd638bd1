import { METHOD } from "@basalt/http";
import { type CacheStatus, cacheStatusMember, type ProductIdentity } from "@basalt/policy";
import { type CacheResult, HIT_RESULTS } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { fieldLines } from "./fieldLines.ts";

const line = (status: CacheStatus): string => `Cache-Status: ${cacheStatusMember(status)}\r\n`;

/** The line of Cache-Status in prepared responses, which are hits; empty where none is sent (RFC 9211). */
export const hitStatusLine = (vhost: ServedVhost, product: ProductIdentity): string =>
  vhost.settings.options.cacheStatusHeader ? line({ cacheName: product.name, outcome: "hit" }) : "";

/** The line for the response to this request; empty where none is sent. */
export const statusLineOf = (exchange: Exchange, vhost: ServedVhost): string => {
  if (!vhost.settings.options.cacheStatusHeader) return "";
  const forwarded = forwardingOf(exchange);
  const cacheName = exchange.connection.server.parts.product.name;
  return forwarded === undefined ? "" : line({ cacheName, ...forwarded });
};

const forwardingOf = ({
  result,
  isPassed,
  name,
  url,
  methodCode,
}: Exchange): Omit<CacheStatus, "cacheName"> | undefined => {
  switch (result) {
    case "TCP_HIT":
    case "TCP_IMS_HIT":
    case "TCP_NEGATIVE_HIT":
    case "TCP_REDIRECT_HIT":
      return { outcome: "hit" };
    case "TCP_REFRESH_HIT":
      return { outcome: "stale", fwdStatus: 304 };
    case "TCP_REF_FAIL_HIT":
      return { outcome: "stale", detail: "origin-failed" };
    case "TCP_MISS":
      return { outcome: name === url ? "uri-miss" : "vary-miss", isStored: !isPassed };
    case "TCP_REFRESH_MISS":
      return { outcome: "stale", isStored: !isPassed };
    case "TCP_CLIENT_REFRESH_MISS":
      return { outcome: methodCode === METHOD.GET ? "bypass" : "method" };
    case "TCP_NONE":
    case "TCP_DENIED":
    case "TCP_ERROR":
      return undefined;
  }
};

/** True when the response says something that no prepared one says. */
export const needsOwnHead = (vhost: ServedVhost, result: CacheResult, ownFields: readonly string[]): boolean =>
  ownFields.length > 0 || (vhost.settings.options.cacheStatusHeader && !isPreparedFor(result));

/** Results for which prepared responses carry the right line. */
const isPreparedFor = (result: CacheResult): boolean =>
  HIT_RESULTS.has(result) && result !== "TCP_REFRESH_HIT" && result !== "TCP_REF_FAIL_HIT";

/** Field lines of a prepared response as they leave for this request. */
export const ownLines = (exchange: Exchange, vhost: ServedVhost, lines: string): string => {
  const prepared = hitStatusLine(vhost, exchange.connection.server.parts.product);
  const told = prepared === "" ? lines : replaceLast(lines, prepared, statusLineOf(exchange, vhost));
  return exchange.ownFields.length === 0 ? told : `${told}${fieldLines(exchange.ownFields)}`;
};

/** An origin that is a cache of the same name may have sent the same line in front of ours. */
const replaceLast = (text: string, part: string, replacement: string): string => {
  const start = text.lastIndexOf(part);
  return start < 0 ? text : `${text.slice(0, start)}${replacement}${text.slice(start + part.length)}`;
};
