import { matchesIpPattern, parseIpPattern, type Role, type ServerSettings } from "@basalt/config";

export type ManagerSettings = ServerSettings["host"]["manager"];

export type Access = { readonly kind: "refused" } | { readonly kind: "granted"; readonly role: Role };

const RANK: Readonly<Record<Role, number>> = { Looker: 0, User: 1, Admin: 2 };

const LOOPBACK = parseIpPattern("127.0.0.0/8");

const matches = (pattern: ReturnType<typeof parseIpPattern>, address: string): boolean =>
  pattern !== undefined && matchesIpPattern(pattern, address);

/**
 * Who may connect (CFG-32): the first entry that matches decides; without any entry loopback only (OPEN 7 of spec 01).
 * The address is as the socket names it, IPv4 also in its IPv6 form.
 */
export const decideAccess = (manager: ManagerSettings, address: string | undefined): Access => {
  if (address === undefined) return { kind: "refused" };
  if (manager.allow.length === 0) {
    const isLoopback = address === "::1" || matches(LOOPBACK, address);
    return isLoopback ? { kind: "granted", role: manager.role } : { kind: "refused" };
  }
  const entry = manager.allow.find((allowed) => matches(parseIpPattern(allowed.address), address));
  return entry === undefined ? { kind: "refused" } : { kind: "granted", role: entry.role };
};

/** CFG-36: each role may do what the roles below it may. */
export const isRoleSufficient = (role: Role, needed: Role): boolean => RANK[role] >= RANK[needed];

/** Role for a path that no route has, so that a caller learns nothing about paths that are not for its role. */
export const roleOfUnknownPath = (path: string): Role => {
  if (path.startsWith("/graph/")) return "Looker";
  return path.startsWith("/monitoring/") ? "User" : "Admin";
};
