import type { ContentCoding, VhostSettings } from "@basalt/config";
import { FIELD, METHOD } from "@basalt/http";
import { compileKeyRules, originFormOf, type Variant } from "../cacheKey.ts";
import { requestOfUrl } from "../conditions.ts";
import { codingsOf, compileCodingChoice, NO_CODINGS } from "../contentCodings.ts";
import { compileBodySensitivity } from "../postKey.ts";
import { compileRuleSet } from "../ruleSet.ts";
import type { ExplainFact, ExplainStep, LookupView } from "./contract.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";
import { listWords, onOffWord } from "./words.ts";

/** What is looked up, before what is stored has its say. */
export interface KeyParts {
  readonly url: string;
  readonly variant: Variant;
  /** Codings in which a copy compressed here is wanted, the best first. */
  readonly codings: readonly ContentCoding[];
}

export const keyPartsOf = (request: UnderstoodRequest, vhost: VhostSettings): KeyParts => {
  const rules = compileKeyRules(vhost);
  const { flags } = request.fields;
  return {
    url: rules.canonicalUrl(request.target),
    variant: rules.variantOf(flags),
    codings: vhost.options.compression.enabled ? compileCodingChoice(vhost)(flags) : NO_CODINGS,
  };
};

const queryFacts = (parts: KeyParts, request: UnderstoodRequest, vhost: VhostSettings, sources: Sources) => {
  const { applyQueryString, caseSensitive } = vhost.options;
  const facts: ExplainFact[] = [];
  const sent = originFormOf(request.target);
  const { mode } = vhost.options.selection.query;
  if (sent.includes("?") && mode !== "profile") {
    facts.push({
      name: "queryString",
      value: parts.url.includes("?") ? parts.url.slice(parts.url.indexOf("?")) : "left out",
      because: `Forward/QueryString has the mode ${mode}`,
      source: sources.option("Options/Forward/QueryString@Mode"),
    });
  } else if (sent.includes("?")) {
    const isKept = parts.url.includes("?");
    const inQuestion = caseSensitive ? sent : sent.toLowerCase();
    const exception = compileRuleSet(vhost.conditions.querystring, caseSensitive).first(requestOfUrl(inQuestion));
    facts.push({
      name: "queryString",
      value: isKept ? "kept" : "left out",
      because:
        exception === undefined
          ? `ApplyQueryString is ${onOffWord(applyQueryString)}`
          : `line ${exception.line} of querystring.txt makes an exception of ApplyQueryString ${onOffWord(applyQueryString)}`,
      source:
        exception === undefined
          ? sources.option("Options/ApplyQueryString")
          : sources.condition("querystring.txt", exception.line),
    });
  }
  return facts;
};

const variantFacts = (parts: KeyParts, request: UnderstoodRequest, vhost: VhostSettings, sources: Sources) => {
  const { acceptEncoding, compression } = vhost.options;
  const accepts = (request.fields.flags & FIELD.ACCEPTS_COMPRESSION) !== 0;
  const facts: ExplainFact[] = [];
  if (compression.enabled) {
    facts.push({
      name: "variant",
      value: "plain",
      because:
        parts.codings.length > 0
          ? "a copy compressed here is preferred where compression.txt names the object"
          : `the client takes no ${codingsOf(vhost).join(" or ")}`,
      source: sources.option("Options/Compression"),
    });
  } else {
    facts.push({
      name: "variant",
      value: parts.variant === "" ? "plain" : parts.variant,
      because: variantReason(acceptEncoding, accepts),
      source: sources.option("Options/AcceptEncoding"),
    });
  }
  return facts;
};

const variantReason = (tellsApart: boolean, accepts: boolean): string => {
  if (!tellsApart) return "AcceptEncoding is OFF: all clients get the same object";
  return accepts ? "the client takes gzip or deflate" : "the client takes no compression";
};

const selectorFact = (
  lookup: LookupView,
  request: UnderstoodRequest,
  vhost: VhostSettings,
  sources: Sources,
): ExplainFact | undefined => {
  if (request.methodCode === METHOD.POST) {
    const isSensitive = compileBodySensitivity(vhost)(lookup.url);
    const exceptions = compileRuleSet(vhost.conditions.postbody, vhost.options.caseSensitive);
    const exception = exceptions.first(requestOfUrl(lookup.url));
    return {
      name: "postBody",
      value: isSensitive ? "part of the key" : "not part of the key",
      because: isSensitive ? "explain sends no body: the digest is that of an empty one" : "any body is the same",
      source:
        exception === undefined
          ? sources.option("Options/PostRequest@BodySensitive")
          : sources.condition("postbody.txt", exception.line),
    };
  }
  if (lookup.selectedBy.length === 0) {
    return vhost.options.varyHeader.length === 0
      ? undefined
      : {
          name: "vary",
          value: null,
          text: "no field counts",
          because: lookup.variants.length === 0 ? "nothing is stored yet" : "by the Vary of what is stored",
          source: sources.option("Options/VaryHeader"),
        };
  }
  return {
    name: "vary",
    value: lookup.selectedBy.join(", "),
    because:
      lookup.selector === ""
        ? "and the request has the values of the object stored first"
        : "the request has other values than the object stored first, and a selector of its own",
    source: sources.option("Options/VaryHeader"),
  };
};

/** What the answers of the path have said of its query, as the workers have learned it. */
const searchFacts = (parts: KeyParts, lookup: LookupView): ExplainFact[] =>
  lookup.url === parts.url
    ? []
    : [{ name: "noVarySearch", value: lookup.url, because: "an answer's No-Vary-Search leaves out the rest" }];

export const keyStep = (
  parts: KeyParts,
  request: UnderstoodRequest,
  vhost: VhostSettings,
  lookup: LookupView,
  sources: Sources,
): ExplainStep => {
  const { caseSensitive } = vhost.options;
  const facts: ExplainFact[] = [
    { name: "canonicalUrl", value: parts.url },
    ...searchFacts(parts, lookup),
    {
      name: "caseSensitive",
      value: onOffWord(caseSensitive),
      because: caseSensitive ? "the URL is taken as it is" : "the URL is taken in lower case",
      source: sources.option("Options/CaseSensitive"),
    },
    ...queryFacts(parts, request, vhost, sources),
    ...variantFacts(parts, request, vhost, sources),
  ];
  const selector = selectorFact(lookup, request, vhost, sources);
  if (selector !== undefined) facts.push(selector);
  if (lookup.selector !== "") facts.push({ name: "selector", value: lookup.selector });
  facts.push({ name: "digest", value: lookup.keyDigest });
  const extras = [
    parts.variant === "" ? undefined : `variant ${parts.variant}`,
    lookup.selector === "" ? undefined : `selector ${lookup.selector}`,
  ].filter((extra) => extra !== undefined);
  return {
    step: "key",
    verdict: `${lookup.url} of ${vhost.name}${extras.length === 0 ? "" : `, ${listWords(extras)}`}.`,
    facts,
  };
};
