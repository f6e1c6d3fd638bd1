import { isIPv4, isIPv6 } from "node:net";

/** Value and length of a prefix of IPv4 addresses. */
type Network4 = readonly [first: string, bits: number];

/** IPv4 networks that are not of the public internet (RFC 6890 and its registry), multicast and what is reserved. */
const SPECIAL_IPV4: readonly Network4[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** Global unicast; all other IPv6 addresses are local, multicast, embeddings, or not given out. */
const GLOBAL_IPV6: Network6 = ["2000::", 3];
/** Within it: protocol assignments with Teredo, documentation, and 6to4, which leads wherever its IPv4 address does. */
const SPECIAL_IPV6: readonly Network6[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];
/** What follows these 96 bits is an IPv4 address (RFC 4291 2.5.5.2, RFC 6052 2.1). */
const EMBEDDING_IPV4: readonly string[] = ["::ffff:0:0", "64:ff9b::"];
type Network6 = readonly [first: string, bits: number];

/**
 * Whether an IP address is one of the public internet: not of this host, its links or private networks, no multicast,
 * and no other spelling of such an address (IPv4-mapped, NAT64).
 */
export const isPublicAddress = (ip: string): boolean => {
  if (isIPv4(ip)) return isPublicIpv4(ipv4Number(ip));
  const address = ipv6Number(ip);
  if (address === undefined) return false;
  if (EMBEDDING_IPV4.some((prefix) => isWithin(address, [prefix, 96]))) return isPublicIpv4(Number(address & LOW_32));
  return isWithin(address, GLOBAL_IPV6) && !SPECIAL_IPV6.some((network) => isWithin(address, network));
};

/** An IPv6 network as it is written, `address/bits` or one address; undefined when it is none. */
export const parseIpv6Network = (text: string): ((ip: string) => boolean) | undefined => {
  const [first = "", bitText = "128", ...rest] = text.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(bitText) || Number(bitText) > 128) return undefined;
  if (ipv6Number(first) === undefined) return undefined;
  return (ip) => {
    const address = ipv6Number(ip);
    return address !== undefined && isWithin(address, [first, Number(bitText)]);
  };
};

const isPublicIpv4 = (address: number): boolean =>
  !SPECIAL_IPV4.some(([first, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor(ipv4Number(first) / size);
  });

const ipv4Number = (ip: string): number => ip.split(".").reduce((number, octet) => number * 256 + Number(octet), 0);

const isWithin = (address: bigint, [first, bits]: Network6): boolean => {
  const shift = BigInt(128 - bits);
  return address >> shift === (ipv6Number(first) ?? 0n) >> shift;
};

const LOW_32 = 0xffff_ffffn;

/** Undefined when it is no IPv6 address; one with a zone is of a link, and none either. */
const ipv6Number = (ip: string): bigint | undefined => {
  if (!isIPv6(ip) || ip.includes("%")) return undefined;
  const groups = ip.replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const number = ipv4Number(tail);
    return `${Math.floor(number / 65_536).toString(16)}:${(number % 65_536).toString(16)}`;
  });
  const [front = "", back] = groups.split("::");
  const before = front === "" ? [] : front.split(":");
  const behind = back === undefined || back === "" ? [] : back.split(":");
  const zeros = Array.from({ length: 8 - before.length - behind.length }, () => "0");
  return [...before, ...zeros, ...behind].reduce((number, group) => number * 65_536n + BigInt(`0x${group}`), 0n);
};
