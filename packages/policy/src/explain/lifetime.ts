import type { VhostSettings } from "@basalt/config";
import { getField } from "@basalt/http";
import { unreachable } from "@basalt/types";
import { compileCachingRules } from "../cachingRules.ts";
import { currentAge } from "../clientFields.ts";
import type { CustomTtl, ResponseFacts, TtlDecision, TtlSource } from "../contract.ts";
import { responseFacts } from "../facts.ts";
import { compileCustomTtl, growthRowOf } from "../freshness.ts";
import type { ConfigSource, ExplainFact, ExplainStep, StoredView } from "./contract.ts";
import type { Sources } from "./sources.ts";
import { durationWords } from "./words.ts";

type SourceKind = TtlSource["kind"];

interface Question {
  readonly facts: ResponseFacts;
  readonly custom: CustomTtl | undefined;
  /** Age when the origin last spoke of it. */
  readonly ageSeconds: number;
}

interface Candidate {
  readonly kind: SourceKind;
  /** Undefined: the source does not apply. */
  readonly decision: TtlDecision | undefined;
}

/** The priority list one by one: each source alone is asked of the rules that serve requests. */
const guideCandidates = (vhost: VhostSettings, question: Question): Candidate[] => {
  const { priority } = vhost.options.ttl;
  const sources = priority.includes("rescode") ? priority : [...priority, "rescode" as const];
  return sources.map((source) => {
    const ttl = { ...vhost.options.ttl, priority: [source] };
    const alone = compileCachingRules({ ...vhost, options: { ...vhost.options, ttl } });
    const decision = alone.decideTtl(question.facts, question.ageSeconds, question.custom);
    return { kind: source, decision: decision.source.kind === source ? decision : undefined };
  });
};

const SHARED_KINDS: readonly SourceKind[] = [
  "cc_nocache",
  "custom",
  "targeted",
  "s_maxage",
  "cc_maxage",
  "expires",
  "heuristic",
];

/** The question without what that source goes by. */
const withoutSource = ({ facts, custom, ageSeconds }: Question, kind: SourceKind): Question => {
  const said = facts.cacheControl;
  switch (kind) {
    case "cc_nocache": {
      const cacheControl = { ...said, noCache: false };
      const targeted = facts.targeted === undefined ? undefined : { ...facts.targeted, noCache: false };
      return { facts: { ...facts, cacheControl, targeted }, custom, ageSeconds };
    }
    case "custom":
      return { facts, custom: undefined, ageSeconds };
    case "targeted":
      return { facts: { ...facts, targeted: undefined }, custom, ageSeconds };
    case "s_maxage":
      return { facts: { ...facts, cacheControl: { ...said, sMaxAge: undefined } }, custom, ageSeconds };
    case "cc_maxage":
      return { facts: { ...facts, cacheControl: { ...said, maxAge: undefined } }, custom, ageSeconds };
    case "expires":
      return { facts: { ...facts, expires: undefined }, custom, ageSeconds };
    case "heuristic":
      return { facts: { ...facts, lastModifiedMs: undefined }, custom, ageSeconds };
    case "rescode":
    case "none":
      return { facts, custom, ageSeconds };
    default:
      return unreachable(kind);
  }
};

/** The source that counts, then the one that would count without it, and so on; those that never come do not apply. */
const sharedCandidates = (vhost: VhostSettings, question: Question): Candidate[] => {
  const rules = compileCachingRules(vhost);
  const found: Candidate[] = [];
  let rest = question;
  for (let round = 0; round < SHARED_KINDS.length; round++) {
    const decision = rules.decideTtl(rest.facts, rest.ageSeconds, rest.custom);
    const { kind } = decision.source;
    if (kind === "none" || found.some((candidate) => candidate.kind === kind)) break;
    found.push({ kind, decision });
    rest = withoutSource(rest, kind);
  }
  const absent = SHARED_KINDS.filter((kind) => !found.some((candidate) => candidate.kind === kind));
  return [...found, ...absent.map((kind) => ({ kind, decision: undefined }))];
};

