import type { ContentCoding, VhostSettings } from "@basalt/config";
import { FIELD, METHOD, statusReason } from "@basalt/http";
import { cacheStatusMember } from "../cacheStatus.ts";
import { clientEtag, currentAge, selectClientFields, type TaggedContent, viaValue } from "../clientFields.ts";
import { compileCompression, compressedFields, withVaryOnEncoding } from "../compression.ts";
import { decideConditional } from "../conditional.ts";
import { requestOfUrl } from "../conditions.ts";
import { compileConnectionRules } from "../connection.ts";
import { codingsOf } from "../contentCodings.ts";
import { compileExpiresRules } from "../expiresRules.ts";
import { responseFacts } from "../facts.ts";
import type { HeaderRules } from "../headerRules.ts";
import { decideRange } from "../range.ts";
import { compileRuleSet } from "../ruleSet.ts";
import type { ConfigSource, ExplainFact, ExplainState, ExplainStep, StoredView } from "./contract.ts";
import type { KeyParts } from "./key.ts";
import { headerRuleFact, pairsOf, removalFacts, ruleReason } from "./rules.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";
import { byteWords, onOffWord } from "./words.ts";

interface Answer {
  readonly status: number;
  readonly because: string;
  readonly source?: ConfigSource;
  /** Bytes of the body, where they are known. */
  readonly bodyBytes: number | undefined;
}

const taggedOf = ({ fields, storedAtMs, bodyBytes, etagMark = 0 }: StoredView): TaggedContent => ({
  fields,
  storedAtMs,
  sizeBytes: bodyBytes,
  etagMark,
});

/** Conditions and ranges, as they are judged at delivery. */
const answerOf = (request: UnderstoodRequest, vhost: VhostSettings, object: StoredView, sources: Sources): Answer => {
  const { options, originOptions } = vhost;
  const etag = clientEtag(taggedOf(object), {
    etagHeader: options.etagHeader,
    cachingProfile: options.cachingProfile,
    originalETag: originOptions.originalETag,
  });
  const { lastModifiedMs } = responseFacts(object.status, object.fields);
  const selected = { status: object.status, etag, lastModifiedMs };
  const outcome = decideConditional(request.methodCode, request.fields, selected, options);
  if (outcome === "notModified") {
    return {
      status: 304,
      because: "the client has it already",
      source: sources.option("Options/LastModifiedCheck"),
      bodyBytes: 0,
    };
  }
  if (outcome === "preconditionFailed") {
    return { status: 412, because: "its If-Match or If-Unmodified-Since does not hold", bodyBytes: 0 };
  }
  const whole = { status: object.status, because: "as stored", bodyBytes: object.bodyBytes };
  const asked = request.header("range");
  if (request.methodCode !== METHOD.GET || asked === undefined) return whole;
  const range = decideRange(asked, request.header("if-range"), selected, object.bodyBytes, options);
  switch (range.kind) {
    case "full":
      return {
        ...whole,
        because: "its Range is not used: the whole is sent",
        source: sources.option("Options/IfRange"),
      };
    case "unsatisfiable":
      return { status: 416, because: `no byte of ${asked} is there`, bodyBytes: 0 };
    case "partial": {
      const bytes = range.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      const spans = range.ranges.map(({ start, end }) => `${start}-${end - 1}`).join(", ");
      const kind = range.ranges.length > 1 ? ", as multipart/byteranges" : "";
      return {
        status: 206,
        because: `bytes ${spans}${kind}`,
        bodyBytes: range.ranges.length > 1 ? undefined : bytes,
      };
    }
  }
};

/** Errors are not content: expires.txt leaves them alone. */
const FIRST_ERROR_STATUS = 400;

interface Reason {
  readonly because: string;
  readonly source?: ConfigSource;
}

const STORED: Reason = { because: "as stored" };

