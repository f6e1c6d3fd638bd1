import { VARIANT, type Variant } from "@basalt/cache";
import { METHOD } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { deriveBodyKey } from "./postKey.ts";
import type { WantedObject } from "./wantedObject.ts";

/** KEY-01 to KEY-06; whether a copy compressed here is wanted (HTTP-62). */
export const deriveKey = (exchange: Exchange): PhaseCode => {
  const { vhost, fields } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  exchange.composed = undefined;
  exchange.url = canonicalUrl(keyTarget(exchange), vhost);
  exchange.name = exchange.url;
  exchange.variant = variantOf(exchange, vhost);
  if (exchange.derivation?.variants !== undefined) return PHASE.JOIN_VARIANTS;
  if (exchange.derivation !== undefined) return PHASE.LOOKUP;
  if (vhost.codingChoice !== undefined) exchange.codings = vhost.codingChoice(fields.flags);
  return exchange.methodCode === METHOD.POST ? deriveBodyKey(exchange, vhost) : PHASE.LOOKUP;
};

/** Path and query string of what is looked up, and asked of the origin where it is not there. */
export const keyTarget = ({ derivation, target }: Pick<WantedObject, "derivation" | "target">): string =>
  derivation?.sourceTarget ?? target;

/** The key of a GET with these fields. */
export const keyOf = (exchange: Exchange, vhost: ServedVhost): { readonly url: string; readonly variant: Variant } => ({
  url: canonicalUrl(exchange.target, vhost),
  variant: variantOf(exchange, vhost),
});

/** The URL part of the key, as this worker knows the rules of the host and of the path. */
export const canonicalUrl = (target: string, vhost: ServedVhost): string => {
  const url = vhost.keyRules.canonicalUrl(target);
  return vhost.searchRules.isEmpty ? url : vhost.searchRules.canonicalUrl(url);
};

export const variantOf = ({ fields }: Exchange, vhost: ServedVhost): Variant =>
  vhost.keyRules.variantOf(fields.flags) === "" ? VARIANT.PLAIN : VARIANT.ENCODED;
