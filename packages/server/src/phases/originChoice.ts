import type { OriginRequest } from "@basalt/origin";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/** Who hears of the transaction, and what of the client the choice of a server may depend on (AWS-33). */
export const originChoice = (
  exchange: Exchange,
  { originsByCountry }: ServedVhost,
): Pick<OriginRequest, "cause" | "country"> => {
  const { trace } = exchange;
  const country = originsByCountry ? exchange.country : undefined;
  return { ...(trace === undefined ? {} : { cause: trace }), ...(country === undefined ? {} : { country }) };
};