const fieldReason = (
  name: string,
  value: string,
  object: StoredView,
  isCompressedHere: boolean,
  vhost: VhostSettings,
  sources: Sources,
): Reason => {
  const { originalETag } = vhost.originOptions;
  switch (name.toLowerCase()) {
    case "content-encoding":
      return !isCompressedHere ? STORED : { because: "compressed here" };
    case "vary":
      return isSaidBy(object.fields, name, value)
        ? STORED
        : { because: "a compressed form exists beside it", source: sources.option("Options/Compression") };
    case "etag":
      return originalETag
        ? { because: "the origin's", source: sources.option("OriginOptions/OriginalETag") }
        : { because: "made here of time and size", source: sources.option("Options/ETagHeader") };
    case "via":
      return { because: "names this server", source: sources.option("Options/ViaHeader") };
    case "server":
      return { because: "the origin's", source: sources.option("Options/ServerHeader") };
    case "cache-control":
      return isSaidBy(object.fields, name, value)
        ? STORED
        : { because: "in place of the origin's no-cache", source: sources.option("Options/TTL/NoCache@MaxAge") };
    default:
      return STORED;
  }
};

/** Those that the stored response has and the client does not get, by the option that keeps them back. */
const withheldFacts = (
  object: StoredView,
  sent: readonly string[],
  vhost: VhostSettings,
  sources: Sources,
): ExplainFact[] => {
  const names = new Set(pairsOf(sent).map(([name]) => name.toLowerCase()));
  const facts: ExplainFact[] = [];
  for (const [name] of pairsOf(object.fields)) {
    const lowerCaseName = name.toLowerCase();
    if (names.has(lowerCaseName) || lowerCaseName === "date") continue;
    if (lowerCaseName === "server") {
      facts.push({
        name,
        isField: true,
        value: null,
        because: "kept back",
        source: sources.option("Options/ServerHeader"),
      });
    } else if (!vhost.options.originalHeader && lowerCaseName !== "etag") {
      facts.push({
        name,
        isField: true,
        value: null,
        because: "kept back",
        source: sources.option("Options/OriginalHeader"),
      });
    }
  }
  return facts;
};

const connectionFacts = (request: UnderstoodRequest, vhost: VhostSettings, sources: Sources): ExplainFact[] => {
  const decision = compileConnectionRules(vhost.options)(request.fields.flags, 1, 0);
  return pairsOf(decision.fields).map(([name, value]) =>
    name === "Keep-Alive"
      ? {
          name,
          isField: true,
          value,
          because: "on a new connection",
          source: sources.option("Options/KeepAliveHeader"),
        }
      : {
          name,
          isField: true,
          value,
          because: closeReason(request, vhost),
          source: sources.option("Options/ConnectionHeader"),
        },
  );
};

const closeReason = (request: UnderstoodRequest, vhost: VhostSettings): string => {
  if (vhost.options.connectionHeader === "close") return "every connection is closed";
  return (request.fields.flags & FIELD.CLOSE) === 0 ? "the connection stays open" : "the client asked for it";
};

interface Compressed {
  readonly fact: ExplainFact;
  /** Coding of what is sent instead of the object. */
  readonly sent: ContentCoding | undefined;
  /** Whether clients learn that a compressed form exists. */
  readonly isPossible: boolean;
}

const compressionOf = (
  url: string,
  object: StoredView,
  codings: readonly ContentCoding[],
  vhost: VhostSettings,
  sources: Sources,
): Compressed | undefined => {
  const { compression, caseSensitive } = vhost.options;
  if (!compression.enabled) return undefined;
  const source = { status: object.status, fields: object.fields, sizeBytes: object.bodyBytes };
  const rules = compileCompression(vhost);
  const wanted = rules?.(url, source, codings);
  const decision = wanted ?? rules?.(url, source);
  const contentType = pairsOf(object.fields).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  const line = compileRuleSet(vhost.conditions.compression, caseSensitive).first(requestOfUrl(url, contentType));
  if (decision === undefined) {
    return {
      sent: undefined,
      isPossible: false,
      fact: {
        name: "compression",
        value: "none",
        because: noCompressionReason(object, vhost, line === undefined),
        source:
          line === undefined ? sources.option("Options/Compression") : sources.condition("compression.txt", line.line),
      },
    };
  }
  return {
    sent: wanted?.coding,
    isPossible: true,
    fact: {
      name: "compression",
      value: wanted === undefined ? "none" : `${wanted.coding}, level ${wanted.level}`,
      because:
        wanted === undefined
          ? `the client takes no ${codingsOf(vhost).join(" or ")}`
          : `compression.txt names it, and the client takes ${wanted.coding}`,
      source:
        line === undefined ? sources.option("Options/Compression") : sources.condition("compression.txt", line.line),
    },
  };
};

