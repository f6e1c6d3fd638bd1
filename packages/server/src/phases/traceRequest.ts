import { beginTrace, type TracingRules } from "@basalt/telemetry";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * The trace of a request begins as soon as its virtual host is known (AWS-94). A sampled one goes on in a loop of its
 * own, which notes the phases, so that all others are not asked about it in each of them.
 */
export const traceRequest = (exchange: Exchange, rules: TracingRules): PhaseCode => {
  const { fields, path, startedAtMs, ticket } = exchange;
  const request = { get: (name: string) => fields.get(name), path };
  const trace = beginTrace(rules, request, startedAtMs, exchange.startedMs);
  exchange.trace = trace;
  if (!trace.isSampled) return PHASE.CHECK_ACCESS;
  exchange.continueWith(ticket, PHASE.CHECK_ACCESS);
  return PHASE.WAIT;
};
