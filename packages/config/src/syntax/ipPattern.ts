/** The addresses `first` to `last`, both included, as unsigned 32-bit numbers. */
export interface IpPattern {
  readonly first: number;
  readonly last: number;
}

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ADDRESS = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const ALL_ONES = 0xffff_ffff;

const parseIpv4 = (text: string): number | undefined => {
  const octets = ADDRESS.exec(text)?.slice(1);
  return octets?.reduce((address, octet) => address * 256 + Number(octet), 0);
};

/** Undefined unless the ones of the mask are all in front. */
const parseMask = (text: string): number | undefined => {
  if (/^\d{1,2}$/.test(text)) {
    const bits = Number(text);
    return bits > 32 ? undefined : ALL_ONES - (2 ** (32 - bits) - 1);
  }
  const mask = parseIpv4(text);
  if (mask === undefined) return undefined;
  const hostPart = ALL_ONES - mask;
  return Number.isInteger(Math.log2(hostPart + 1)) ? mask : undefined;
};

/** The four forms of CFG-64: one address, `a.b.c.d-e`, `a.b.c.d/bits`, `a.b.c.d/mask`. Undefined when it is none. */
export const parseIpPattern = (text: string): IpPattern | undefined => {
  const [start = "", end, ...rest] = text.trim().split(/[-/]/);
  const address = parseIpv4(start);
  if (address === undefined || rest.length > 0) return undefined;
  if (end === undefined) return { first: address, last: address };
  if (text.includes("-")) {
    if (!/^\d{1,3}$/.test(end)) return undefined;
    const lastOctet = Number(end);
    const firstOctet = address % 256;
    if (lastOctet > 255 || lastOctet < firstOctet) return undefined;
    return { first: address, last: address - firstOctet + lastOctet };
  }
  const mask = parseMask(end);
  if (mask === undefined) return undefined;
  const hostCount = ALL_ONES - mask + 1;
  const first = Math.floor(address / hostCount) * hostCount;
  return { first, last: first + hostCount - 1 };
};

/** `address` as the socket names it; an IPv4 address in IPv6 form counts as IPv4, any other IPv6 address never matches. */
export const matchesIpPattern = (pattern: IpPattern, address: string): boolean => {
  const number = parseIpv4(address.replace(/^::ffff:/i, ""));
  return number !== undefined && number >= pattern.first && number <= pattern.last;
};