const noCompressionReason = (object: StoredView, vhost: VhostSettings, hasNoLine: boolean): string => {
  if (hasNoLine) return "no line of compression.txt matches";
  const { sourceMinBytes, sourceMaxBytes } = vhost.options.compression;
  if (object.bodyBytes < sourceMinBytes || object.bodyBytes > sourceMaxBytes) return "its size is out of SourceSize";
  return "a line of compression.txt, or the object itself, rules it out";
};

/** OPT-30, OPT-34: the word for an object that is served as it is. */
const hitWord = (status: number, sent: number): string => {
  if (status >= 400) return "TCP_NEGATIVE_HIT";
  return sent === 304 ? "TCP_IMS_HIT" : "TCP_HIT";
};

export interface ExplainedResponse {
  readonly step: ExplainStep;
  readonly status: number | null;
  readonly result: string | null;
}

/** The answer made of what is stored. */
export const storedResponse = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  { url, codings }: KeyParts,
  object: StoredView,
  state: ExplainState,
  rules: HeaderRules | undefined,
  sources: Sources,
): ExplainedResponse => {
  const { options, originOptions } = vhost;
  const compressed = compressionOf(url, object, codings, vhost, sources);
  const coding = compressed?.sent;
  const isCompressed = coding !== undefined;
  const base: StoredView = isCompressed
    ? (state.lookup?.compressed ?? { ...object, fields: compressedFields(object.fields, coding) })
    : object;
  const isSizeKnown = !isCompressed || state.lookup?.compressed !== undefined;
  const answer = answerOf(request, vhost, base, sources);
  const result = hitWord(object.status, answer.status);
  const selected = selectClientFields(
    taggedOf(base),
    { ...options, originalETag: originOptions.originalETag },
    state.product,
  );
  const varied = compressed?.isPossible === true ? withVaryOnEncoding(selected) : selected;
  const expires = answer.status < FIRST_ERROR_STATUS ? compileExpiresRules(vhost) : undefined;
  const expiring = expires?.apply(url, varied, state.nowMs) ?? varied;
  const matching = rules?.changesResponses === true ? rules.matching("response", request, answer.status) : [];
  const facts: ExplainFact[] = [
    statusFact(answer),
    { name: "result", value: result },
    bodyFact(request, answer, isSizeKnown),
  ];
  const final =
    matching.length === 0
      ? expiring
      : (rules?.applyToResponse(request, answer.status, expiring, {
          cacheResult: result,
          protocol: request.protocol,
        }) ?? expiring);
  for (const [name, value] of pairsOf(final)) {
    const ruled = ruleReason(name, matching, sources);
    if (ruled !== undefined) {
      facts.push({ name, isField: true, value, ...ruled });
      continue;
    }
    const byRule = isSaidBy(varied, name, value) ? undefined : expiringReason(name, url, base, vhost, state, sources);
    const isUnknown = name === "ETag" && !isSizeKnown && !originOptions.originalETag;
    const reason = byRule ?? fieldReason(name, value, base, isCompressed, vhost, sources);
    facts.push({
      name,
      isField: true,
      ...(isUnknown ? { value: null, text: "not known before the copy is made" } : { value }),
      ...reason,
    });
  }
  if (options.cacheStatusHeader) {
    const value = cacheStatusMember({ cacheName: state.product.name, outcome: "hit" });
    facts.push({
      name: "Cache-Status",
      isField: true,
      value,
      because: "no origin is asked",
      source: sources.option("Options/CacheStatusHeader"),
    });
  }
  facts.push(ageFact(base, vhost, state, sources));
  facts.push(...connectionFacts(request, vhost, sources));
  if (compressed !== undefined) facts.push(compressed.fact);
  facts.push(...removalFacts(matching, sources));
  facts.push(...withheldFacts(base, expiring, vhost, sources));
  const status = `${answer.status} ${statusReason(answer.status)}`.trim();
  return {
    status: answer.status,
    result,
    step: { step: "response", verdict: `${status}, ${result}.`, facts },
  };
};

