import { METHOD } from "@basalt/http";
import { sendPage } from "../delivery/errorResponse.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/**
 * OPTIONS is answered here where a `$RES` rule for it says what to answer (HTTP-37, OPEN 12 of spec 04), so that CORS needs
 * no origin that knows it, and where the target is `*`: that means the server that is asked (RFC 9110 9.3.7). False: the
 * request goes on to the origin.
 */
export const answerOptions = (exchange: Exchange, { headerRules }: ServedVhost): boolean => {
  if (exchange.methodCode !== METHOD.OPTIONS) return false;
  if (exchange.target !== "*" && headerRules?.answersOptions(exchange) !== true) return false;
  sendPage(exchange, 200, "Allow: GET, HEAD, POST, OPTIONS\r\n", "");
  return true;
};
