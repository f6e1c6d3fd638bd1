import { getField, METHOD, removeHopByHop, statusReason } from "@basalt/http";
import type { OriginExchange, OriginHandler, OriginRequest, OriginResponseHead } from "@basalt/origin";
import {
  bypassOriginOf,
  bypassRequestFields,
  type ConnectionDecision,
  invalidatedUrls,
  webSocketUrl,
  withoutTagFields,
} from "@basalt/policy";
import { VHOST_SLOT } from "@basalt/telemetry";
import type { EdgeError } from "@basalt/types";
import { sendPage } from "../delivery/errorResponse.ts";
import { CLOSING, connectionLines, fieldLines } from "../delivery/fieldLines.ts";
import { sendInterim } from "../delivery/interim.ts";
import { finalFields } from "../delivery/responseFields.ts";
import { openTunnel } from "../delivery/tunnel.ts";
import { asksForUpgrade, type Exchange, type Ongoing } from "../exchange.ts";
import { finishWhenSent } from "../pacing/finishWhenSent.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { canonicalUrl } from "./deriveKey.ts";
import { originChoice } from "./originChoice.ts";
import { originFieldRules } from "./originFields.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { type KeptAnswer, keptAnswer } from "./postAnswer.ts";
import { stickyChoice, stickyFields } from "./stickyServer.ts";

/** BYP-15: the request goes to the origin, its answer comes back as a stream, nothing is stored. */
export const bypass = (exchange: Exchange): PhaseCode => {
  const { vhost } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  const nominated = nominatedUrl(exchange, vhost);
  if (nominated !== undefined) {
    exchange.result = "TCP_REDIRECT_HIT";
    exchange.redirectUrl = nominated;
    sendPage(exchange, 307, `Location: ${nominated}\r\nCache-Control: no-store\r\n`, "");
    return PHASE.DONE;
  }
  exchange.result = "TCP_CLIENT_REFRESH_MISS";
  exchange.bypassKind = bypassOriginOf(exchange.methodCode, vhost.settings.options).isPrivate ? "private" : "bypass";
  const { booked = vhost } = exchange;
  exchange.connection.server.parts.counters.add(exchange.blockOf(booked) + VHOST_SLOT.clientBypassed, 1);
  const relay = new Relay(exchange);
  if (asksForUpgrade(exchange)) void upgrade(exchange, vhost, relay);
  else relay.attach(vhost.cache.pool.send(bypassRequest(exchange, vhost), relay));
  return PHASE.WAIT;
};

