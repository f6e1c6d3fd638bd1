import type { ConditionRequest } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/** A request to the origin may leave when the client's is over and its exchange serves another. */
const snapshotOf = ({ method, path, target, clientIp, country, protocol, fields }: Exchange): ConditionRequest => ({
  method,
  path,
  pathAndQuery: target,
  clientIp,
  country,
  protocol,
  header: (lowerCaseName) => fields.get(lowerCaseName),
  headerLines: (lowerCaseName) => fields.getAll(lowerCaseName),
});

/**
 * What the `$ORGREQ` rules make of the complete fields of a request to the origin that this request causes (ORG-53);
 * undefined without such rules. Right also when it is called after the request has ended.
 */
export const originFieldRules = (
  exchange: Exchange,
  { headerRules }: ServedVhost,
): ((fields: readonly string[]) => string[]) | undefined => {
  if (headerRules === undefined || !headerRules.changesOriginRequests) return undefined;
  const request = snapshotOf(exchange);
  return (fields) => headerRules.applyToOriginRequest(request, fields);
};
