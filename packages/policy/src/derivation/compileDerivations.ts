import type { VhostSettings } from "@basalt/config";
import { compileDims } from "./compileDims.ts";
import { compileDrm } from "./compileDrm.ts";
import type { Derivation, DerivationRules } from "./contract.ts";

/** What the host makes of its objects when a URL asks for it; undefined: nothing, all its URLs are ordinary. */
export const compileDerivations = (settings: VhostSettings): DerivationRules | undefined => {
  const dims = compileDims(settings);
  const drm = compileDrm(settings);
  if (dims === undefined || drm === undefined) return dims ?? drm;
  const rulesOf: Readonly<Record<Derivation["kind"], DerivationRules>> = { dims, drm };
  return {
    of: (request) => dims.of(request) ?? drm.of(request),
    plan: (derivation, source) => rulesOf[derivation.kind].plan(derivation, source),
  };
};
