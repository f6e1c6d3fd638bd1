import { type OriginRequest, type OriginResponseHead, serverToken } from "@basalt/origin";
import { stickySetCookie, stickyTokenOf } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/** AWS-29: the server that the client is to stay with, by its cookie. */
export const stickyChoice = (exchange: Exchange, { settings }: ServedVhost): Pick<OriginRequest, "sticky"> => {
  const { sticky } = settings.originOptions;
  if (sticky.mode === "OFF") return {};
  const token = stickyTokenOf(exchange.fields.get("cookie"), sticky);
  return token === undefined ? {} : { sticky: token };
};

/** The cookie by which the client will stay with the server that has answered, flat; empty where none is due. */
export const stickyFields = (exchange: Exchange, { address, fields }: OriginResponseHead): readonly string[] => {
  const sticky = exchange.vhost?.settings.originOptions.sticky;
  if (sticky === undefined || sticky.mode === "OFF") return [];
  const sent = exchange.fields.get("cookie");
  const value = stickySetCookie(sticky, sent, fields, serverToken(address), exchange.protocol === "https");
  return value === undefined ? [] : ["Set-Cookie", value];
};
