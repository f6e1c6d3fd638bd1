import type { Duplex } from "node:stream";
import type { EdgeError } from "@basalt/types";
import type { Attempt, AttemptFailure, AttemptListener } from "./attempt.ts";
import type { OriginExchange, OriginHandler, OriginRequest, OriginResponseHead, OriginTunnel } from "./contract.ts";
import type { PoolServer } from "./poolServer.ts";

/** What an exchange needs of the pool. */
export interface ExchangeHost {
  /** False when no other connection will do than the one that failed (BYP-12). */
  mayRetry(): boolean;
  /** A server in service other than `except`; undefined when there is none. */
  choose(except: PoolServer): PoolServer | undefined;
  recordSuccess(server: PoolServer): void;
  recordFailure(server: PoolServer, error: EdgeError): void;
  /** The exchange is over; called once. */
  onEnd(): void;
}

/** The request's next try at that server; `fresh` asks for a new connection. */
export type PrepareAttempt = (server: PoolServer, fresh: boolean, listener: AttemptListener) => Attempt;

/** Methods that may be repeated on a new connection although the origin may have seen them (RFC 9110 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** No connection stood, so that the origin has seen nothing of the request. */
const UNSENT: ReadonlySet<string> = new Set(["ORIGIN_CONNECT_FAILED", "ORIGIN_CONNECT_TIMEOUT"]);

/** A request with the few tries it may have: one on a fresh connection, one on another server. */
export class Exchange implements OriginExchange, AttemptListener {
  readonly #request: OriginRequest;
  readonly #handler: OriginHandler;
  readonly #host: ExchangeHost;
  readonly #onTunnel: (tunnel: OriginTunnel) => void;
  #prepare: PrepareAttempt | undefined;
  #attempt: Attempt | undefined;
  #server: PoolServer | undefined;
  #ended = false;
  /** Goes on with the request in another pool. */
  #next: OriginExchange | undefined;
  #triedFresh = false;
  #triedOther = false;

  constructor(
    request: OriginRequest,
    handler: OriginHandler,
    host: ExchangeHost,
    onTunnel: (tunnel: OriginTunnel) => void,
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#host = host;
    this.#onTunnel = onTunnel;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  start(server: PoolServer, prepare: PrepareAttempt): void {
    this.#prepare = prepare;
    this.#try(server, false);
  }

  /** Ends before any try; the caller hears of it after it has the handle. */
  refuse(error: EdgeError): void {
    queueMicrotask(() => this.#end(error));
  }

  /**
   * Ends before any try, without a word to the caller: another exchange, which `begin` has to begin, goes on with the
   * request. The caller's handle stays this one.
   */
  handOn(begin: (onStart: (next: OriginExchange) => void) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.onEnd();
    begin((next) => {
      this.#next = next;
    });
  }

  resume(): void {
    if (this.#next === undefined) this.#attempt?.resume();
    else this.#next.resume();
  }

  abort(): void {
    this.#next?.abort();
    if (this.#ended) return;
    this.#ended = true;
    this.#attempt?.abort();
    this.#host.onEnd();
  }

  onInformation(status: number, fields: readonly string[]): void {
    this.#handler.onInformation?.(status, fields);
  }

  onHead(head: OriginResponseHead): void {
    this.#handler.onHead(head);
  }

  onData(chunk: Buffer): boolean {
    return this.#handler.onData(chunk);
  }

  onComplete(trailers: readonly string[]): void {
    this.#ended = true;
    if (this.#server !== undefined) this.#host.recordSuccess(this.#server);
    this.#host.onEnd();
    this.#handler.onComplete(trailers);
  }

  onUpgrade(head: OriginResponseHead, socket: Duplex, moved: OriginTunnel["moved"]): void {
    this.#ended = true;
    if (this.#server !== undefined) this.#host.recordSuccess(this.#server);
    socket.once("close", () => this.#host.onEnd());
    this.#onTunnel({ head, socket, moved });
  }

  onFailure(failure: AttemptFailure): void {
    const server = this.#server;
    if (server === undefined) return;
    if (!failure.staleConnection && !failure.refusedHere) this.#host.recordFailure(server, failure.error);
    if (!this.#tryAgain(server, failure)) this.#end(failure.error);
  }

  #tryAgain(server: PoolServer, failure: AttemptFailure): boolean {
    const { method, body } = this.#request;
    if (!failure.beforeResponse || !this.#host.mayRetry()) return false;
    const hasNoBody = body.kind === "none";
    if (failure.staleConnection && hasNoBody && IDEMPOTENT.has(method) && !this.#triedFresh) {
      this.#triedFresh = true;
      this.#try(server, true);
      return true;
    }
    const isRepeatable = hasNoBody && (method === "GET" || method === "HEAD");
    const maySendElsewhere = UNSENT.has(failure.error.code) || isRepeatable;
    if (!maySendElsewhere || failure.error.traits.retry !== "otherAddress" || this.#triedOther) return false;
    const other = this.#host.choose(server);
    if (other === undefined) return false;
    this.#triedOther = true;
    this.#try(other, false);
    return true;
  }

  #try(server: PoolServer, fresh: boolean): void {
    this.#server = server;
    this.#attempt = this.#prepare?.(server, fresh, this);
    this.#attempt?.start();
  }

  #end(error: EdgeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.onEnd();
    this.#handler.onError(error);
  }
}
