import type { VhostSettings } from "@basalt/config";
import { compileDims } from "./compileDims.ts";
import { compileDrm } from "./compileDrm.ts";
import { compileMedia } from "./compileMedia.ts";
import { DERIVATION_FAILURE, type Derivation, type DerivationRequest, type DerivationRules } from "./contract.ts";

/** Selector of what a URL asks to be made of something that is made itself; none ever is. */
const NESTED = "nested";

/** Of what is made of files by the rest of their URL, the source in the end. */
const plainSource = (rules: readonly DerivationRules[], found: Derivation, { get }: DerivationRequest): string => {
  let { sourceTarget } = found;
  for (;;) {
    const target = sourceTarget;
    const inner = rules.map((each) => each.of({ target, get })?.sourceTarget).find((each) => each !== undefined);
    if (inner === undefined || inner === target) return target;
    sourceTarget = inner;
  }
};

/**
 * What the host makes of its objects when a URL asks for it; undefined: nothing, all its URLs are ordinary. DIMS and DRM
 * look at a URL before the media functions do.
 */
export const compileDerivations = (settings: VhostSettings): DerivationRules | undefined => {
  const dims = compileDims(settings);
  const drm = compileDrm(settings);
  const media = compileMedia(settings);
  /** Of which nothing further is made: no origin is asked for an encrypted form (DRM-15), or for a part of a film. */
  const lasting = [drm, media].filter((rules) => rules !== undefined);
  if (lasting.length === 0) return dims;

  const ofPlain = (found: Derivation, request: DerivationRequest): Derivation => {
    const sourceTarget = plainSource(lasting, found, request);
    return sourceTarget === found.sourceTarget ? found : { ...found, sourceTarget, selector: NESTED };
  };

  return {
    of: (request) => {
      const found = dims?.of(request) ?? drm?.of(request);
      return found === undefined ? media?.of(request) : ofPlain(found, request);
    },
    plan: (derivation, source) => {
      const rules = { dims, drm, media }[derivation.kind];
      if (derivation.selector === NESTED || rules === undefined) {
        return { kind: "failure", reason: DERIVATION_FAILURE.CONVERSION };
      }
      return rules.plan(derivation, source);
    },
  };
};
