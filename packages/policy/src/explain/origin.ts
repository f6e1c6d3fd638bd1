import type { VhostSettings } from "@basalt/config";
import { METHOD } from "@basalt/http";
import { compileKeyRules } from "../cacheKey.ts";
import { responseFacts } from "../facts.ts";
import { fillRequestFields } from "../fillFields.ts";
import type { HeaderRules } from "../headerRules.ts";
import { bypassRequestFields, type OriginRequestClient, validatorFields } from "../originRequest.ts";
import type {
  ConfigSource,
  ExplainFact,
  ExplainState,
  ExplainStep,
  LookupView,
  OriginAddressView,
} from "./contract.ts";
import type { KeyParts } from "./key.ts";
import { pairsOf, removalFacts, ruleReason } from "./rules.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";
import { listWords, onOffWord } from "./words.ts";

/** What would go to the origin. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly mode: "cache" | "bypass";
}

const clientOf = (request: UnderstoodRequest): OriginRequestClient => ({
  clientIp: request.clientIp,
  host: request.host,
  userAgent: request.header("user-agent"),
  xForwardedFor: request.header("x-forwarded-for"),
  protocol: request.protocol,
  port: request.protocol === "https" ? 443 : 80,
});

export const bypassedRequest = (request: UnderstoodRequest, vhost: VhostSettings): Asked => ({
  method: request.method,
  target: request.target,
  fields: bypassRequestFields(request.fields.toFlatArray(), clientOf(request), vhost),
  mode: "bypass",
});

/** `validates`: the stored object is to be confirmed. */
export const fillingRequest = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  lookup: LookupView,
  { variant }: KeyParts,
  validates: boolean,
): Asked => {
  const isPost = request.methodCode === METHOD.POST;
  const filling = {
    client: clientOf(request),
    get: (name: string) => request.fields.get(name),
    toFlatArray: () => request.fields.toFlatArray(),
    hasKeyBody: isPost,
  };
  const object = validates && !isPost ? lookup.object : undefined;
  const validators =
    object === undefined
      ? []
      : validatorFields(responseFacts(object.status, object.fields), {
          originalETag: vhost.originOptions.originalETag,
        });
  return {
    method: isPost ? "POST" : "GET",
    target: compileKeyRules(vhost).originTarget(request.target, lookup.url),
    fields: [...fillRequestFields(filling, vhost, variant), ...validators],
    mode: "cache",
  };
};

const addressFact = (address: OriginAddressView, index: number, sources: Sources, workerCount: number): ExplainFact => {
  const state = stateOf(address, workerCount);
  return {
    name: address.isStandby ? "standby" : "address",
    value: address.text,
    because:
      address.failures > 0 && address.excludedBy.length === 0
        ? `${state}, ${address.failures} failures in a row`
        : state,
    source: sources.option(address.isStandby ? "Origin/Address2" : "Origin/Address", index),
  };
};

const stateOf = ({ excludedBy, isStandby }: OriginAddressView, workerCount: number): string => {
  if (excludedBy.length === 0) return isStandby ? "ready to stand in" : "in service";
  if (excludedBy.length >= workerCount) return "excluded";
  return `excluded by worker ${listWords(excludedBy.map(String))}`;
};

/** Those that a request may be sent to, as far as all workers agree: actives, and as many standbys as actives are out. */
const candidatesOf = (addresses: readonly OriginAddressView[]): readonly OriginAddressView[] => {
  const healthy = addresses.filter(({ excludedBy }) => excludedBy.length === 0);
  const actives = healthy.filter(({ isStandby }) => !isStandby);
  const wanted = addresses.filter(({ isStandby }) => !isStandby).length;
  return [...actives, ...healthy.filter(({ isStandby }) => isStandby).slice(0, Math.max(0, wanted - actives.length))];
};

const BALANCE_WORDS = {
  RoundRobin: "in turn, by each worker",
  Session: "one with an idle connection, else in turn",
  Hash: "by the target, always the same",
  Latency: "the one that answers soonest, as the worker knows",
} as const;

const hostFact = (asked: Asked, vhost: VhostSettings, address: OriginAddressView, sources: Sources): ExplainFact => {
  const own = pairsOf(asked.fields).find(([name]) => name.toLowerCase() === "host")?.[1];
  const value = own ?? address.hostField;
  const { host, hostBypass } = vhost.originOptions;
  const isBypassed = asked.mode === "bypass";
  if (isBypassed && !hostBypass) {
    return {
      name: "Host",
      isField: true,
      value,
      because: "the client's",
      source: sources.option("OriginOptions/Host@Bypass"),
    };
  }
  const source = sources.option("OriginOptions/Host");
  if (own === undefined)
    return { name: "Host", isField: true, value, because: "by the form of the address (CFG-12)", source };
  return { name: "Host", isField: true, value, because: host === "*" ? "the client's" : "as configured", source };
};

interface FieldReason {
  readonly because: string;
  readonly source?: ConfigSource;
}

