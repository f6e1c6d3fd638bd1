import { parseAbsoluteTarget } from "@basalt/http";
import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

const SLASH = 47;

/**
 * HTTP-33, CFG-58: the host of an absolute-form target counts instead of the Host field. Then the rules of
 * `<Vhosts><URLRewrite>`, which may name another host (VHT-01 to VHT-12).
 */
export const rewriteUrl = (exchange: Exchange): PhaseCode => {
  const absolute = parseAbsoluteTarget(exchange.target);
  if (absolute !== undefined) {
    exchange.target = absolute.pathAndQuery;
    exchange.host = absolute.authority.toLowerCase();
  }
  const { connection, target } = exchange;
  const { rewriter, limits } = connection.server.state;
  if (rewriter === undefined || target.charCodeAt(0) !== SLASH) return PHASE.SELECT_VHOST;
  const rewritten = connection.rewritten.of(rewriter, exchange.host, target, exchange.fields);
  if (rewritten === undefined) return PHASE.SELECT_VHOST;
  connection.server.parts.counters.add(PROCESS_SLOT.rewrittenUrls, 1);
  if (rewritten.kind === "malformed") return refuse(exchange, "REQUEST_MALFORMED");
  if (rewritten.target.length > limits.targetBytes) return refuse(exchange, "REQUEST_TARGET_TOO_LONG");
  exchange.target = rewritten.target;
  exchange.host = rewritten.host ?? exchange.host;
  exchange.fields = rewritten.fields;
  if (rewritten.isLoggedAsAsked) exchange.askedTarget = target;
  return PHASE.SELECT_VHOST;
};

const refuse = (exchange: Exchange, code: "REQUEST_MALFORMED" | "REQUEST_TARGET_TOO_LONG"): PhaseCode => {
  exchange.connection.server.parts.counters.add(rejectionSlot(code), 1);
  exchange.error = new EdgeError(code, { detail: "made by URLRewrite" });
  return PHASE.DELIVER;
};
