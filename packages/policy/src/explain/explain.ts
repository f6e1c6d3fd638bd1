import type { EdgeConfig, Provenance, VhostSettings } from "@basalt/config";
import { fieldBlockOf, METHOD, type Method } from "@basalt/http";
import { unreachable } from "@basalt/types";
import { DERIVATION_FAILURE, type Derivation } from "../derivation/contract.ts";
import { compileHeaderRules, type HeaderRules } from "../headerRules.ts";
import type { ExplainedOutcome, ExplainFact, ExplainState, ExplainStep, Explanation } from "./contract.ts";
import { derivationOf, derivationStep, mayAskForDerived, sourceRequestOf } from "./derivation.ts";
import { type KeyParts, keyPartsOf, keyStep } from "./key.ts";
import { lifetimeStep } from "./lifetime.ts";
import { lookupStep } from "./lookup.ts";
import { decideAccess, decideMethod, requestRulesStep } from "./method.ts";
import { bypassedRequest, fillingRequest, originStep } from "./origin.ts";
import { type ExplainedResponse, pendingResponse, storedResponse } from "./response.ts";
import { mayStandInFor, type Reuse, reuseStep } from "./reuse.ts";
import { createSources, type Sources } from "./sources.ts";
import { type Refusal, refusalOf, type UnderstoodRequest } from "./understand.ts";
import { chooseVhost, listenStep, vhostStep } from "./vhost.ts";
import { durationWords } from "./words.ts";

/** What has to be known of the instance before the request can be explained: the object of that URL, for one. */
export interface ExplainSubject {
  readonly vhost: VhostSettings;
  /** After the `$REQ` rules of headers.txt; where the URL asks for something made of another object, for that object. */
  readonly request: UnderstoodRequest;
  readonly parts: KeyParts;
  readonly derivation: Derivation | undefined;
}

/** HTTP-44: everything behind the choice of the host sees the changed request. */
const afterRequestRules = (request: UnderstoodRequest, rules: HeaderRules | undefined): UnderstoodRequest => {
  if (rules?.changesRequests !== true || rules.matching("request", request, 0).length === 0) return request;
  const fields = fieldBlockOf(rules.applyToRequest(request, request.fields.toFlatArray()));
  return { ...request, fields, header: (name) => fields.get(name) };
};

/** Undefined when no virtual host takes the request: then nothing has to be looked up. */
export const explainSubjectOf = (request: UnderstoodRequest, config: EdgeConfig): ExplainSubject | undefined => {
  const { vhost } = chooseVhost(request, config);
  if (vhost === undefined) return undefined;
  const ruled = afterRequestRules(request, compileHeaderRules(vhost));
  const derivation = derivationOf(ruled, vhost);
  const asked = derivation === undefined ? ruled : sourceRequestOf(ruled, derivation);
  return { vhost, request: asked, parts: keyPartsOf(asked, vhost), derivation };
};

interface Conclusion {
  readonly outcome: ExplainedOutcome;
  readonly status: number | null;
  readonly result: string | null;
  readonly verdict: string;
}

const refused = (refusal: Refusal): Conclusion => ({
  outcome: "refused",
  status: refusal.status,
  result: null,
  verdict: refusal.verdict,
});

export interface ExplainWorld {
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
  readonly state: ExplainState;
}

/** What every step behind the choice of the host looks at. */
interface Scene {
  readonly request: UnderstoodRequest;
  readonly vhost: VhostSettings;
  readonly rules: HeaderRules | undefined;
  readonly sources: Sources;
}

/** The steps of a request from the choice of its host on, in the order in which the server takes them. */
class Explainer {
  readonly #world: ExplainWorld;
  readonly #steps: ExplainStep[] = [];

  constructor(world: ExplainWorld) {
    this.#world = world;
  }

  get steps(): readonly ExplainStep[] {
    return this.#steps;
  }

