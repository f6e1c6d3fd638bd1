import { METHOD } from "@basalt/http";
import { DERIVATION_FAILURE, type Derivation } from "@basalt/policy";
import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError, unreachable } from "@basalt/types";
import { sendPage } from "../delivery/errorResponse.ts";
import { asksForUpgrade, type Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { answerOptions } from "./answerOptions.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { refuseDerived } from "./refuseDerived.ts";

/** BYP-01: before any caching policy. Upgrade requests always go to the origin. */
export const decideBypass = (exchange: Exchange): PhaseCode => {
  const { vhost } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  if (vhost.derivations !== undefined) {
    const derivation = vhost.derivations.of(exchange);
    exchange.derivation = derivation;
    if (derivation !== undefined && derivation.media?.otherwise !== "source")
      return decideDerived(exchange, vhost, derivation);
  }
  const code = decideOrdinary(exchange, vhost);
  if (code !== PHASE.DERIVE_KEY || !isRead(exchange)) exchange.derivation = undefined;
  return code;
};

const isRead = ({ methodCode }: Exchange): boolean => methodCode === METHOD.GET || methodCode === METHOD.HEAD;

const decideOrdinary = (exchange: Exchange, vhost: ServedVhost): PhaseCode => {
  if (asksForUpgrade(exchange) && exchange.target !== "*") return PHASE.BYPASS;
  if (answerOptions(exchange, vhost)) return PHASE.DONE;
  const { methodRules } = vhost;
  const decision = methodRules.decideByMethod(exchange.methodCode) ?? methodRules.decide(exchange.methodCode, exchange);
  switch (decision) {
    case "cache":
      return exchange.connection.server.isBypassing ? PHASE.BYPASS : PHASE.DERIVE_KEY;
    case "bypass":
      return PHASE.BYPASS;
    case "notImplemented":
      exchange.connection.server.parts.counters.add(rejectionSlot("METHOD_NOT_IMPLEMENTED"), 1);
      exchange.error = new EdgeError("METHOD_NOT_IMPLEMENTED");
      return PHASE.DELIVER;
    case "close":
      exchange.abort();
      return PHASE.DONE;
    default:
      return unreachable(decision);
  }
};

/** No origin is ever asked for such a URL (DIMS-10): only for what it is made of, and that only to be read. */
const decideDerived = (exchange: Exchange, vhost: ServedVhost, derivation: Derivation): PhaseCode => {
  const { connection } = exchange;
  if (answerOptions(exchange, vhost)) return PHASE.DONE;
  if (!isRead(exchange)) {
    sendPage(exchange, 405, "Allow: GET, HEAD\r\n", "");
    return PHASE.DONE;
  }
  if (derivation.kind === "media" && derivation.media === undefined && derivation.variants === undefined) {
    return refuseDerived(exchange, derivation, DERIVATION_FAILURE.NO_SUCH_STREAM, { status: 404 });
  }
  if (connection.server.isBypassing) exchange.storeFailures = PAST_STORE;
  return PHASE.DERIVE_KEY;
};

/** Failures of the store after which a request is answered from the origin alone. */
const PAST_STORE = 2;
