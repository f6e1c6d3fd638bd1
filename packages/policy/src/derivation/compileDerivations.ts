import type { VhostSettings } from "@basalt/config";
import { compileDims } from "./compileDims.ts";
import { compileDrm } from "./compileDrm.ts";
import { DERIVATION_FAILURE, type Derivation, type DerivationRequest, type DerivationRules } from "./contract.ts";

/** Selector of what a URL asks to be made of something encrypted; none is ever made. */
const NESTED = "nested";

/** What the host makes of its objects when a URL asks for it; undefined: nothing, all its URLs are ordinary. */
export const compileDerivations = (settings: VhostSettings): DerivationRules | undefined => {
  const dims = compileDims(settings);
  const drm = compileDrm(settings);
  if (drm === undefined) return dims;

  /** No origin is asked for an encrypted form (DRM-15), for one of which something is to be made neither. */
  const ofPlain = (found: Derivation, { get }: DerivationRequest): Derivation => {
    let { sourceTarget } = found;
    for (let inner = drm.of({ target: sourceTarget, get }); inner !== undefined; ) {
      sourceTarget = inner.sourceTarget;
      inner = drm.of({ target: sourceTarget, get });
    }
    return sourceTarget === found.sourceTarget ? found : { ...found, sourceTarget, selector: NESTED };
  };

  return {
    of: (request) => {
      const found = dims?.of(request) ?? drm.of(request);
      return found === undefined ? undefined : ofPlain(found, request);
    },
    plan: (derivation, source) => {
      if (derivation.selector === NESTED) return { kind: "failure", reason: DERIVATION_FAILURE.CONVERSION };
      return (derivation.kind === "dims" && dims !== undefined ? dims : drm).plan(derivation, source);
    },
  };
};
