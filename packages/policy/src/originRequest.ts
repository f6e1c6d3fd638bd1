import type { OriginOptions, VhostSettings } from "@basalt/config";
import { formatHttpDate, listMembers, removeHopByHop } from "@basalt/http";
import { unreachable } from "@basalt/types";
import type { Variant } from "./cacheKey.ts";
import type { ResponseFacts } from "./contract.ts";

/** The client's side of a request that goes to the origin; for a renewal in the background, of its trigger (ORG-50). */
export interface OriginRequestClient {
  readonly clientIp: string;
  readonly host: string | undefined;
  readonly userAgent: string | undefined;
  readonly xForwardedFor: string | undefined;
  readonly protocol: string;
  /** That it connected to. */
  readonly port: number;
}

/** ORG-45: the address of the client, as WebLogic servers want it. */
const WL_PROXY_CLIENT_IP = "WL-Proxy-Client-IP";

/**
 * Fields of a request that fills the cache (ORG-42 to ORG-45, ORG-48), flat. Nothing else of the client's fields is
 * handed on: what one client sends must not shape an object that all are given. Host is absent when the table of
 * CFG-12 applies, which the origin's side does by itself.
 */
export const cacheRequestFields = (client: OriginRequestClient, vhost: VhostSettings, variant: Variant): string[] => {
  const { originOptions } = vhost;
  const fields: string[] = [];
  pushIfPresent(fields, "Host", chooseText(originOptions.host, client.host));
  pushIfPresent(fields, "User-Agent", chooseText(originOptions.userAgent, client.userAgent));
  pushIfPresent(fields, "X-Forwarded-For", sentForwardedFor(client, originOptions, originOptions.xffClientIpOnly));
  pushConnection(fields, client, originOptions);
  if (originOptions.wlProxyClientIp) fields.push(WL_PROXY_CLIENT_IP, client.clientIp);
  if (variant === "encoded") fields.push("Accept-Encoding", "gzip, deflate");
  return fields;
};

/**
 * What a client says of ranges, conditions and framing concerns its own exchange with this cache; the rest of these is
 * written by `cacheRequestFields`. `Expect: 100-continue` has been answered here.
 */
const ANSWERED_HERE: ReadonlySet<string> = new Set([
  "accept-encoding",
  "content-length",
  "expect",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "te",
  "user-agent",
  "x-forwarded-for",
]);

/**
 * Fields of a request that fills the cache of a conforming shared cache, flat: those of `cacheRequestFields`, and
 * every other end-to-end field of the client, known or not (RFC 9110 7.6.1, 5.1), so that the origin can select by
 * them and say so in Vary. Of Cache-Control only-if-cached is left out, which was this cache's to obey.
 */
