/**
 * An IP address as a number: IPv4 as unsigned 32 bits, IPv6 as 128. An IPv4 address in its IPv6 form (`::ffff:1.2.3.4`)
 * is an IPv4 address.
 */
export type IpNumber = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly value: bigint };

const DOT = 46;
const ZERO = 48;
const NINE = 57;

/** Strict dotted decimal without leading zeros; -1 when it is none. */
export const ipv4Number = (text: string, start = 0): number => {
  let address = 0;
  let octet = -1;
  let octets = 0;
  if (text.length - start > 15) return -1;
  for (let index = start; index <= text.length; index++) {
    const code = index === text.length ? DOT : text.charCodeAt(index);
    if (code === DOT) {
      if (octet < 0 || octets === 4) return -1;
      address = address * 256 + octet;
      octets++;
      octet = -1;
    } else if (code >= ZERO && code <= NINE) {
      if (octet === 0) return -1;
      octet = (octet < 0 ? 0 : octet * 10) + code - ZERO;
      if (octet > 255) return -1;
    } else {
      return -1;
    }
  }
  return octets === 4 ? address : -1;
};

const MAPPED_PREFIX = "::ffff:";
const MAPPED = 0xffffn;

const COLON = 58;
const LONGEST_IPV6 = 45;
const GROUPS = 8;

/** Value of a hexadecimal digit; -1 for all else. */
const hexDigit = (code: number): number => {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
};

/** Eight groups of 16 bits; `::` stands once for as many that are 0, and the last two may be an IPv4 address. */
const ipv6Groups = (text: string): readonly number[] | undefined => {
  const { length } = text;
  if (length < 2 || length > LONGEST_IPV6) return undefined;
  const groups: number[] = [];
  let gap = -1;
  let index = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    index = 2;
  }
  while (index < length) {
    const start = index;
    let group = 0;
    for (let digit = hexDigit(text.charCodeAt(index)); index < length && digit >= 0; ) {
      group = group * 16 + digit;
      index++;
      digit = index < length ? hexDigit(text.charCodeAt(index)) : -1;
    }
    if (index < length && text.charCodeAt(index) === DOT) {
      const embedded = ipv4Number(text, start);
      if (embedded < 0) return undefined;
      groups.push(Math.floor(embedded / 65_536), embedded % 65_536);
      index = length;
      break;
    }
    if (index === start || index - start > 4 || groups.length === GROUPS) return undefined;
    groups.push(group);
    if (index === length) break;
    if (text.charCodeAt(index) !== COLON || index + 1 === length) return undefined;
    index++;
    if (text.charCodeAt(index) !== COLON) continue;
    if (gap >= 0) return undefined;
    gap = groups.length;
    index++;
  }
  if (gap < 0) return groups.length === GROUPS ? groups : undefined;
  const missing = GROUPS - groups.length;
  if (missing < 1) return undefined;
  return [...groups.slice(0, gap), ...new Array<number>(missing).fill(0), ...groups.slice(gap)];
};

const ipv6Number = (text: string): bigint | undefined => {
  const groups = ipv6Groups(text);
  if (groups === undefined) return undefined;
  const word = (at: number): bigint => BigInt((groups[at] ?? 0) * 65_536 + (groups[at + 1] ?? 0));
  return (word(0) << 96n) | (word(2) << 64n) | (word(4) << 32n) | word(6);
};

/** Undefined when it is no address; a zone (`%eth0`) is none. */
export const parseIpAddress = (text: string): IpNumber | undefined => {
  const isMapped = text.length > 7 && text.slice(0, 7).toLowerCase() === MAPPED_PREFIX;
  const ipv4 = ipv4Number(text, isMapped ? MAPPED_PREFIX.length : 0);
  if (ipv4 >= 0) return { family: 4, value: ipv4 };
  const ipv6 = text.includes(":") ? ipv6Number(text) : undefined;
  if (ipv6 === undefined) return undefined;
  return ipv6 >> 32n === MAPPED ? { family: 4, value: Number(ipv6 & 0xffff_ffffn) } : { family: 6, value: ipv6 };
};
