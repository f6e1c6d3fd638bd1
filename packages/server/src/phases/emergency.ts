import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** OPT-64: in emergency mode an answer that would take memory is refused. */
export const refuseForMemory = (exchange: Exchange): PhaseCode => {
  exchange.object = undefined;
  exchange.source = undefined;
  exchange.result = "TCP_ERROR";
  exchange.error = new EdgeError("MEMORY_SHORT");
  return PHASE.DELIVER;
};
