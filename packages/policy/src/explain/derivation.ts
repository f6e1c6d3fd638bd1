import type { VhostSettings } from "@basalt/config";
import { METHOD } from "@basalt/http";
import { originFormOf } from "../cacheKey.ts";
import { compileDerivations } from "../derivation/compileDerivations.ts";
import type { Derivation, DerivationPlan } from "../derivation/contract.ts";
import type { ExplainFact, ExplainState, ExplainStep } from "./contract.ts";
import { mediaFacts, variantFacts } from "./mediaFacts.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";

/** What a URL asks to be made of another object of the host (DIMS-08, DRM-03). */
export const derivationOf = (request: UnderstoodRequest, vhost: VhostSettings): Derivation | undefined =>
  compileDerivations(vhost)?.of({ target: request.target, get: request.header, methodCode: request.methodCode });

export const mayAskForDerived = ({ methodCode }: UnderstoodRequest): boolean =>
  methodCode === METHOD.GET || methodCode === METHOD.HEAD;

/** The request for what the result is made of. */
export const sourceRequestOf = (request: UnderstoodRequest, { sourceTarget }: Derivation): UnderstoodRequest => {
  const target = originFormOf(sourceTarget);
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  return { ...request, target, path, pathAndQuery: target };
};

/** What is made of the source as it is stored; of one that has to be fetched first, as it usually is. */
const planOf = (derivation: Derivation, vhost: VhostSettings, { lookup }: ExplainState): DerivationPlan | undefined => {
  const object = lookup?.object;
  // Of several sources each is judged by itself.
  const [first] = derivation.variants ?? [];
  return compileDerivations(vhost)?.plan(first?.derivation ?? derivation, {
    status: object?.status ?? 200,
    fields: object?.fields ?? [],
    sizeBytes: object?.bodyBytes ?? -1,
  });
};

const planFact = (plan: DerivationPlan | undefined): ExplainFact => {
  if (plan?.kind !== "failure") {
    return { name: "plan", value: plan?.kind === "operation" ? "conversion" : "the source as it is" };
  }
  const { reason, detail, status } = plan;
  const text = status === undefined ? reason : `${status}: ${reason}`;
  return { name: "plan", value: "failure", text, ...(detail === undefined ? {} : { because: detail }) };
};

const resultFact = ({ derived }: ExplainState): ExplainFact => ({
  name: "storedResults",
  value: derived.length,
  ...(derived.length === 0
    ? {}
    : { text: derived.map(({ bodyBytes, place }) => `${bodyBytes} bytes, ${place}`).join("; ") }),
});

const KIND_WORDS = { dims: "a DIMS URL", drm: "a DRM URL", media: "a media URL" } as const;
const KEYWORD_PLACE = { dims: "Options/Dims@Keyword", drm: "Options/Drm@Keyword" } as const;

/** What has made the URL one that asks for something. */
const askedFacts = (derivation: Derivation, vhost: VhostSettings, sources: Sources): readonly ExplainFact[] => {
  const { kind, media, sourceTarget, variants } = derivation;
  if (variants !== undefined) return variantFacts(variants, sources);
  if (kind === "media") return mediaFacts(media, sourceTarget, sources);
  return [{ name: "keyword", value: vhost.options[kind].keyword, source: sources.option(KEYWORD_PLACE[kind]) }];
};

export const derivationStep = (
  derivation: Derivation,
  vhost: VhostSettings,
  state: ExplainState,
  sources: Sources,
): ExplainStep => {
  const { kind, url, selector, sourceTarget, commands, media, variesOn, redirectTarget } = derivation;
  const plan = planOf(derivation, vhost, state);
  const facts: ExplainFact[] = [
    ...askedFacts(derivation, vhost, sources),
    {
      name: "sourceUrl",
      value: sourceTarget,
      because: `${media?.originTarget === undefined ? "the origin is asked for" : "it is kept as"} that alone`,
    },
    ...(commands === "" ? [] : [{ name: "commands", value: commands }]),
    { name: "resultUrl", value: url, because: "the result is kept, logged and purged under that" },
    ...(selector === "" ? [] : [{ name: "selector", value: selector }]),
    ...(variesOn === undefined ? [] : [{ name: "variesOn", value: variesOn }]),
    ...(redirectTarget === undefined ? [] : [{ name: "onFailure", value: `redirect to ${redirectTarget}` }]),
    planFact(plan),
    resultFact(state),
  ];
  const outcome = plan?.kind === "failure" ? " Making it fails." : "";
  return {
    step: "derivation",
    verdict: `${url} is ${KIND_WORDS[kind]}: it is made of ${sourceTarget}, and what follows is about that.${outcome}`,
    facts,
  };
};
