import { METHOD } from "@basalt/http";
import { sendPage } from "../delivery/errorResponse.ts";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "../phases/phase.ts";
import type { ServedVhost } from "../servedVhost.ts";
import type { OverloadGuard } from "./overloadGate.ts";

/** Not registered with IANA: balancers of a public cloud answer so. */
const TOO_MANY_FORWARDED = 463;

/** Protection of the host and of those behind it, before anything is asked of a request. Undefined: it may go on. */
export const guardRequest = (exchange: Exchange, vhost: ServedVhost): PhaseCode | undefined => {
  const { xffLimit } = vhost.settings.options;
  if (xffLimit > 0 && forwardedCount(exchange) > xffLimit) {
    exchange.result = "TCP_DENIED";
    sendPage(exchange, TOO_MANY_FORWARDED, "", "");
    return PHASE.DONE;
  }
  return vhost.overload === undefined ? undefined : guardLoad(exchange, vhost.overload);
};

/** AWS-21: elements of the combined field. */
const forwardedCount = ({ fields }: Exchange): number => {
  const value = fields.get("x-forwarded-for");
  return value === undefined ? 0 : value.split(",").length;
};

/** AWS-58. The page itself is exempt, or nobody would ever see it. */
const guardLoad = (exchange: Exchange, { gate, limit, page }: OverloadGuard): PhaseCode | undefined => {
  if (exchange.overloadGate !== undefined || isPage(exchange, page)) return undefined;
  if (gate.inProgress < limit) {
    gate.enter();
    exchange.overloadGate = gate;
    return undefined;
  }
  exchange.result = "TCP_DENIED";
  const isRead = exchange.methodCode === METHOD.GET || exchange.methodCode === METHOD.HEAD;
  if (page === "" || !isRead) sendPage(exchange, 503, `${RETRY_SOON}${NOT_STORED}`, "");
  else {
    exchange.redirectUrl = page;
    sendPage(exchange, 302, `Location: ${page}\r\n${NOT_STORED}`, "");
  }
  return PHASE.DONE;
};

/** As the client asks for it, whatever is made of its URL here; the page may be told as a whole URL of this host, too. */
const isPage = ({ protocol, host, sentTarget, target }: Exchange, page: string): boolean =>
  sentTarget === page || target === page || (page.endsWith(target) && page === `${protocol}://${host}${target}`);

const RETRY_SOON = "Retry-After: 1\r\n";
const NOT_STORED = "Cache-Control: no-store\r\n";
