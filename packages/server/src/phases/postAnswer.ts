import type { ObtainRequest } from "@basalt/cache";
import { getField, METHOD } from "@basalt/http";
import type { OriginResponseHead } from "@basalt/origin";
import { requestFacts, responseFacts, sameOriginUrl } from "@basalt/policy";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { keyOf } from "./deriveKey.ts";
import { obtainRequest } from "./obtain.ts";

/** Longer answers to a POST are not kept: they are held in memory until they are complete. */
const LONGEST_KEPT_BYTES = 256 * 1024;

/** The body of an answer that is passed on and kept. */
export class KeptAnswer {
  readonly #exchange: Exchange;
  readonly #request: ObtainRequest;
  readonly #head: OriginResponseHead;
  readonly #chunks: Buffer[] = [];

  constructor(exchange: Exchange, request: ObtainRequest, head: OriginResponseHead) {
    this.#exchange = exchange;
    this.#request = request;
    this.#head = head;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** The body is complete; resolves when a request in this worker would find it. */
  async keep(): Promise<void> {
    const { connection } = this.#exchange;
    const requestedAtMs = this.#exchange.nowMs;
    try {
      await connection.server.parts.cache.keepAnswer(this.#request, {
        head: this.#head,
        body: Buffer.concat(this.#chunks),
        requestedAtMs,
      });
    } catch (cause) {
      connection.reportDefect(cause);
    }
  }
}

/**
 * The answer to a POST that says for how long it is fresh and that it is the content of the very URL which was posted to:
 * a GET of it is answered with the same (RFC 9110 9.3.3). Undefined for all others.
 */
export const keptAnswer = (exchange: Exchange, head: OriginResponseHead): KeptAnswer | undefined => {
  const { vhost, methodCode, fields } = exchange;
  if (methodCode !== METHOD.POST || vhost === undefined || vhost.cache.rules.profile === "guide") return undefined;
  // A bypassed request goes to the origin with all that the client has sent, also what is not in the key (AWS-54).
  const { query } = vhost.settings.options.selection;
  if (vhost.requestSelector !== undefined || query.mode !== "profile") return undefined;
  const length = Number(getField(head.fields, "content-length") ?? Number.NaN);
  if (head.status !== 200 || !(length <= LONGEST_KEPT_BYTES) || !isOfTarget(exchange, vhost, head)) return undefined;
  // It was asked for with the client's own Accept-Encoding, which no variant stands for.
  if (getField(head.fields, "content-encoding") !== undefined) return undefined;
  const facts = requestFacts(METHOD.POST, fields);
  if (vhost.cache.rules.decideStorage(facts, responseFacts(head.status, head.fields)).kind === "pass") return undefined;
  const { url, variant } = keyOf(exchange, vhost);
  const asGet = { url, name: url, variant, facts: requestFacts(METHOD.GET, fields) };
  const request = { ...obtainRequest(exchange, vhost, undefined), ...asGet };
  return new KeptAnswer(exchange, request, head);
};

const isOfTarget = (exchange: Exchange, vhost: ServedVhost, head: OriginResponseHead): boolean => {
  const location = getField(head.fields, "content-location");
  const authority = exchange.host ?? vhost.settings.name;
  const target = { scheme: exchange.protocol, authority, url: exchange.target };
  return location !== undefined && sameOriginUrl(location, target) === exchange.target;
};
