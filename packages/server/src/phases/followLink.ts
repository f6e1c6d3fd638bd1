import { METHOD } from "@basalt/http";
import { meetsLinkCondition, type OriginAnswer } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import { modifyRequest } from "./modifyRequest.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * VHT-50: hands the request on to the host that `<VhostLink>` names, when what the origin has said meets its condition;
 * undefined where it stays. The client side goes on being counted and logged where it was addressed (VHT-52). Only what
 * has no body can be asked for twice.
 */
export const followLink = (exchange: Exchange, answer: OriginAnswer): PhaseCode | undefined => {
  const { vhost, methodCode } = exchange;
  const link = vhost?.settings.link;
  if (vhost === undefined || link === undefined || !meetsLinkCondition(link.condition, answer)) return undefined;
  if (methodCode !== METHOD.GET && methodCode !== METHOD.HEAD) return undefined;
  const target = exchange.connection.server.state.names.get(link.vhost);
  if (target === undefined || exchange.hasVisited(target.vhost)) return undefined;
  exchange.handOn(target.vhost, link.vhost);
  modifyRequest(exchange, target.vhost);
  return PHASE.CHECK_ACCESS;
};