/** AWS-43: where a client is to open its WebSocket; undefined for all other requests, and where no server can be named. */
const nominatedUrl = (exchange: Exchange, vhost: ServedVhost): string | undefined => {
  if (!vhost.settings.originOptions.webSocketRedirect || !asksForUpgrade(exchange)) return undefined;
  if (exchange.fields.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const request = bypassRequest(exchange, vhost);
  const address = vhost.cache.pool.nominate(request);
  return address === undefined ? undefined : webSocketUrl(address, request.target);
};

const bypassRequest = (exchange: Exchange, vhost: ServedVhost): OriginRequest => {
  const { body, fields, connection } = exchange;
  const { originAffinity, isPrivate } = bypassOriginOf(exchange.methodCode, vhost.settings.options);
  const { pool } = vhost.cache;
  const proxied = bypassRequestFields(fields.toFlatArray(), exchange.originClient, vhost.settings);
  const complete = exchange.trace?.applyTo(proxied) ?? proxied;
  return {
    method: exchange.method,
    target: vhost.keyRules.bypassTarget(exchange.target),
    fields: originFieldRules(exchange, vhost)?.(complete) ?? complete,
    body: body === undefined ? { kind: "none" } : { kind: "stream", contentLength: fields.contentLength, chunks: body },
    mode: "bypass",
    key: vhost.keyRules.canonicalUrl(exchange.target),
    sessionId: connection.sessionId,
    ...originChoice(exchange, vhost),
    ...stickyChoice(exchange, vhost),
    ...(originAffinity ? { affinity: exchange.clientIp } : {}),
    ...(isPrivate ? { session: connection.privateSession(vhost.cache.name, pool) } : {}),
  };
};

const upgrade = async (exchange: Exchange, vhost: ServedVhost, relay: Relay): Promise<void> => {
  const { ticket } = exchange;
  try {
    const request = bypassRequest(exchange, vhost);
    const protocol = exchange.fields.get("upgrade") ?? "";
    const fields = [...request.fields, "Connection", "Upgrade", "Upgrade", protocol];
    const tunnel = await vhost.cache.pool.upgrade({ ...request, fields }, relay);
    if (tunnel === undefined) return;
    if (exchange.isCurrent(ticket)) openTunnel(exchange, tunnel, stickyFields(exchange, tunnel.head));
    else tunnel.socket.destroy();
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

const contentLengthOf = ({ fields }: OriginResponseHead): number => {
  const text = getField(fields, "content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
};

const outdatedUrls = (exchange: Exchange, head: OriginResponseHead): string[] => {
  const { vhost, methodCode } = exchange;
  if (vhost === undefined || vhost.cache.rules.profile === "guide" || methodCode === METHOD.GET) return [];
  const authority = exchange.host ?? vhost.settings.name;
  const target = { scheme: exchange.protocol, authority, url: exchange.target };
  return invalidatedUrls(methodCode, head.status, target, head.fields).map((url) => canonicalUrl(url, vhost));
};

/** Carries one origin response to the client at the client's pace. */
class Relay implements OriginHandler, Ongoing {
  readonly #exchange: Exchange;
  readonly #ticket: number;
  #origin: OriginExchange | undefined;
  #keepAlive = false;
  #isChunked = false;
  #hasBody = true;
  #sentChunks = 0;
  #isPaused = false;
  #isOver = false;
  /** What came while the head waits. */
  #held: (() => void)[] | undefined;
  /** A body that is kept too. */
  #kept: KeptAnswer | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#ticket = exchange.ticket;
    exchange.ongoing = this;
  }

  onStart(origin: OriginExchange): void {
    this.attach(origin);
  }

  attach(origin: OriginExchange): void {
    this.#origin = origin;
    if (this.#isOver) origin.abort();
  }

  onInformation(status: number, fields: readonly string[]): void {
    if (!this.#isOver) sendInterim(this.#exchange, status, fields);
  }

  /** What the answer to an unsafe method has made out of date is gone before the client knows of it (RFC 9111 4.4). */
  onHead(head: OriginResponseHead): void {
    if (this.#isOver) return;
    const urls = outdatedUrls(this.#exchange, head);
    this.#kept = keptAnswer(this.#exchange, head);
    if (urls.length === 0) {
      this.#begin(head);
      return;
    }
    this.#held = [];
    void this.#invalidate(head, urls);
  }

  async #invalidate(head: OriginResponseHead, urls: readonly string[]): Promise<void> {
    const { vhost, connection } = this.#exchange;
    try {
      if (vhost !== undefined) await connection.server.parts.cache.invalidateUrls(vhost.cache, urls);
    } catch (cause) {
      connection.reportDefect(cause);
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    if (this.#isOver) return;
    this.#begin(head);
    for (const event of held) event();
    if (!this.#isPaused) this.#origin?.resume();
  }

  #begin(head: OriginResponseHead): void {
    const exchange = this.#exchange;
    const decision = exchange.decideConnection();
    const tagHeader = exchange.vhost?.settings.options.tagHeader ?? [];
    const fields = [...withoutTagFields(removeHopByHop(head.fields), tagHeader), ...stickyFields(exchange, head)];
    const hasLength = getField(fields, "content-length") !== undefined;
    this.#hasBody = !exchange.isHead && head.status !== 204 && head.status !== 304;
    this.#isChunked = this.#hasBody && !hasLength && exchange.minorVersion === 1;
    this.#keepAlive = decision.keepAlive && (!this.#hasBody || hasLength || this.#isChunked);
    const reason = head.reason === "" ? statusReason(head.status) : head.reason;
    const connection: ConnectionDecision = this.#keepAlive ? decision : CLOSING;
    const framing = this.#isChunked ? "Transfer-Encoding: chunked\r\n" : "";
    const text = `HTTP/1.1 ${head.status} ${reason}\r\n${fieldLines(finalFields(exchange, head.status, fields))}${framing}${connectionLines(connection)}\r\n`;
    exchange.relayedFields = head.fields;
    exchange.responding(head.status, text.length, contentLengthOf(head));
    exchange.connection.watchSending();
    exchange.connection.socket.write(Buffer.from(text, "latin1"));
  }

  onData(chunk: Buffer): boolean {
    if (this.#held !== undefined) {
      this.#held.push(() => this.onData(chunk));
      return false;
    }
    if (this.#isOver || !this.#hasBody || chunk.length === 0) return true;
    const { socket } = this.#exchange.connection;
    this.#exchange.bodyBytesSent += chunk.length;
    this.#kept?.push(chunk);
    const taken = this.#isChunked ? socket.writePair(this.#chunkHead(chunk.length), chunk) : socket.write(chunk);
    this.#isPaused = !taken;
    return taken;
  }

  onComplete(): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.onComplete());
      return;
    }
    if (this.#isOver) return;
    const keeping = this.#kept?.keep();
    this.#kept = undefined;
    if (keeping !== undefined) {
      void keeping.finally(() => this.onComplete());
      return;
    }
    if (this.#isChunked) {
      const last = this.#sentChunks === 0 ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
      this.#exchange.connection.socket.write(Buffer.from(last, "latin1"));
    }
    this.#isOver = true;
    finishWhenSent(this.#exchange, this.#keepAlive);
  }

  onError(error: EdgeError): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.onError(error));
      return;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    if (error.code === "REQUEST_MALFORMED") this.#exchange.abort();
    else {
      this.#exchange.result = "TCP_ERROR";
      this.#exchange.fail(this.#ticket, error);
    }
  }

  drained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#origin?.resume();
  }

  clientGone(): void {
    this.#isOver = true;
    this.#origin?.abort();
  }

  clientEnded(): void {}

  #chunkHead(length: number): Buffer {
    return Buffer.from(`${this.#sentChunks++ === 0 ? "" : "\r\n"}${length.toString(16)}\r\n`, "latin1");
  }
}
