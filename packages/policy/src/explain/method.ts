import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { FIELD, METHOD, type Method } from "@basalt/http";
import { unreachable } from "@basalt/types";
import { compileMethodRules, type MethodDecision } from "../bypass.ts";
import type { HeaderRules } from "../headerRules.ts";
import { explainAccessList } from "./accessList.ts";
import type { ExplainFact, ExplainState, ExplainStep } from "./contract.ts";
import { headerRuleFact } from "./rules.ts";
import type { Sources } from "./sources.ts";
import { type Refusal, refusalOf, type UnderstoodRequest } from "./understand.ts";
import { byteWords, onOffWord } from "./words.ts";

/** $REQ rules of headers.txt (HTTP-44); undefined when the host has none. */
export const requestRulesStep = (
  rules: HeaderRules | undefined,
  request: UnderstoodRequest,
  sources: Sources,
): ExplainStep | undefined => {
  if (rules?.changesRequests !== true) return undefined;
  const matching = rules.matching("request", request, 0);
  return {
    step: "requestRules",
    verdict: matching.length === 0 ? "No line of headers.txt changes the request." : "headers.txt changes the request.",
    facts: matching.map((rule) => headerRuleFact(rule, sources)),
  };
};

export type AccessDecision =
  | { readonly kind: "admitted" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The PURGE family: the primary answers. */
  | { readonly kind: "management"; readonly verdict: string };

const isPurgeMethod = (method: Method): boolean => method >= METHOD.PURGE && method <= METHOD.HARDPURGE;

export const decideAccess = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  config: EdgeConfig,
  sources: Sources,
): { readonly decision: AccessDecision; readonly step: ExplainStep } => {
  const { bodyBytes } = config.server.cache.clientLimits;
  const { contentLength } = request.fields;
  const limit: ExplainFact = {
    name: "bodyLimit",
    value: bodyBytes,
    text: bodyBytes === 0 ? "no limit" : byteWords(bodyBytes),
    source: sources.server("Cache/ClientLimits/BodyBytes"),
  };
  if (bodyBytes > 0 && contentLength > bodyBytes) {
    const refusal = refusalOf("REQUEST_BODY_TOO_LARGE", `its body has ${contentLength} bytes`);
    return {
      decision: { kind: "refused", refusal },
      step: { step: "access", verdict: refusal.verdict, facts: [limit] },
    };
  }
  const list = explainAccessList(request, vhost, sources);
  if (list.refusal !== undefined) {
    const { refusal, facts } = list;
    const step: ExplainStep = { step: "access", verdict: refusal.verdict, facts: [limit, ...facts] };
    return { decision: { kind: "refused", refusal }, step };
  }
  if (isPurgeMethod(request.methodCode)) {
    const { httpMethod } = config.server.host.manager;
    const verdict = httpMethod
      ? `${request.method} is a management call: answered for addresses with the role Admin only.`
      : `${request.method} is a management call: answered for every address.`;
    const fact = {
      name: "httpMethod",
      value: onOffWord(httpMethod),
      because: httpMethod ? "the caller is checked" : "the caller is not checked",
      source: sources.server("Host/Manager@HttpMethod"),
    };
    return {
      decision: { kind: "management", verdict },
      step: { step: "access", verdict, facts: [limit, ...list.facts, fact] },
    };
  }
  const verdict = bodyBytes === 0 ? "Nothing refuses the request." : "The request is within its limits.";
  return { decision: { kind: "admitted" }, step: { step: "access", verdict, facts: [limit, ...list.facts] } };
};

