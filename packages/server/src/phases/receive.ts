import { FIELD } from "@basalt/http";
import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import { sendPage } from "../delivery/errorResponse.ts";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

const SLASH = 47;
const DOT = 46;

/** Expectations other than 100-continue cannot be met (RFC 9110 10.1.1). */
export const receive = (exchange: Exchange): PhaseCode => {
  if ((exchange.fields.flags & FIELD.EXPECT_OTHER) !== 0) {
    exchange.connection.server.parts.counters.add(rejectionSlot("EXPECTATION_FAILED"), 1);
    exchange.error = new EdgeError("EXPECTATION_FAILED");
    return PHASE.DELIVER;
  }
  exchange.host = exchange.fields.host;
  if (exchange.target.charCodeAt(1) === DOT && showChallenge(exchange)) return PHASE.DONE;
  const isPlain = exchange.target.charCodeAt(0) === SLASH && exchange.connection.server.state.rewriter === undefined;
  return isPlain ? PHASE.SELECT_VHOST : PHASE.REWRITE_URL;
};

/** Whatever host is asked: an authority looks for it under the name that the certificate is to have. */
const showChallenge = (exchange: Exchange): boolean => {
  const page = exchange.connection.server.parts.challengePage?.(exchange.target);
  if (page === undefined) return false;
  sendPage(exchange, 200, "Content-Type: application/octet-stream\r\n", page);
  return true;
};
