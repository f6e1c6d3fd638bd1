import { countryOf } from "./countryCode.ts";
import { parseIpAddress } from "./ipAddress.ts";
import { parseIpPattern } from "./ipPattern.ts";

/** Whom an address expression means (ACL-01 to ACL-05): addresses from `first` to `last`, both included, or a country. */
export type AddressExpression =
  | { readonly kind: "ipv4"; readonly first: number; readonly last: number }
  | { readonly kind: "ipv6"; readonly first: bigint; readonly last: bigint }
  /** As databases name it, in upper case. */
  | { readonly kind: "country"; readonly code: string };

const ALL_BITS = 128;

/** An IPv6 address or network (`2001:db8::/32`); one of IPv4 addresses in their IPv6 form means these. */
const parseIpv6 = (text: string): AddressExpression | undefined => {
  const [start = "", length, ...rest] = text.split("/");
  if (!start.includes(":") || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const bits = length === undefined ? ALL_BITS : Number(length);
  const address = parseIpAddress(start);
  if (address === undefined || bits > ALL_BITS) return undefined;
  if (address.family === 4) {
    if (bits < 96) return undefined;
    const hosts = 2 ** (ALL_BITS - bits);
    const first = Math.floor(address.value / hosts) * hosts;
    return { kind: "ipv4", first, last: first + hosts - 1 };
  }
  const hostBits = BigInt(ALL_BITS - bits);
  const first = (address.value >> hostBits) << hostBits;
  return { kind: "ipv6", first, last: first + (1n << hostBits) - 1n };
};

/** Undefined when the text is none. */
export const parseAddressExpression = (text: string): AddressExpression | undefined => {
  const trimmed = text.trim();
  const ipv4 = parseIpPattern(trimmed);
  if (ipv4 !== undefined) return { kind: "ipv4", ...ipv4 };
  const ipv6 = parseIpv6(trimmed);
  if (ipv6 !== undefined) return ipv6;
  const code = countryOf(trimmed);
  return code === undefined ? undefined : { kind: "country", code };
};

export const describesAddresses = "an IP address, a.b.c.d-e, an address/bits, a.b.c.d/mask or a country code";
