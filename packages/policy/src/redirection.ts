import { matchesIpPattern, type OriginAddress, parseIpPattern, type VhostSettings } from "@basalt/config";
import { getField } from "@basalt/http";
import { isPublicAddress, parseIpv6Network } from "./publicAddress.ts";

/** Where `<RedirectionTrace>` leads (ORG-55). */
export type FollowedRedirect =
  /** To the host's own servers: path and query string, without the path prefix of their address. */
  | { readonly kind: "own"; readonly target: string }
  | {
      readonly kind: "elsewhere";
      readonly scheme: "http" | "https";
      /** Name or IP address, in lower case, an IPv6 one without brackets. */
      readonly host: string;
      readonly port: number;
      /** Host field to send. */
      readonly hostField: string;
      readonly target: string;
    };

/** What was asked of the server whose answer redirects. */
export interface RedirectedRequest {
  /** Path and query string, without the path prefix of the address. */
  readonly target: string;
  readonly address: OriginAddress;
  /** The Host field of the request, where it had one of its own. */
  readonly host: string | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Whether an answer is a redirect that is followed, and where to; undefined: it stays what it is. Relative references
 * start from the URL that the server was asked for (VHT-45). `https` counts as malformed (VHT-47) unless one of the
 * host's own addresses is reached by it. What leads back to the very request is not followed.
 */
export const decideRedirect = (
  { status, fields }: { readonly status: number; readonly fields: readonly string[] },
  asked: RedirectedRequest,
  vhost: Pick<VhostSettings, "name" | "aliases" | "origin">,
): FollowedRedirect | undefined => {
  if (!REDIRECTS.has(status)) return undefined;
  const { address } = asked;
  const location = oneField(fields, "location");
  const base = `${address.scheme}://${asked.host ?? address.hostField}${address.pathPrefix}${asked.target}`;
  const url = location === undefined ? null : URL.parse(location, URL.parse(base)?.href);
  if (url === null || !isSpoken(url, vhost) || url.username !== "" || url.password !== "") return undefined;
  const path = `${url.pathname}${url.search}`;
  if (!namesOwn(url, asked, vhost)) return elsewhere(url, path);
  const target = withoutPrefix(path, address.pathPrefix);
  return target === undefined || target === asked.target ? undefined : { kind: "own", target };
};

/**
 * Addresses out of those that a name stands for which a redirect may lead to: public ones, and those that `Allow` names;
 * all of them where it names the host. To be asked of the very addresses that are connected, for a name may stand for
 * others the next time.
 */
export const allowedAddresses = (host: string, ips: readonly string[], allow: readonly string[]): readonly string[] =>
  allow.some((entry) => isNameOf(entry, host))
    ? ips
    : ips.filter((ip) => isPublicAddress(ip) || allow.some((entry) => isNetworkOf(entry, ip)));

/** Fields of a request that goes to another host than the one it was made for: its credentials and Host stay here. */
export const fieldsForElsewhere = (fields: readonly string[]): string[] => {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!FOR_ONE_HOST.has(name.toLowerCase())) kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
};

const FOR_ONE_HOST: ReadonlySet<string> = new Set(["authorization", "cookie", "cookie2", "host", "origin", "referer"]);

/** Undefined when there is none, or several that nothing tells which counts. */
const oneField = (fields: readonly string[], lowerCaseName: string): string | undefined => {
  const count = fields.filter((name, index) => index % 2 === 0 && name.toLowerCase() === lowerCaseName).length;
  return count === 1 ? getField(fields, lowerCaseName)?.trim() : undefined;
};

const isSpoken = ({ protocol }: URL, { origin }: Pick<VhostSettings, "origin">): boolean => {
  if (protocol === "http:") return true;
  return protocol === "https:" && [...origin.addresses, ...origin.standby].some(({ scheme }) => scheme === "https");
};

const namesOwn = (
  { host, hostname }: URL,
  asked: RedirectedRequest,
  { name, aliases, origin }: Pick<VhostSettings, "name" | "aliases" | "origin">,
): boolean => {
  if ([name, ...aliases].some((own) => own.toLowerCase() === hostname)) return true;
  const addresses = [...origin.addresses, ...origin.standby];
  const authorities = addresses.flatMap((each) => [each.hostField, `${bracketed(each.host)}:${each.port}`]);
  return [asked.host, ...authorities].some((authority) => authority !== undefined && isAuthority(authority, host));
};

const bracketed = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host);

/** Whether an authority is the one of a URL, which has no default port. */
const isAuthority = (authority: string, host: string): boolean =>
  ["http", "https"].some((scheme) => URL.parse(`${scheme}://${authority}/`)?.host === host);

const elsewhere = (url: URL, target: string): FollowedRedirect => {
  const scheme = url.protocol === "https:" ? "https" : "http";
  const defaultPort = scheme === "https" ? 443 : 80;
  return {
    kind: "elsewhere",
    scheme,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort : Number(url.port),
    hostField: url.host,
    target,
  };
};

/** Undefined for what lies outside of the part of the server that this host is made of. */
const withoutPrefix = (path: string, prefix: string): string | undefined => {
  if (prefix === "") return path;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
};

const isNameOf = (entry: string, host: string): boolean =>
  entry.startsWith("*") ? host.endsWith(entry.slice(1)) : host === entry;

const isNetworkOf = (entry: string, ip: string): boolean => {
  const ipv4 = parseIpPattern(entry);
  if (ipv4 !== undefined) return matchesIpPattern(ipv4, ip);
  return parseIpv6Network(entry)?.(ip) ?? false;
};
