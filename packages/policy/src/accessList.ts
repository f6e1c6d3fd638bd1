import type { VhostSettings } from "@basalt/config";
import { unreachable } from "@basalt/types";
import { leavesFolder, understoodPath } from "./accessPaths.ts";
import type { ConditionRequest } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";

/** What becomes of a request; `line` of acl.txt, undefined where the default decided. */
export type AccessDecision =
  | { readonly kind: "allow"; readonly line: number | undefined }
  | { readonly kind: "deny"; readonly status: number; readonly line: number | undefined }
  | { readonly kind: "redirect"; readonly location: string; readonly line: number };

/** acl.txt of a virtual host (ACL-20 to ACL-44). */
export interface AccessList {
  /** `requestedUrl`: path and query string as the client wrote them (ACL-24, ACL-44). */
  decide(request: ConditionRequest, requestedUrl: string): AccessDecision;
}

const URL_VARIABLE = "#URL";

/** Undefined where the list admits everybody. */
export const compileAccessList = ({ options, conditions }: VhostSettings): AccessList | undefined => {
  const { accessControl } = options.access;
  const isAllowedByDefault = accessControl.default === "Allow";
  if (!accessControl.enabled || (conditions.acl.length === 0 && isAllowedByDefault)) return undefined;
  const rules = compileRuleSet(conditions.acl, options.caseSensitive);
  const allowOrDeny = (isAllowed: boolean, line: number | undefined): AccessDecision =>
    isAllowed ? { kind: "allow", line } : { kind: "deny", status: accessControl.denialCode, line };
  const byDefault = allowOrDeny(isAllowedByDefault, undefined);

  /** A path in another spelling is not let through where the origin server would find what a line denies (ACL-24). */
  const asUnderstood = (request: ConditionRequest, decision: AccessDecision): AccessDecision => {
    const { path } = request;
    const understood = understoodPath(path);
    // A line that lets this very spelling through means it, unless the path leads out of what the line is about.
    if (understood === path || (decision.line !== undefined && !leavesFolder(path))) return decision;
    const found = decideAsWritten(inOtherSpelling(request, understood), request.pathAndQuery);
    return found.kind === "deny" ? found : decision;
  };

  const decideAsWritten: AccessList["decide"] = (request, requestedUrl) => {
    const rule = rules.first(request);
    if (rule === undefined) return byDefault;
    const { action, line } = rule;
    switch (action.kind) {
      case "opposite":
        return allowOrDeny(!isAllowedByDefault, line);
      case "allow":
        return { kind: "allow", line };
      case "deny":
        return { kind: "deny", status: action.status ?? accessControl.denialCode, line };
      case "redirect":
        return { kind: "redirect", location: action.location.replaceAll(URL_VARIABLE, () => requestedUrl), line };
      default:
        return unreachable(action);
    }
  };

  return {
    decide: (request, requestedUrl) => {
      const decision = decideAsWritten(request, requestedUrl);
      return decision.kind === "allow" ? asUnderstood(request, decision) : decision;
    },
  };
};

const inOtherSpelling = (request: ConditionRequest, path: string): ConditionRequest => ({
  method: request.method,
  path,
  pathAndQuery: path + request.pathAndQuery.slice(request.path.length),
  clientIp: request.clientIp,
  country: request.country,
  protocol: request.protocol,
  header: (name) => request.header(name),
  headerLines: (name) => request.headerLines?.(name) ?? [],
});
