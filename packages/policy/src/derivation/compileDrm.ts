import { hash } from "node:crypto";
import type { VhostSettings } from "@basalt/config";
import { compileKeyRules, originFormOf } from "../cacheKey.ts";
import { DERIVATION_FAILURE, type DerivationPlan, type DerivationRules } from "./contract.ts";
import { drmIvOf, drmKeyOf } from "./drmKey.ts";

const SELECTOR_CHARACTERS = 12;

const FAILED: DerivationPlan = { kind: "failure", reason: DERIVATION_FAILURE.ENCRYPTION };

const pathOf = (target: string): string => {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
};

/**
 * DRM-01 to DRM-15. The keyword stands at the end of the path or at the end of the whole URL: in `/a.mp3/drm?x=1` and
 * `/a.mp3?x=1/drm` alike, `/a.mp3?x=1` is asked for. What is encrypted under one key is never given out for another: a
 * digest of what makes the key is the selector of the result, so that results under an old key are not found again.
 */
export const compileDrm = (vhost: VhostSettings): DerivationRules | undefined => {
  const { drm, caseSensitive } = vhost.options;
  if (drm.status !== "Active") return undefined;
  const suffix = `/${drm.keyword}`;
  const foldedSuffix = suffix.toLowerCase();
  const keyRules = compileKeyRules(vhost);
  const { algorithm, maxSourceBytes } = drm;
  const iv = drmIvOf(drm);
  const keyIsOfPath = drm.key.some((part) => part !== "$Token");

  const endsSo = (text: string): boolean => {
    if (text.endsWith(suffix)) return text.length > suffix.length;
    if (caseSensitive || text.length <= suffix.length) return false;
    return text.slice(-suffix.length).toLowerCase() === foldedSuffix;
  };

  /** Undefined: the URL does not ask for an encrypted form. */
  const sourceOf = (sent: string): string | undefined => {
    const target = originFormOf(sent);
    if (endsSo(target)) return target.slice(0, -suffix.length);
    const query = target.indexOf("?");
    if (query < 0) return undefined;
    const path = target.slice(0, query);
    return endsSo(path) ? path.slice(0, -suffix.length) + target.slice(query) : undefined;
  };

  const secrets = JSON.stringify([algorithm, drm.keyHash, drm.key, drm.token, drm.iv]);
  const digestOf = (text: string): string => hash("sha256", text, "base64url").slice(0, SELECTOR_CHARACTERS);
  const fixedSelector = digestOf(secrets);
  // With CaseSensitive OFF one canonical URL stands for several paths, each of which has a key of its own.
  const selectorOf = (path: string): string =>
    caseSensitive || !keyIsOfPath ? fixedSelector : digestOf(`${secrets}${path}`);

  return {
    of: ({ target }) => {
      const sourceTarget = sourceOf(target);
      if (sourceTarget === undefined) return undefined;
      return {
        kind: "drm",
        url: `${keyRules.canonicalUrl(sourceTarget)}${suffix}`,
        selector: selectorOf(pathOf(sourceTarget)),
        sourceTarget,
        commands: "",
        redirectTarget: undefined,
        variesOn: undefined,
      };
    },
    plan: ({ sourceTarget }, { status, sizeBytes }) => {
      if (status !== 200) return { kind: "failure", reason: DERIVATION_FAILURE.SOURCE_MISSING };
      if (sizeBytes > maxSourceBytes) return { kind: "failure", reason: DERIVATION_FAILURE.SOURCE_TOO_LARGE };
      const key = drmKeyOf(drm, pathOf(sourceTarget));
      if (key === undefined || iv === undefined) return FAILED;
      return { kind: "operation", operation: { kind: "encrypt", algorithm, key, iv }, maxSourceBytes };
    },
  };
};
