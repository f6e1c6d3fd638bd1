import { isIPv4, isIPv6 } from "node:net";
import type { OriginAddress } from "../contract.ts";
import type { AddressShare } from "../originChoiceContract.ts";

/** What an address says by itself; the default `Host` field needs the virtual host's name too. */
export interface AddressParts {
  readonly text: string;
  readonly scheme: OriginAddress["scheme"];
  readonly host: string;
  /** Undefined when none is written. */
  readonly port: number | undefined;
  readonly isIp: boolean;
  readonly pathPrefix: string;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;
const HTTPS = "https://";
const MAX_LENGTH = 2_048;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

export const isDomainName = (text: string): boolean =>
  text.length <= 253 &&
  !/^[\d.]+$/.test(text) &&
  text
    .replace(/\.$/, "")
    .split(".")
    .every((label) => LABEL.test(label));

export const parsePort = (text: string): number | undefined => {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
};

/**
 * The forms of CFG-11, `{IP or domain}[:{port}][{path}]`, with `https://` in front for TLS; an IPv6 address stands in
 * brackets. Else a reason.
 */
export const parseOriginAddress = (text: string): AddressParts | string => {
  if (text.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  const scheme = text.toLowerCase().startsWith(HTTPS) ? "https" : "http";
  const rest = scheme === "https" ? text.slice(HTTPS.length) : text;
  if (rest.includes("://")) return "holds a scheme other than https://; host, port and path are written without one";
  const [, authority = "", path = ""] = /^([^/]*)(.*)$/s.exec(rest) ?? [];
  if (!/^[\x21-\x7e]*$/.test(path) || /[?#]/.test(path)) return "has a path with a blank, ? or #";
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(authority) ?? [];
  const host = bracketed ?? plain ?? "";
  const isIp = bracketed === undefined ? isIPv4(host) : isIPv6(host);
  if (!isIp && (bracketed !== undefined || !isDomainName(host))) return "names neither an IP address nor a domain";
  const port = portText === undefined ? undefined : parsePort(portText);
  if (portText !== undefined && port === undefined) return "has a port that is not 1 to 65535";
  return { text, scheme, host, port, isIp, pathPrefix: path.replace(/\/+$/, "") };
};

/** Adds the default `Host` field: an IP address sends the virtual host's name, a domain itself; a written port stays. */
export const completeAddress = (parts: AddressParts & AddressShare, vhostName: string): OriginAddress => {
  const name = parts.isIp ? vhostName : parts.host;
  return {
    text: parts.text,
    scheme: parts.scheme,
    host: parts.host,
    port: parts.port ?? DEFAULT_PORTS[parts.scheme],
    isIp: parts.isIp,
    pathPrefix: parts.pathPrefix,
    weight: parts.weight,
    countries: parts.countries,
    hostField: parts.port === undefined ? name : `${name}:${parts.port}`,
  };
};