const quote = (value: string | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** What of the answer or the configuration the source went by. */
const reasonOf = ({ source }: TtlDecision, object: StoredView): string => {
  const cacheControl = quote(getField(object.fields, "cache-control"));
  switch (source.kind) {
    case "cc_nocache":
    case "cc_maxage":
    case "s_maxage":
      return `the answer said ${cacheControl}`;
    case "custom":
      return `line ${source.line} of ttl.txt matches`;
    case "rescode":
      return `status ${object.status}`;
    case "targeted": {
      const targeted = getField(object.fields, "cdn-cache-control") ?? getField(object.fields, "surrogate-control");
      return `the answer said ${quote(targeted)} to caches like this one`;
    }
    case "expires":
      return `the answer said Expires ${quote(getField(object.fields, "expires"))}`;
    case "heuristic":
      return `a tenth of the time since ${quote(getField(object.fields, "last-modified"))}`;
    case "none":
      return "nothing gives a lifetime";
    default:
      return unreachable(source);
  }
};

const sourceOf = (source: TtlSource, sources: Sources): ConfigSource | undefined => {
  switch (source.kind) {
    case "cc_nocache":
      return sources.option("Options/TTL/NoCache");
    case "custom":
      return sources.condition("ttl.txt", source.line);
    case "rescode":
      return sources.option(`Options/TTL/${source.row}`);
    default:
      return undefined;
  }
};

const NAMES: Readonly<Record<SourceKind, string>> = {
  cc_nocache: "cc_nocache",
  custom: "custom",
  cc_maxage: "cc_maxage",
  rescode: "rescode",
  s_maxage: "s-maxage",
  targeted: "CDN-Cache-Control",
  expires: "Expires",
  heuristic: "heuristic",
  none: "none",
};

const candidateFact = (
  { kind, decision }: Candidate,
  object: StoredView,
  isCounting: boolean,
  vhost: VhostSettings,
  sources: Sources,
): ExplainFact => {
  const name = NAMES[kind];
  if (decision === undefined) return { name, value: null, text: "not applicable" };
  const isOwn = kind !== "cc_nocache" || vhost.options.cachingProfile === "guide";
  const source = isOwn ? sourceOf(decision.source, sources) : undefined;
  const reason = reasonOf(decision, object);
  return {
    name,
    value: decision.ttl,
    text: durationWords(decision.ttl),
    because: isCounting ? reason : `not reached; ${reason}`,
    ...(source === undefined ? {} : { source }),
  };
};

const previewStep = (vhost: VhostSettings, url: string, sources: Sources): ExplainStep => {
  const custom = compileCustomTtl(vhost)(url);
  const facts: ExplainFact[] = [
    custom === undefined
      ? { name: "custom", value: null, text: "no line of ttl.txt matches" }
      : {
          name: "custom",
          value: custom.seconds,
          text: durationWords(custom.seconds),
          because: `line ${custom.line} of ttl.txt matches`,
          source: sources.condition("ttl.txt", custom.line),
        },
  ];
  const { options } = vhost;
  if (options.cachingProfile === "guide") {
    const { ttl } = options;
    const row = (name: string, seconds: number, because: string): ExplainFact => ({
      name,
      value: seconds,
      text: durationWords(seconds),
      because,
      source: sources.option(`Options/TTL/${name}`),
    });
    facts.unshift({
      name: "priority",
      value: ttl.priority.join(", "),
      because: "the first that applies counts",
      source: sources.option("Options/TTL@Priority"),
    });
    facts.push(row("NoCache", ttl.noCache.seconds, "if the answer is marked no-cache"));
    facts.push(row("Res2xx", ttl.res2xx.seconds, "a 2xx that says nothing"));
    facts.push(row("Res3xx", ttl.res3xxSeconds, "a 3xx that says nothing"));
    facts.push(row("Res4xx", ttl.res4xxSeconds, "a 4xx that says nothing"));
    facts.push(row("Res5xx", ttl.res5xxSeconds, "a 5xx that says nothing"));
  } else {
    facts.push({ name: "rfc9111", value: "s-maxage, max-age, Expires, heuristic", because: "as the answer says" });
  }
  return { step: "ttl", verdict: "The answer of the origin will decide.", facts };
};

const growthFact = (
  vhost: VhostSettings,
  object: StoredView,
  decision: TtlDecision,
  nextSeconds: number,
  sources: Sources,
): ExplainFact => {
  const base = { name: "ifConfirmed", value: nextSeconds, text: durationWords(nextSeconds) };
  if (vhost.options.cachingProfile === "rfc9111") return { ...base, because: "by the updated fields of the answer" };
  const row = growthRowOf(decision.source);
  if (row === undefined) return { ...base, because: "a lifetime of this source does not grow" };
  if (object.isExpiredByForce) return { ...base, because: "growth starts again after a forced expiry" };
  const { ratio, max } = row === "NoCache" ? vhost.options.ttl.noCache : vhost.options.ttl.res2xx;
  return {
    ...base,
    because: `grows by ${ratio} %, at most to ${durationWords(max)}`,
    source: sources.option(`Options/TTL/${row}@Ratio`),
  };
};

/** Where the lifetime came from, what is left of it, and what a confirmation would give. */
export const lifetimeStep = (
  vhost: VhostSettings,
  url: string,
  object: StoredView | undefined,
  nowMs: number,
  sources: Sources,
): ExplainStep => {
  if (object === undefined) return previewStep(vhost, url, sources);
  const rules = compileCachingRules(vhost);
  const custom = compileCustomTtl(vhost)(url);
  const facts = responseFacts(object.status, object.fields, object.validatedAtMs);
  const question = { facts, custom, ageSeconds: object.initialAgeSeconds };
  const decision = rules.decideTtl(facts, object.initialAgeSeconds, custom);
  const candidates =
    vhost.options.cachingProfile === "guide" ? guideCandidates(vhost, question) : sharedCandidates(vhost, question);
  const counting = candidates.find((candidate) => candidate.decision !== undefined);
  const shown: ExplainFact[] = candidates.map((candidate) =>
    candidateFact(candidate, object, candidate === counting, vhost, sources),
  );
  if (vhost.options.cachingProfile === "guide") {
    shown.unshift({
      name: "priority",
      value: vhost.options.ttl.priority.join(", "),
      source: sources.option("Options/TTL@Priority"),
    });
  }
  const leftSeconds = Math.floor((object.freshUntilMs - nowMs) / 1000);
  const nextSeconds = rules.extendTtl(object.ttlSeconds, facts, 0, custom, object.isExpiredByForce);
  shown.push(
    {
      name: "given",
      value: object.ttlSeconds,
      text: durationWords(object.ttlSeconds),
      because:
        object.ttlSeconds === decision.ttl
          ? "as these rules say"
          : `these rules would give ${durationWords(decision.ttl)} now, before growth`,
    },
    {
      name: "left",
      value: leftSeconds,
      text: leftWords(object, leftSeconds),
    },
    {
      name: "age",
      value: currentAge(object.initialAgeSeconds, object.validatedAtMs, nowMs),
      text: `${durationWords(currentAge(object.initialAgeSeconds, object.validatedAtMs, nowMs))}`,
    },
    growthFact(vhost, object, decision, nextSeconds, sources),
  );
  return {
    step: "ttl",
    verdict: `${givenWords(object, decision)}, ${leftWords(object, leftSeconds)}.`,
    facts: shown,
  };
};

/** The rules may have changed since: only a lifetime that they could have given is put down to them. */
const givenWords = ({ ttlSeconds }: StoredView, decision: TtlDecision): string => {
  const isTheirs =
    ttlSeconds === decision.ttl || (growthRowOf(decision.source) !== undefined && ttlSeconds > decision.ttl);
  const given = durationWords(ttlSeconds);
  return isTheirs ? `${given} by ${NAMES[decision.source.kind]}` : `${given} as given then`;
};

const leftWords = (object: StoredView, leftSeconds: number): string => {
  if (object.isPurged) return "ended by a purge";
  if (object.isExpiredByForce && leftSeconds < 0) return "ended by an expire call";
  return leftSeconds >= 0 ? `${durationWords(leftSeconds)} left` : `expired ${durationWords(-leftSeconds)} ago`;
};
