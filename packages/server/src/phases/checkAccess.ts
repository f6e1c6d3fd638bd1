import { METHOD } from "@basalt/http";
import type { PurgeVerb } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import { guardRequest } from "../access/guardRequest.ts";
import { judgeRequest } from "../access/judgeRequest.ts";
import { sendPage } from "../delivery/errorResponse.ts";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * The body limit of the configuration, the rules of the host for who may have what (ACL-20, ACL-25), and the PURGE family,
 * which the primary answers (PRG-26, PRG-27).
 */
export const checkAccess = (exchange: Exchange): PhaseCode => {
  const { limits } = exchange.connection.server.state;
  if (limits.bodyBytes > 0 && exchange.fields.contentLength > limits.bodyBytes) {
    exchange.error = new EdgeError("REQUEST_BODY_TOO_LARGE");
    return PHASE.DELIVER;
  }
  if (exchange.body?.failure !== undefined) {
    exchange.error = exchange.body.failure;
    return PHASE.DELIVER;
  }
  const guarded = exchange.vhost === undefined ? undefined : guardRequest(exchange, exchange.vhost);
  if (guarded !== undefined) return guarded;
  const access = exchange.vhost?.access;
  const judged = access === undefined ? undefined : judgeRequest(exchange, access);
  if (judged !== undefined) return judged;
  if (exchange.methodCode < METHOD.PURGE || exchange.methodCode > METHOD.HARDPURGE) return PHASE.DECIDE_BYPASS;
  void purge(exchange, purgeVerbOf(exchange.methodCode));
  return PHASE.WAIT;
};

const purge = async (exchange: Exchange, verb: PurgeVerb): Promise<void> => {
  const { ticket } = exchange;
  const seconds = exchange.fields.get("x-expire-after");
  try {
    const answer = await exchange.connection.server.parts.purge({
      verb,
      target: `${purgeHostOf(exchange)}${exchange.target}`,
      clientIp: exchange.clientIp,
      expireAfterSeconds: seconds !== undefined && /^\d{1,10}$/.test(seconds) ? Number(seconds) : undefined,
      isOfMount: exchange.connection.session.onFinished !== undefined,
    });
    if (!exchange.isCurrent(ticket)) return;
    exchange.result = answer.status === 401 ? "TCP_DENIED" : "TCP_NONE";
    sendPage(exchange, answer.status, "Content-Type: text/plain; charset=utf-8\r\n", answer.body);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

/** The host that the client has named, unless another one handles the path (VHT-30). */
const purgeHostOf = ({ connection, vhost, host = "" }: Exchange): string => {
  const named = connection.server.state.table.find(host);
  return named === undefined || vhost === undefined || named.name === vhost.name ? host : vhost.name;
};

const purgeVerbOf = (method: number): PurgeVerb => {
  switch (method) {
    case METHOD.EXPIRE:
      return "expire";
    case METHOD.EXPIREAFTER:
      return "expireafter";
    case METHOD.HARDPURGE:
      return "hardpurge";
    default:
      return "purge";
  }
};
