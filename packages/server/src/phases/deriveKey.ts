import { VARIANT } from "@basalt/cache";
import { FIELD } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** KEY-01 to KEY-06; whether a copy compressed here is wanted (HTTP-62). */
export const deriveKey = (exchange: Exchange): PhaseCode => {
  const { vhost, fields } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  exchange.url = vhost.keyRules.canonicalUrl(exchange.target);
  exchange.variant = vhost.keyRules.variantOf(fields.flags) === "" ? VARIANT.PLAIN : VARIANT.ENCODED;
  exchange.wantsGzip = vhost.compression !== undefined && (fields.flags & FIELD.ACCEPTS_GZIP) !== 0;
  return PHASE.LOOKUP;
};
