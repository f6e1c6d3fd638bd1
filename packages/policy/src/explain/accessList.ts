import type { VhostSettings } from "@basalt/config";
import { type AccessDecision, compileAccessList } from "../accessList.ts";
import { compilePathPatterns } from "../accessPaths.ts";
import type { ConditionRequest } from "../conditions.ts";
import type { ExplainFact } from "./contract.ts";
import type { Sources } from "./sources.ts";
import type { Refusal } from "./understand.ts";

export interface ListVerdict {
  /** Undefined where the list lets the request through. */
  readonly refusal: Refusal | undefined;
  readonly facts: readonly ExplainFact[];
}

const wordsOf = (decision: AccessDecision): string => {
  switch (decision.kind) {
    case "allow":
      return "allow";
    case "deny":
      return `deny, ${decision.status}`;
    case "redirect":
      return `redirect, ${decision.location}`;
  }
};

const refusalBy = (decision: AccessDecision): Refusal | undefined => {
  switch (decision.kind) {
    case "allow":
      return undefined;
    case "deny":
      return { status: decision.status, verdict: `Would be denied with ${decision.status} by acl.txt.` };
    case "redirect":
      return { status: 302, verdict: `Would be redirected to ${decision.location} by acl.txt.` };
  }
};

/** What acl.txt makes of the request, and what else a client would have to bring. */
export const explainAccessList = (request: ConditionRequest, vhost: VhostSettings, sources: Sources): ListVerdict => {
  const decision = compileAccessList(vhost)?.decide(request, request.pathAndQuery);
  const facts = neededFacts(request, vhost, sources);
  if (decision === undefined) return { refusal: undefined, facts };
  const { line } = decision;
  const fact: ExplainFact = {
    name: "accessList",
    value: wordsOf(decision),
    because: line === undefined ? "no line of acl.txt matches" : "by a line of acl.txt",
    source: line === undefined ? sources.option("Options/AccessControl@Default") : sources.condition("acl.txt", line),
  };
  return { refusal: refusalBy(decision), facts: [fact, ...facts] };
};

/** Explain has no signature and no password to show, and uses nothing of a rate up. */
const neededFacts = (request: ConditionRequest, vhost: VhostSettings, sources: Sources): ExplainFact[] => {
  const { access, caseSensitive } = vhost.options;
  const matches = (patterns: readonly string[]): boolean =>
    compilePathPatterns(patterns, caseSensitive)(request.path) >= 0;
  const facts: ExplainFact[] = [];
  const need = (name: string, element: string): void => {
    facts.push({ name, value: true, because: "not checked here", source: sources.option(element) });
  };
  if (matches(access.rateLimits.map(({ url }) => url))) need("rateLimit", "Options/RateLimit");
  if (access.signedUrls.enabled && matches(access.signedUrls.urls)) need("signature", "Options/SignedUrls/Url");
  if (matches(access.basicAuthentication.map(({ url }) => url))) need("password", "Options/BasicAuthentication");
  return facts;
};