const statusFact = ({ status, because, source }: Answer): ExplainFact => ({
  name: "status",
  value: status,
  because,
  ...(source === undefined ? {} : { source }),
});

const bodyFact = (request: UnderstoodRequest, { bodyBytes }: Answer, isSizeKnown: boolean): ExplainFact => {
  if (request.methodCode === METHOD.HEAD) return { name: "body", value: 0, text: "none", because: "HEAD" };
  if (bodyBytes === undefined || !isSizeKnown) return { name: "body", value: null, text: "size not known yet" };
  return { name: "body", value: bodyBytes, text: byteWords(bodyBytes) };
};

const isSaidBy = (fields: readonly string[], name: string, value: string): boolean =>
  pairsOf(fields).some(([other, same]) => other.toLowerCase() === name.toLowerCase() && same === value);

/** Undefined for what expires.txt has not written. */
const expiringReason = (
  name: string,
  url: string,
  object: StoredView,
  vhost: VhostSettings,
  state: ExplainState,
  sources: Sources,
): Reason | undefined => {
  if (!["expires", "cache-control"].includes(name.toLowerCase())) return undefined;
  const contentType = pairsOf(object.fields).find(([other]) => other.toLowerCase() === "content-type")?.[1];
  const content = { url, contentType, lastModifiedMs: responseFacts(object.status, object.fields).lastModifiedMs };
  const decision = compileExpiresRules(vhost)?.decide({ ...content, cacheControl: undefined }, state.nowMs);
  return decision === undefined
    ? undefined
    : { because: `line ${decision.line} of expires.txt`, source: sources.condition("expires.txt", decision.line) };
};

const ageFact = (object: StoredView, vhost: VhostSettings, state: ExplainState, sources: Sources): ExplainFact => {
  const source = sources.option("Options/AgeHeader");
  if (!vhost.options.ageHeader)
    return { name: "Age", isField: true, value: null, text: "not sent", because: "AgeHeader is OFF", source };
  const age = currentAge(object.initialAgeSeconds, object.validatedAtMs, state.nowMs);
  return { name: "Age", isField: true, value: age, because: "AgeHeader is ON", source };
};

interface PendingWords {
  readonly verdict: string;
  /** Result words, each with its condition. */
  readonly results: string;
  /** False: the answer is handed on as it comes. */
  readonly isCached: boolean;
}

/** The answer that the origin has to make first. */
export const pendingResponse = (
  request: UnderstoodRequest,
  vhost: VhostSettings,
  state: ExplainState,
  rules: HeaderRules | undefined,
  sources: Sources,
  words: PendingWords,
): ExplainedResponse => {
  const via = viaValue(vhost.options, state.product);
  const facts: ExplainFact[] = [{ name: "result", value: null, text: words.results }];
  if (words.isCached && via !== undefined) {
    facts.push({
      name: "Via",
      isField: true,
      value: via,
      because: "names this server",
      source: sources.option("Options/ViaHeader"),
    });
  }
  facts.push(...connectionFacts(request, vhost, sources));
  if (words.isCached) {
    facts.push({
      name: "originalHeader",
      value: onOffWord(vhost.options.originalHeader),
      because: vhost.options.originalHeader ? "all end-to-end fields are handed on" : "standard fields are handed on",
      source: sources.option("Options/OriginalHeader"),
    });
  }
  if (rules?.changesResponses === true) {
    facts.push(...rules.matching("response", request, 200).map((rule) => headerRuleFact(rule, sources)));
  }
  return { step: { step: "response", verdict: words.verdict, facts }, status: null, result: null };
};