export const proxiedRequestFields = (
  clientFields: readonly string[],
  client: OriginRequestClient,
  vhost: VhostSettings,
  variant: Variant,
): string[] => {
  const fields = cacheRequestFields(client, vhost, variant);
  const endToEnd = removeHopByHop(clientFields);
  for (let index = 0; index + 1 < endToEnd.length; index += 2) {
    const name = endToEnd[index] ?? "";
    const value = endToEnd[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (ANSWERED_HERE.has(lowerCaseName) || isWrittenFor(vhost, lowerCaseName)) continue;
    if (lowerCaseName === "cache-control") pushIfPresent(fields, name, withoutOnlyIfCached(value));
    else fields.push(name, value);
  }
  return fields;
};

/** What a client says of its own address counts only as long as nothing is said here. */
export const isWrittenFor = ({ originOptions }: VhostSettings, lowerCaseName: string): boolean => {
  const { forwarded, wlProxyClientIp } = originOptions;
  switch (lowerCaseName) {
    case "wl-proxy-client-ip":
      return wlProxyClientIp;
    case "x-forwarded-proto":
      return forwarded.proto;
    case "x-forwarded-port":
      return forwarded.port;
    default:
      return false;
  }
};

const withoutOnlyIfCached = (cacheControl: string): string | undefined => {
  const directives = listMembers(cacheControl);
  const kept = directives.filter((directive) => !/^only-if-cached(?:[ \t]*=|$)/i.test(directive));
  if (kept.length === directives.length) return cacheControl;
  return kept.length === 0 ? undefined : kept.join(", ");
};

/** Validators that a renewal adds (TTL-02); If-None-Match only with OriginalETag (ORG-46). Empty: download anew. */
export const validatorFields = (
  stored: Pick<ResponseFacts, "lastModifiedMs" | "etag">,
  options: Pick<OriginOptions, "originalETag">,
): string[] => {
  const fields: string[] = [];
  if (options.originalETag) pushIfPresent(fields, "If-None-Match", stored.etag);
  if (stored.lastModifiedMs !== undefined) fields.push("If-Modified-Since", formatHttpDate(stored.lastModifiedMs));
  return fields;
};

/** Fields of recovery and health probes (ORG-50): no client stands behind them. */
export const probeRequestFields = (options: Pick<OriginOptions, "host" | "userAgent">): string[] => {
  const fields: string[] = [];
  pushIfPresent(fields, "Host", chooseText(options.host, undefined));
  pushIfPresent(fields, "User-Agent", chooseText(options.userAgent, undefined));
  return fields;
};

/** Fields that the bypass always writes itself or that end here: framing belongs to the origin's side. */
const REPLACED_ON_BYPASS: ReadonlySet<string> = new Set(["host", "user-agent", "x-forwarded-for", "content-length"]);

/**
 * Fields of a bypassed request (BYP-14, BYP-15), flat: the client's end-to-end fields, and Host, User-Agent,
 * X-Forwarded-For and WL-Proxy-Client-IP by configuration or as sent, each by its own Bypass switch. `Expect: 100-continue` ends here: this
 * server has answered it. Host is absent when the table of CFG-12 applies.
 */
export const bypassRequestFields = (
  clientFields: readonly string[],
  client: OriginRequestClient,
  vhost: VhostSettings,
): string[] => {
  const { originOptions } = vhost;
  const fields: string[] = [];
  pushIfPresent(fields, "Host", originOptions.hostBypass ? chooseText(originOptions.host, client.host) : client.host);
  const endToEnd = removeHopByHop(clientFields);
  for (let index = 0; index + 1 < endToEnd.length; index += 2) {
    const name = endToEnd[index] ?? "";
    const value = endToEnd[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (REPLACED_ON_BYPASS.has(lowerCaseName)) continue;
    const mayBeWritten = originOptions.wlProxyClientIpBypass || lowerCaseName !== WL_PROXY_CLIENT_IP.toLowerCase();
    if (mayBeWritten && isWrittenFor(vhost, lowerCaseName)) continue;
    if (lowerCaseName === "expect" && value.toLowerCase() === "100-continue") continue;
    fields.push(name, value);
  }
  const userAgent = originOptions.userAgentBypass
    ? chooseText(originOptions.userAgent, client.userAgent)
    : client.userAgent;
  pushIfPresent(fields, "User-Agent", userAgent);
  const forwarded =
    originOptions.xffClientIpOnlyBypass || originOptions.forwarded.xff !== "append"
      ? sentForwardedFor(client, originOptions, originOptions.xffClientIpOnly)
      : client.xForwardedFor;
  pushIfPresent(fields, "X-Forwarded-For", forwarded);
  pushConnection(fields, client, originOptions);
  if (originOptions.wlProxyClientIp && originOptions.wlProxyClientIpBypass) {
    fields.push(WL_PROXY_CLIENT_IP, client.clientIp);
  }
  return fields;
};

/** `*` means the client's own, empty means none. */
const chooseText = (configured: string, sent: string | undefined): string | undefined => {
  if (configured === "*") return sent;
  return configured === "" ? undefined : configured;
};

/** AWS-37, AWS-38. */
const pushConnection = (fields: string[], client: OriginRequestClient, { forwarded }: OriginOptions): void => {
  if (forwarded.proto) fields.push("X-Forwarded-Proto", client.protocol);
  if (forwarded.port) fields.push("X-Forwarded-Port", String(client.port));
};

/** AWS-36. */
const sentForwardedFor = (
  client: OriginRequestClient,
  { forwarded }: OriginOptions,
  firstOnly: boolean,
): string | undefined => {
  switch (forwarded.xff) {
    case "append":
      return forwardedFor(client, firstOnly);
    case "preserve":
      return client.xForwardedFor;
    case "remove":
      return undefined;
    default:
      return unreachable(forwarded.xff);
  }
};

/** The client's list and its address, or only the first of them (ORG-44, OPEN 16). */
const forwardedFor = (client: OriginRequestClient, firstOnly: boolean): string => {
  const sent = (client.xForwardedFor ?? "").split(",").map((address) => address.trim());
  const addresses = [...sent.filter((address) => address !== ""), client.clientIp];
  return firstOnly ? (addresses[0] ?? client.clientIp) : addresses.join(", ");
};

const pushIfPresent = (fields: string[], name: string, value: string | undefined): void => {
  if (value !== undefined) fields.push(name, value);
};
