import { followSubPaths } from "@basalt/policy";
import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { modifyRequest } from "./modifyRequest.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { traceRequest } from "./traceRequest.ts";

/**
 * CFG-58, then the host that serves for a facade (VHT-21), then `<Sub>` (VHT-30). An unknown name is answered 404 and the
 * connection closed (OPEN 9 of spec 01).
 */
export const selectVhost = (exchange: Exchange): PhaseCode => {
  const { connection } = exchange;
  let served = connection.selectVhost(exchange.host, exchange.fields);
  if (served?.vhost.subPaths !== undefined) {
    const { names } = connection.server.state;
    served = followSubPaths(served, exchange.path, (name) => names.get(name));
  }
  if (served !== undefined && (connection.session.onFinished === undefined || isMounted(served.vhost))) {
    exchange.vhost = served.vhost;
    exchange.booked = served.booked;
    modifyRequest(exchange, served.vhost);
    const { tracing } = served.vhost;
    return tracing === undefined ? PHASE.CHECK_ACCESS : traceRequest(exchange, tracing);
  }
  connection.server.parts.counters.add(rejectionSlot("VHOST_UNKNOWN"), 1);
  exchange.error = new EdgeError("VHOST_UNKNOWN");
  return PHASE.DELIVER;
};

/** FS-05: whatever rewriting and `<Sub>` have made of the path. */
const isMounted = ({ settings }: ServedVhost): boolean => settings.options.fileSystem.status === "Active";
