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

const ipv6Number = (text: string): bigint | undefined => {
  const halves = text.split("::");
  if (text.length > 45 || halves.length > 2) return undefined;
  const front = groupsOf(halves[0] ?? "", halves.length === 1);
  const back = halves.length === 2 ? groupsOf(halves[1] ?? "", true) : [];
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...front, ...new Array<number>(missing).fill(0), ...back];
  return groups.reduce((address, group) => (address << 16n) | BigInt(group), 0n);
};

/** Groups of 16 bits; the last may be an IPv4 address where the text ends the address. */
const groupsOf = (text: string, endsAddress: boolean): number[] | undefined => {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const embedded = endsAddress && index === parts.length - 1 ? ipv4Number(part) : -1;
      if (embedded < 0) return undefined;
      groups.push(Math.floor(embedded / 65_536), embedded % 65_536);
    }
  }
  return groups;
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