  run(sent: UnderstoodRequest, listen: string | undefined): Conclusion {
    const { config, provenance, state } = this.#world;
    const chosen = chooseVhost(sent, config);
    this.#steps.push(vhostStep(chosen, sent, (vhost) => createSources(provenance, vhost)));
    const { vhost } = chosen;
    if (vhost === undefined) return refused(refusalOf("VHOST_UNKNOWN"));
    const sources = createSources(provenance, vhost);
    if (listen !== undefined) this.#steps.push(listenStep(listen, sent, vhost, config, sources));
    const rules = compileHeaderRules(vhost);
    const ruleStep = requestRulesStep(rules, sent, sources);
    if (ruleStep !== undefined) this.#steps.push(ruleStep);
    const scene = { request: afterRequestRules(sent, rules), vhost, rules, sources };

    const access = decideAccess(scene.request, vhost, config, sources);
    this.#steps.push(access.step);
    if (access.decision.kind === "refused") return refused(access.decision.refusal);
    if (access.decision.kind === "management") {
      return { outcome: "management", status: null, result: null, verdict: access.decision.verdict };
    }

    const derivation = derivationOf(scene.request, vhost);
    // The URL of a media file is an origin's too: bypass rules count for it.
    if (derivation !== undefined && derivation.media?.otherwise !== "source") return this.#derive(scene, derivation);

    const method = decideMethod(scene.request, vhost, state, rules, sources);
    this.#steps.push(method.step);
    switch (method.decision) {
      case "local":
        return { outcome: "local", status: 200, result: "TCP_NONE", verdict: method.step.verdict };
      case "notImplemented":
        return refused(refusalOf("METHOD_NOT_IMPLEMENTED"));
      case "close":
        return { outcome: "closed", status: null, result: null, verdict: method.step.verdict };
      case "bypass":
        return this.#bypass(scene);
      case "cache":
        return derivation === undefined ? this.#cache(scene) : this.#derive(scene, derivation);
      default:
        return unreachable(method.decision);
    }
  }

  /** DIMS-10: no origin sees such a URL, whatever the bypass rules say. */
  #derive(scene: Scene, derivation: Derivation): Conclusion {
    const { request, vhost, sources } = scene;
    this.#steps.push(derivationStep(derivation, vhost, this.#world.state, sources));
    if (!mayAskForDerived(request)) {
      return refused({ status: 405, verdict: `405: ${request.method} has no meaning for what is made here.` });
    }
    if (derivation.kind === "media" && derivation.media === undefined) {
      return refused({ status: 404, verdict: `404: ${DERIVATION_FAILURE.NO_SUCH_STREAM}` });
    }
    const { verdict, ...conclusion } = this.#cache({ ...scene, request: sourceRequestOf(request, derivation) });
    return { ...conclusion, verdict: `Made of ${derivation.sourceTarget}. For that: ${verdict}` };
  }

  #bypass({ request, vhost, rules, sources }: Scene): Conclusion {
    const { state } = this.#world;
    this.#steps.push(originStep(bypassedRequest(request, vhost), true, request, vhost, state, rules, sources));
    const result = "TCP_CLIENT_REFRESH_MISS";
    const words = { verdict: "The origin's answer is handed on.", results: result, isCached: false };
    const { step } = pendingResponse(request, vhost, state, rules, sources, words);
    this.#steps.push({ ...step, facts: [...step.facts, ...unsafeFacts(request, vhost, sources)] });
    const verdict = "Bypasses the cache: the origin answers.";
    return { outcome: "bypass", status: null, result, verdict };
  }

  #cache(scene: Scene): Conclusion {
    const { request, vhost, rules, sources } = scene;
    const { state } = this.#world;
    const { lookup, nowMs } = state;
    if (lookup === undefined) throw new Error("nothing was looked up for a request that the cache answers");
    const unreadable = unreadableBody(request, vhost);
    if (unreadable !== undefined) return { outcome: "closed", status: null, result: null, verdict: unreadable };
    const parts = keyPartsOf(request, vhost);
    this.#steps.push(
      keyStep(parts, request, vhost, lookup, sources),
      lookupStep(lookup, nowMs),
      lifetimeStep(vhost, lookup.url, lookup.object, nowMs, sources),
    );
    const { reuse, step } = reuseStep(request, vhost, state, sources);
    this.#steps.push(step);
    if (reuse === "gatewayTimeout") return refused(refusalOf("NOT_CACHED"));
    if (reuse === "memoryShort") return refused(refusalOf("MEMORY_SHORT"));

    const isAsked = reuse === "renew" || reuse === "replace" || reuse === "fetch";
    const validates = reuse !== "replace" && reuse !== "fetch";
    const asked = fillingRequest(request, vhost, lookup, parts, validates);
    this.#steps.push(originStep(asked, isAsked, request, vhost, state, rules, sources));
    const response = this.#response(scene, parts, reuse);
    this.#steps.push(response.step);
    return conclude(reuse, response, lookup.object?.freshUntilMs ?? 0, nowMs);
  }

  #response({ request, vhost, rules, sources }: Scene, parts: KeyParts, reuse: Reuse): ExplainedResponse {
    const { state } = this.#world;
    const object = state.lookup?.object;
    const pending = (verdict: string, results: string): ExplainedResponse =>
      pendingResponse(request, vhost, state, rules, sources, { verdict, results, isCached: true });
    const mayStandIn = object !== undefined && mayStandInFor(request, vhost, object, state.nowMs);
    const onFailure = mayStandIn ? "TCP_REF_FAIL_HIT" : "TCP_ERROR";
    switch (reuse) {
      case "renew":
        return pending(
          "As stored if the origin confirms it, else what the origin answers.",
          `TCP_REFRESH_HIT if confirmed, TCP_REFRESH_MISS if changed, ${onFailure} if the origin fails`,
        );
      case "replace":
        return pending("What the origin answers.", `TCP_REFRESH_MISS, ${onFailure} if the origin fails`);
      case "fetch":
        return pending("What the origin answers.", "TCP_MISS, TCP_ERROR if the origin fails");
      default:
        if (object === undefined) throw new Error("an object is served that is not there");
        return storedResponse(request, vhost, parts, object, state, rules, sources);
    }
  }
}

