import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import { modifyRequest } from "./modifyRequest.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** CFG-58; an unknown name is answered 404 and the connection closed (OPEN 9 of spec 01). */
export const selectVhost = (exchange: Exchange): PhaseCode => {
  const vhost = exchange.connection.selectVhost(exchange.host, exchange.fields);
  exchange.vhost = vhost;
  if (vhost !== undefined) {
    modifyRequest(exchange, vhost);
    return PHASE.CHECK_ACCESS;
  }
  exchange.connection.server.parts.counters.add(rejectionSlot("VHOST_UNKNOWN"), 1);
  exchange.error = new EdgeError("VHOST_UNKNOWN");
  return PHASE.DELIVER;
};
