import { FIELD } from "@basalt/http";
import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

const SLASH = 47;

/** Expectations other than 100-continue cannot be met (RFC 9110 10.1.1). */
export const receive = (exchange: Exchange): PhaseCode => {
  if ((exchange.fields.flags & FIELD.EXPECT_OTHER) !== 0) {
    exchange.connection.server.parts.counters.add(rejectionSlot("EXPECTATION_FAILED"), 1);
    exchange.error = new EdgeError("EXPECTATION_FAILED");
    return PHASE.DELIVER;
  }
  exchange.host = exchange.fields.host;
  const isPlain = exchange.target.charCodeAt(0) === SLASH && exchange.connection.server.state.rewriter === undefined;
  return isPlain ? PHASE.SELECT_VHOST : PHASE.REWRITE_URL;
};
