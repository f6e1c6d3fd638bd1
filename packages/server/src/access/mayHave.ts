import type { ConditionRequest } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { VhostAccess } from "./vhostAccess.ts";

/**
 * Whether the rules of the host would let the client of this request, which they have let through, have another URL too. A
 * password counts for that only where the URL of the request needs one as well, since it was checked for that.
 */
export const mayHave = (exchange: Exchange, access: VhostAccess | undefined, target: string): boolean => {
  if (access === undefined) return true;
  const [path = ""] = target.split("?", 1);
  const { list, signed, protected: urls } = access;
  if (list !== undefined && list.decide(requestFor(exchange, path, target), target).kind !== "allow") return false;
  const signature = signed?.verify(target, exchange.nowMs);
  if (signature !== undefined && signature.verdict !== "valid") return false;
  return urls?.realmOf(path) === undefined || urls.realmOf(exchange.path) !== undefined;
};

const requestFor = (exchange: Exchange, path: string, target: string): ConditionRequest => ({
  method: exchange.method,
  path,
  pathAndQuery: target,
  clientIp: exchange.clientIp,
  country: exchange.country,
  protocol: exchange.protocol,
  header: (lowerCaseName) => exchange.header(lowerCaseName),
  headerLines: (lowerCaseName) => exchange.headerLines(lowerCaseName),
});
