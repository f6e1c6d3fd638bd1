import { matchesIpPattern, parseAddressExpression, parseIpAddress } from "@basalt/config";
import { unreachable } from "@basalt/types";
import { withoutZone } from "./addressTable.ts";

/** What an address expression compares. */
export interface AddressedClient {
  readonly clientIp: string;
  /** As a database of countries names it; undefined when it is not known. */
  readonly country?: string | undefined;
}

/** Matches clients against an address expression (ACL-01 to ACL-05). Anything else matches nobody. */
export const compileIpMatcher = (pattern: string): ((client: AddressedClient) => boolean) => {
  const expression = parseAddressExpression(pattern);
  if (expression === undefined) return () => false;
  switch (expression.kind) {
    case "country":
      return (client) => client.country === expression.code;
    case "ipv4":
      return ({ clientIp }) => matchesIpPattern(expression, clientIp);
    case "ipv6":
      return ({ clientIp }) => {
        const address = clientIp.includes(":") ? parseIpAddress(withoutZone(clientIp)) : undefined;
        return address?.family === 6 && address.value >= expression.first && address.value <= expression.last;
      };
    default:
      return unreachable(expression);
  }
};
