import { requestOfUrl } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { fieldLines, parseFieldLines } from "./fieldLines.ts";

/** Errors are not content: no rule of expires.txt makes a client keep them, as with mod_expires (HTTP-13). */
const FIRST_ERROR_STATUS = 400;

/** The fields of a response to a URL (path and query string) with what expires.txt says of them. */
export const expiringFields = (
  vhost: ServedVhost,
  url: string,
  status: number,
  fields: readonly string[],
  nowMs: number,
): readonly string[] =>
  vhost.expiresRules === undefined || status >= FIRST_ERROR_STATUS
    ? fields
    : vhost.expiresRules.apply(url, fields, nowMs);

/** Whether the `$RES` rules of the host have to look at each response by itself. */
export const hasRulesPerResponse = ({ headerRules }: Pick<ServedVhost, "headerRules">): boolean =>
  headerRules?.changesResponses === true && !headerRules.isResponseConstant;

/** The `$RES` rules on the fields of a response to this request, whatever they look at (HTTP-45). */
export const ruledFields = (exchange: Exchange, status: number, fields: readonly string[]): readonly string[] => {
  const rules = exchange.vhost?.headerRules;
  if (rules === undefined || !rules.changesResponses) return fields;
  return rules.applyToResponse(exchange, status, fields, {
    cacheResult: exchange.result,
    protocol: exchange.protocol,
  });
};

/** The same for the lines of a head; those of connection and framing are no business of rules and not among them. */
export const ruledLines = (exchange: Exchange, status: number, lines: string): string => {
  const rules = exchange.vhost?.headerRules;
  if (rules === undefined || !rules.changesResponses) return lines;
  return fieldLines(ruledFields(exchange, status, parseFieldLines(lines)));
};

/** The `$RES` rules as far as they are the same for every response of an object; others are carried out later. */
export const constantFields = (
  vhost: ServedVhost,
  url: string,
  status: number,
  fields: readonly string[],
): readonly string[] => {
  const rules = vhost.headerRules;
  if (rules === undefined || !rules.changesResponses || !rules.isResponseConstant) return fields;
  return rules.applyToResponse(requestOfUrl(url), status, fields, { cacheResult: "", protocol: "" });
};

/** Fields of a response that is made for this request alone, as they leave: expires.txt first, headers.txt last (OPEN 5). */
export const finalFields = (exchange: Exchange, status: number, fields: readonly string[]): readonly string[] => {
  const { vhost, nowMs } = exchange;
  if (vhost === undefined) return fields;
  return ruledFields(exchange, status, expiringFields(vhost, exchange.target, status, fields, nowMs));
};
