import { isIPv6 } from "node:net";

const HIGHEST_PORT = 65_535;
const REGISTERED_NAME = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const IPV6_CHARACTERS = /^[0-9A-Fa-f:.]+$/;

const isHostName = (name: string): boolean => {
  if (!name.startsWith("[")) return REGISTERED_NAME.test(name);
  const literal = name.slice(1, -1);
  return name.endsWith("]") && IPV6_CHARACTERS.test(literal) && isIPv6(literal);
};

const isPort = (digits: string): boolean => /^[0-9]{1,5}$/.test(digits) && Number(digits) <= HIGHEST_PORT;

/**
 * `uri-host [":" port]` (RFC 3986 3.2) in lower case, without a colon that no port follows; undefined when the syntax
 * is wrong. User information and an empty name are wrong here (RFC 9110 4.2).
 */
export const normalizeAuthority = (text: string): string | undefined => {
  const colon = text.indexOf(":", text.startsWith("[") ? text.indexOf("]") + 1 : 0);
  const name = colon < 0 ? text : text.slice(0, colon);
  if (!isHostName(name)) return undefined;
  if (colon < 0) return text.toLowerCase();
  const port = text.slice(colon + 1);
  if (port === "") return name.toLowerCase();
  return isPort(port) ? text.toLowerCase() : undefined;
};

const REMEMBERED = 256;
const LONGEST_REMEMBERED = 128;
const remembered = new Map<string, string>();

/** `normalizeAuthority` for the few names that a server is asked for again and again. */
export const rememberedAuthority = (text: string): string | undefined => {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const normalized = normalizeAuthority(text);
  if (normalized !== undefined && text.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(text, normalized);
  }
  return normalized;
};
