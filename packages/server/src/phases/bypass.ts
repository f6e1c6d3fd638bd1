import { getField, removeHopByHop, statusReason } from "@basalt/http";
import type { OriginExchange, OriginHandler, OriginRequest, OriginResponseHead } from "@basalt/origin";
import { bypassRequestFields, type ConnectionDecision } from "@basalt/policy";
import { VHOST_SLOT } from "@basalt/telemetry";
import type { EdgeError } from "@basalt/types";
import { CLOSING, connectionLines, fieldLines } from "../delivery/fieldLines.ts";
import { openTunnel } from "../delivery/tunnel.ts";
import { asksForUpgrade, type Exchange, type Ongoing } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** BYP-15: the request goes to the origin, its answer comes back as a stream, nothing is stored. */
export const bypass = (exchange: Exchange): PhaseCode => {
  const { vhost } = exchange;
  if (vhost === undefined) return PHASE.DONE;
  exchange.result = "TCP_CLIENT_REFRESH_MISS";
  exchange.connection.server.parts.counters.add(vhost.counters + VHOST_SLOT.clientBypassed, 1);
  const relay = new Relay(exchange);
  if (asksForUpgrade(exchange)) void upgrade(exchange, vhost, relay);
  else relay.attach(vhost.cache.pool.send(bypassRequest(exchange, vhost), relay));
  return PHASE.WAIT;
};

const bypassRequest = (exchange: Exchange, vhost: ServedVhost): OriginRequest => {
  const { body, fields } = exchange;
  return {
    method: exchange.method,
    target: exchange.target,
    fields: bypassRequestFields(fields.toFlatArray(), exchange.originClient, vhost.settings),
    body: body === undefined ? { kind: "none" } : { kind: "stream", contentLength: fields.contentLength, chunks: body },
    mode: "bypass",
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
    if (exchange.isCurrent(ticket)) openTunnel(exchange, tunnel);
    else tunnel.socket.destroy();
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
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
    // 100 Continue is between neighbours; the client has had its own. HTTP/1.0 clients know no interim responses.
    if (this.#isOver || status === 100 || status === 101 || this.#exchange.minorVersion === 0) return;
    const text = `HTTP/1.1 ${status} ${statusReason(status)}\r\n${fieldLines(removeHopByHop(fields))}\r\n`;
    this.#exchange.connection.socket.write(Buffer.from(text, "latin1"));
  }

  onHead(head: OriginResponseHead): void {
    if (this.#isOver) return;
    const exchange = this.#exchange;
    const decision = exchange.decideConnection();
    const fields = removeHopByHop(head.fields);
    const hasLength = getField(fields, "content-length") !== undefined;
    this.#hasBody = !exchange.isHead && head.status !== 204 && head.status !== 304;
    this.#isChunked = this.#hasBody && !hasLength && exchange.minorVersion === 1;
    this.#keepAlive = decision.keepAlive && (!this.#hasBody || hasLength || this.#isChunked);
    const reason = head.reason === "" ? statusReason(head.status) : head.reason;
    const connection: ConnectionDecision = this.#keepAlive ? decision : CLOSING;
    const framing = this.#isChunked ? "Transfer-Encoding: chunked\r\n" : "";
    const text = `HTTP/1.1 ${head.status} ${reason}\r\n${fieldLines(fields)}${framing}${connectionLines(connection)}\r\n`;
    exchange.responding(head.status, text.length);
    exchange.connection.watchSending();
    exchange.connection.socket.write(Buffer.from(text, "latin1"));
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver || !this.#hasBody || chunk.length === 0) return true;
    const { socket } = this.#exchange.connection;
    this.#exchange.bodyBytesSent += chunk.length;
    const taken = this.#isChunked ? socket.writePair(this.#chunkHead(chunk.length), chunk) : socket.write(chunk);
    this.#isPaused = !taken;
    return taken;
  }

  onComplete(): void {
    if (this.#isOver) return;
    if (this.#isChunked) {
      const last = this.#sentChunks === 0 ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
      this.#exchange.connection.socket.write(Buffer.from(last, "latin1"));
    }
    this.#isOver = true;
    this.#exchange.finish(this.#keepAlive);
  }

  onError(error: EdgeError): void {
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
