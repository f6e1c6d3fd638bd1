import { fieldBlockOf } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/**
 * The `$REQ` rules of headers.txt (HTTP-44): as soon as the host is known, so that everything that follows sees the
 * changed request. What the connection has acted on, its framing and its Host, is out of their reach.
 */
export const modifyRequest = (exchange: Exchange, { headerRules }: ServedVhost): void => {
  if (headerRules === undefined || !headerRules.changesRequests) return;
  if (headerRules.matching("request", exchange, 0).length === 0) return;
  exchange.fields = fieldBlockOf(headerRules.applyToRequest(exchange, exchange.fields.toFlatArray()));
};
