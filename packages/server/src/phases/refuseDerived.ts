import type { Derivation } from "@basalt/policy";
import { VHOST_SLOT } from "@basalt/telemetry";
import { EdgeError, type ErrorCode } from "@basalt/types";
import { sendPage } from "../delivery/errorResponse.ts";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** DIMS-11, DIMS-12: the reason as a page, or the way to the original. */
export const refuseDerived = (
  exchange: Exchange,
  derivation: Derivation,
  reason: string,
  { code = "TRANSFORM_FAILED", status = 500 }: { readonly code?: ErrorCode; readonly status?: number } = {},
): PhaseCode => {
  exchange.object = undefined;
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  exchange.error = new EdgeError(code, { detail: reason });
  if (derivation.redirectTarget !== undefined && exchange.host !== undefined) {
    const location = `${exchange.protocol}://${exchange.host}${derivation.redirectTarget}`;
    exchange.redirectUrl = location;
    sendPage(exchange, 302, `Location: ${location}\r\n`, "");
    return PHASE.DONE;
  }
  exchange.errorText = reason;
  exchange.errorStatus = status;
  return PHASE.DELIVER;
};

/** A conversion that never came to the transform host (DIMS-21). */
export const countRefusedDerived = (exchange: Exchange): void => {
  const { vhost, derivation } = exchange;
  if (vhost === undefined || derivation?.kind !== "dims") return;
  const { counters } = exchange.connection.server.parts;
  counters.add(vhost.counters + VHOST_SLOT.dims.requests, 1);
  counters.add(vhost.counters + VHOST_SLOT.dims.failed, 1);
};