/** Where only the method counts: the element that decides. */
const methodReason = (
  method: Method,
  decision: MethodDecision,
  { options }: VhostSettings,
  sources: Sources,
): Pick<ExplainFact, "because" | "source"> => {
  switch (method) {
    case METHOD.GET:
    case METHOD.HEAD:
      return {
        because: `BypassGetRequest is ${onOffWord(options.bypassGetRequest)}`,
        source: sources.option("Options/BypassGetRequest"),
      };
    case METHOD.POST:
      return {
        because: `BypassPostRequest is ${onOffWord(options.bypassPostRequest)}`,
        source: sources.option("Options/BypassPostRequest"),
      };
    case METHOD.PUT:
      return {
        because: `BypassPutRequest is ${onOffWord(options.bypassPutRequest)}`,
        source: sources.option("Options/BypassPutRequest"),
      };
    case METHOD.OPTIONS:
      return { because: "always goes to the origin (HTTP-37)" };
    default:
      return {
        because: `${decision === "bypass" ? "handed on" : "not served"} in the profile ${options.cachingProfile}`,
        source: sources.option("Options/CachingProfile"),
      };
  }
};

const verdictOf = (decision: MethodDecision): string => {
  switch (decision) {
    case "cache":
      return "The cache answers.";
    case "bypass":
      return "The request bypasses the cache.";
    case "notImplemented":
      return refusalOf("METHOD_NOT_IMPLEMENTED").verdict;
    case "close":
      return "The connection would be closed without an answer (KEY-15): nothing takes this POST.";
    default:
      return unreachable(decision);
  }
};

export const decideMethod = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  state: Pick<ExplainState, "isBypassing">,
  headerRules: HeaderRules | undefined,
  sources: Sources,
): { readonly decision: MethodDecision | "local"; readonly step: ExplainStep } => {
  if ((request.fields.flags & FIELD.UPGRADE) !== 0) {
    const facts = [{ name: "upgrade", value: request.header("upgrade") ?? "", because: "always goes to the origin" }];
    return { decision: "bypass", step: { step: "method", verdict: verdictOf("bypass"), facts } };
  }
  if (headerRules?.answersOptions(request) === true) {
    const because = "a line of headers.txt says what to answer";
    const facts = [{ name: "options", value: "answered here", because }];
    return { decision: "local", step: { step: "method", verdict: "OPTIONS is answered here (HTTP-37).", facts } };
  }
  const rules = compileMethodRules(vhost);
  const reason = rules.reasonOf(request.methodCode, request);
  const decision = rules.decideByMethod(request.methodCode) ?? rules.decide(request.methodCode, request);
  const facts: ExplainFact[] = [];
  switch (reason.kind) {
    case "method": {
      facts.push({
        name: "method",
        value: request.method,
        ...methodReason(request.methodCode, decision, vhost, sources),
      });
      if (request.methodCode === METHOD.POST && decision !== "bypass") {
        facts.push({
          name: "postRequest",
          value: onOffWord(vhost.options.postRequest.enabled),
          source: sources.option("Options/PostRequest"),
        });
      }
      break;
    }
    case "noCacheRequest":
      facts.push({
        name: "bypassNoCacheRequest",
        value: "ON",
        because: "the request asks for no cached answer",
        source: sources.option("Options/BypassNoCacheRequest"),
      });
      break;
    case "line":
      facts.push({
        name: "bypass.txt",
        value: reason.action === "opposite" ? "the opposite of the method's default" : reason.action,
        because: `line ${reason.line} matches`,
        source: sources.condition("bypass.txt", reason.line),
      });
      break;
    default:
      unreachable(reason);
  }
  if (reason.kind === "method" && vhost.conditions.bypass.length > 0) {
    facts.push({ name: "bypass.txt", value: null, text: "no line matches" });
  }
  if (decision === "cache" && state.isBypassing) {
    facts.push({
      name: "onCrash",
      value: "bypass",
      because: "no disk is in use, so every request goes to the origin",
      source: sources.server("Cache/Storage@OnCrash"),
    });
    return { decision: "bypass", step: { step: "method", verdict: verdictOf("bypass"), facts } };
  }
  return { decision, step: { step: "method", verdict: verdictOf(decision), facts } };
};
