import { nameOf } from "@basalt/cache";
import type { PostSelector } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/**
 * A POST that is cached (KEY-12, KEY-15): its body is read first, because it is part of the key. One without a length,
 * or with too long a body, ends the connection.
 */
export const deriveBodyKey = (exchange: Exchange, vhost: ServedVhost): PhaseCode => {
  const { contentLength } = exchange.fields;
  if (contentLength < 0 || contentLength > vhost.settings.options.postRequest.maxContentLengthBytes) {
    exchange.abort();
    return PHASE.DONE;
  }
  void readBody(exchange, vhost.postSelector);
  return PHASE.WAIT;
};

const readBody = async (exchange: Exchange, postSelector: PostSelector): Promise<void> => {
  const { ticket } = exchange;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of exchange.body ?? []) chunks.push(chunk);
    if (!exchange.isCurrent(ticket)) return;
    exchange.keyBody = Buffer.concat(chunks);
    exchange.bodySelector = postSelector(exchange.url, exchange.keyBody);
    exchange.name = nameOf(exchange.url, exchange.bodySelector);
    exchange.continueWith(ticket, PHASE.LOOKUP);
  } catch (cause) {
    const error = EdgeError.from(cause);
    if (error.traits.side !== "client") exchange.fail(ticket, error);
    else if (exchange.isCurrent(ticket)) exchange.abort();
  }
};
