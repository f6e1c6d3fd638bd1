import { parseAbsoluteTarget } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** HTTP-33, CFG-58: the host of an absolute-form target counts instead of the Host field. */
export const rewriteUrl = (exchange: Exchange): PhaseCode => {
  const absolute = parseAbsoluteTarget(exchange.target);
  if (absolute !== undefined) {
    exchange.target = absolute.pathAndQuery;
    exchange.host = absolute.authority.toLowerCase();
  }
  return PHASE.SELECT_VHOST;
};
