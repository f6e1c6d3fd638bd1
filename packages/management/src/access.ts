import {
  type AddressExpression,
  matchesIpPattern,
  parseAddressExpression,
  parseIpAddress,
  parseIpPattern,
  type Role,
  type ServerSettings,
} from "@basalt/config";
import { unreachable } from "@basalt/types";

export type ManagerSettings = ServerSettings["host"]["manager"];

export type Access = { readonly kind: "refused" } | { readonly kind: "granted"; readonly role: Role };

const RANK: Readonly<Record<Role, number>> = { Looker: 0, User: 1, Admin: 2 };

const LOOPBACK = parseIpPattern("127.0.0.0/8");

/** Code of the country of a client address; undefined when it is not known (ACL-05). */
export type CountryOf = (address: string) => string | undefined;

const isLoopback = (address: string): boolean =>
  address === "::1" || (LOOPBACK !== undefined && matchesIpPattern(LOOPBACK, address));

/** ACL-01 to ACL-05; the address is as a socket names it, IPv4 also in its IPv6 form. */
export const matchesAddress = (
  expression: AddressExpression,
  address: string,
  countryOf: CountryOf | undefined,
): boolean => {
  switch (expression.kind) {
    case "ipv4":
      return matchesIpPattern(expression, address);
    case "ipv6": {
      const parsed = parseIpAddress(address);
      return parsed?.family === 6 && parsed.value >= expression.first && parsed.value <= expression.last;
    }
    case "country":
      return countryOf?.(address.replace(/^::ffff:/i, "")) === expression.code;
    default:
      return unreachable(expression);
  }
};

const matches = (text: string, address: string, countryOf: CountryOf | undefined): boolean => {
  const expression = parseAddressExpression(text);
  return expression !== undefined && matchesAddress(expression, address, countryOf);
};

/**
 * Who may connect (CFG-32): the first entry that matches decides; without any entry loopback only (OPEN 7 of spec 01).
 * The address is as the socket names it, IPv4 also in its IPv6 form.
 */
export const decideAccess = (manager: ManagerSettings, address: string | undefined, countryOf?: CountryOf): Access => {
  if (address === undefined) return { kind: "refused" };
  if (manager.allow.length === 0) {
    return isLoopback(address) ? { kind: "granted", role: manager.role } : { kind: "refused" };
  }
  const entry = manager.allow.find((allowed) => matches(allowed.address, address, countryOf));
  return entry === undefined ? { kind: "refused" } : { kind: "granted", role: entry.role };
};

/** CFG-36: each role may do what the roles below it may. */
export const isRoleSufficient = (role: Role, needed: Role): boolean => RANK[role] >= RANK[needed];

/** Role for a path that no route has, so that a caller learns nothing about paths that are not for its role. */
export const roleOfUnknownPath = (path: string): Role => {
  if (path.startsWith("/graph/")) return "Looker";
  return path.startsWith("/monitoring/") ? "User" : "Admin";
};
