import { createHash } from "node:crypto";
import type { VhostSettings } from "@basalt/config";
import { requestOfUrl } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";

/**
 * What a POST to a URL (path and query string) adds to the cache key (KEY-12, KEY-14): at most 24 characters of A-Z, a-z,
 * 0-9, `-` and `_`, never empty. A digest of the body, or a word that stands for any body, so that a POST is never
 * confused with the GET of its URL.
 */
export type PostSelector = (url: string, body: Uint8Array) => string;

/** Shorter than any digest: no body is given it. */
const ANY_BODY = "POST";

const DIGEST_CHARACTERS = 24;

/** Whether the body of a POST to a URL is part of its key: `BodySensitive`, turned round where postbody.txt matches. */
export const compileBodySensitivity = (vhost: VhostSettings): ((url: string) => boolean) => {
  const { postRequest, caseSensitive } = vhost.options;
  const exceptions = compileRuleSet(vhost.conditions.postbody, caseSensitive);
  return (url) => postRequest.bodySensitive !== (exceptions.first(requestOfUrl(url)) !== undefined);
};

export const compilePostSelector = (vhost: VhostSettings): PostSelector => {
  const isBodySensitive = compileBodySensitivity(vhost);
  return (url, body) =>
    isBodySensitive(url) ? createHash("sha256").update(body).digest("base64url").slice(0, DIGEST_CHARACTERS) : ANY_BODY;
};