const SAFE_METHODS: ReadonlySet<Method> = new Set([METHOD.GET, METHOD.HEAD, METHOD.OPTIONS, METHOD.TRACE]);

/** What a conforming cache does with the answer to a method that changes things (RFC 9111 4.4, RFC 9110 9.3.3). */
const unsafeFacts = (request: UnderstoodRequest, { options }: VhostSettings, sources: Sources): ExplainFact[] => {
  if (options.cachingProfile !== "rfc9111" || SAFE_METHODS.has(request.methodCode)) return [];
  const because = "when the origin accepts it, and what its Location and Content-Location name";
  return [{ name: "invalidates", value: request.target, because, source: sources.option("Options/CachingProfile") }];
};

/** KEY-13, KEY-15: a POST is cached only when its body can be read whole. */
const unreadableBody = (request: UnderstoodRequest, vhost: VhostSettings): string | undefined => {
  if (request.methodCode !== METHOD.POST) return undefined;
  const { maxContentLengthBytes } = vhost.options.postRequest;
  const { contentLength } = request.fields;
  if (contentLength < 0) return "The connection would be closed: a POST that is cached needs a Content-Length.";
  return contentLength > maxContentLengthBytes
    ? `The connection would be closed: the body is longer than ${maxContentLengthBytes} bytes.`
    : undefined;
};

const conclude = (reuse: Reuse, response: ExplainedResponse, freshUntilMs: number, nowMs: number): Conclusion => {
  const { status, result } = response;
  switch (reuse) {
    case "serve": {
      const left = Math.floor((freshUntilMs - nowMs) / 1000);
      const age = left >= 0 ? `fresh for another ${durationWords(left)}` : "stale, as the request allows";
      return { outcome: "hit", status, result, verdict: `A hit: ${status} (${result}), ${age}.` };
    }
    case "serveAndRenew": {
      const verdict = `A stale hit: ${status} (${result}), renewed behind the answer.`;
      return { outcome: "staleHit", status, result, verdict };
    }
    case "serveInEmergency":
      return { outcome: "staleHit", status, result, verdict: `A stale hit in emergency mode: ${status} (${result}).` };
    case "renew":
      return { outcome: "renewal", status, result, verdict: "Expired: the origin is asked whether it has changed." };
    case "replace":
      return { outcome: "renewal", status, result, verdict: "Purged: it is fetched anew from the origin." };
    case "fetch":
      return { outcome: "miss", status, result, verdict: "A miss: it is fetched from the origin." };
    case "gatewayTimeout":
      return refused(refusalOf("NOT_CACHED"));
    case "memoryShort":
      return refused(refusalOf("MEMORY_SHORT"));
    default:
      return unreachable(reuse);
  }
};

/** Explains a request that the parser has let through; `earlier` are the steps so far. */
export const explainRequest = (
  request: UnderstoodRequest,
  asked: { readonly url: string; readonly method: string; readonly listen: string | undefined },
  earlier: readonly ExplainStep[],
  world: ExplainWorld,
): Explanation => {
  const explainer = new Explainer(world);
  const conclusion = explainer.run(request, asked.listen);
  return {
    method: asked.method,
    url: asked.url,
    atMs: world.state.nowMs,
    generation: world.config.generation,
    ...conclusion,
    steps: [...earlier, ...explainer.steps],
  };
};