const fieldReason = (name: string, asked: Asked, vhost: VhostSettings, sources: Sources): FieldReason => {
  const { originOptions } = vhost;
  const isBypassed = asked.mode === "bypass";
  switch (name.toLowerCase()) {
    case "user-agent":
      if (isBypassed && !originOptions.userAgentBypass) {
        return { because: "the client's", source: sources.option("OriginOptions/UserAgent@Bypass") };
      }
      return {
        because: originOptions.userAgent === "*" ? "the client's" : "as configured",
        source: sources.option("OriginOptions/UserAgent"),
      };
    case "x-forwarded-proto":
    case "x-forwarded-port":
      return { because: "how the client connected, where that is told", source: sources.option("OriginOptions") };
    case "x-forwarded-for":
      if (originOptions.forwarded.xff !== "append") {
        return { because: "as the client sent it", source: sources.option("OriginOptions/XFFMode") };
      }
      if (isBypassed && !originOptions.xffClientIpOnlyBypass) {
        return { because: "as the client sent it", source: sources.option("OriginOptions/XFFClientIPOnly@Bypass") };
      }
      return {
        because: originOptions.xffClientIpOnly ? "the first address only" : "the client's list and its address",
        source: sources.option("OriginOptions/XFFClientIPOnly"),
      };
    case "accept-encoding":
      return isBypassed
        ? { because: "the client's" }
        : { because: "the variant with compression", source: sources.option("Options/AcceptEncoding") };
    case "if-modified-since":
      return { because: isBypassed ? "the client's" : "Last-Modified of what is stored" };
    case "if-none-match":
      return isBypassed
        ? { because: "the client's" }
        : { because: "ETag of what is stored", source: sources.option("OriginOptions/OriginalETag") };
    default:
      return isBypassed || vhost.options.cachingProfile === "guide"
        ? { because: "the client's" }
        : {
            because: "the client's, handed on by a conforming cache",
            source: sources.option("Options/CachingProfile"),
          };
  }
};

/** `isAsked` false: what the next renewal would send. */
export const originStep = (
  asked: Asked,
  isAsked: boolean,
  request: UnderstoodRequest,
  vhost: VhostSettings,
  state: ExplainState,
  rules: HeaderRules | undefined,
  sources: Sources,
): ExplainStep => {
  const { addresses } = state;
  const workerCount = Math.max(1, state.lookup?.workers.length ?? 1);
  const actives = addresses.filter(({ isStandby }) => !isStandby);
  const standbys = addresses.filter(({ isStandby }) => isStandby);
  const facts: ExplainFact[] = [
    ...actives.map((address, index) => addressFact(address, index, sources, workerCount)),
    ...standbys.map((address, index) => addressFact(address, index, sources, workerCount)),
  ];
  const candidates = candidatesOf(addresses);
  const [first] = candidates;
  if (candidates.length > 1) {
    facts.push({
      name: "balanceMode",
      value: vhost.originOptions.balanceMode,
      because: BALANCE_WORDS[vhost.originOptions.balanceMode],
      source: sources.option("OriginOptions/BalanceMode"),
    });
  }
  const shown = first ?? addresses[0];
  const prefix = shown?.pathPrefix ?? "";
  facts.push({
    name: "request",
    value: `${asked.method} ${prefix}${asked.target}`,
    because: targetReason(asked, vhost, prefix),
    ...(asked.mode === "cache" ? { source: sources.option("OriginOptions/WholeClientRequest") } : {}),
  });
  if (shown !== undefined) facts.push(hostFact(asked, vhost, shown, sources));
  const matching = rules?.changesOriginRequests === true ? rules.matching("originRequest", request, 0) : [];
  const fields = rules === undefined ? asked.fields : rules.applyToOriginRequest(request, asked.fields);
  for (const [name, value] of pairsOf(fields)) {
    if (name.toLowerCase() === "host") continue;
    facts.push({
      name,
      isField: true,
      value,
      ...(ruleReason(name, matching, sources) ?? fieldReason(name, asked, vhost, sources)),
    });
  }
  facts.push(...removalFacts(matching, sources));
  return { step: "origin", verdict: verdictOf(isAsked, candidates), facts };
};

const targetReason = (asked: Asked, vhost: VhostSettings, prefix: string): string => {
  const path = prefix === "" ? "" : `, behind the path of the address`;
  if (asked.mode === "bypass") return `as sent${path}`;
  const whole = vhost.originOptions.wholeClientRequest;
  return `${whole ? "the client's URL" : "the URL of the key"} (WholeClientRequest ${onOffWord(whole)})${path}`;
};

const verdictOf = (isAsked: boolean, candidates: readonly OriginAddressView[]): string => {
  if (!isAsked) return "Not asked now; the next renewal would be:";
  if (candidates.length === 0) return "Every origin server is excluded: the request would fail.";
  const names = candidates.map(({ text }) => text);
  return names.length === 1 ? `${names[0]} is asked.` : `One of ${listWords(names)} is asked.`;
};
