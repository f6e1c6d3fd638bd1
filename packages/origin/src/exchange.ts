import type { Duplex } from "node:stream";
import type { EdgeError } from "@basalt/types";
import type { Attempt, AttemptFailure, AttemptListener } from "./attempt.ts";
import type { OriginExchange, OriginHandler, OriginRequest, OriginResponseHead } from "./contract.ts";

/** What an exchange needs of the pool. */
export interface ExchangeHost {
  /** Index of an address in service other than `except`; undefined when there is none. */
  choose(target: string, except: number | undefined): number | undefined;
  recordSuccess(index: number): void;
  recordFailure(index: number, error: EdgeError): void;
  /** The exchange is over; called once. */
  onEnd(): void;
}

/** The request's next try at the address of that index; `fresh` asks for a new connection. */
export type PrepareAttempt = (index: number, fresh: boolean, listener: AttemptListener) => Attempt;

/** Methods that may be repeated on a new connection although the origin may have seen them (RFC 9110 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** A request with the few tries it may have: one on a fresh connection, one on another address. */
export class Exchange implements OriginExchange, AttemptListener {
  readonly #request: OriginRequest;
  readonly #handler: OriginHandler;
  readonly #host: ExchangeHost;
  readonly #onTunnel: (head: OriginResponseHead, socket: Duplex) => void;
  #prepare: PrepareAttempt | undefined;
  #attempt: Attempt | undefined;
  #index = -1;
  #ended = false;
  #triedFresh = false;
  #triedOther = false;

  constructor(
    request: OriginRequest,
    handler: OriginHandler,
    host: ExchangeHost,
    onTunnel: (head: OriginResponseHead, socket: Duplex) => void,
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#host = host;
    this.#onTunnel = onTunnel;
  }

  start(index: number, prepare: PrepareAttempt): void {
    this.#prepare = prepare;
    this.#try(index, false);
  }

  /** Ends before any try; the caller hears of it after it has the handle. */
  refuse(error: EdgeError): void {
    queueMicrotask(() => this.#end(error));
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(): void {
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
    this.#host.recordSuccess(this.#index);
    this.#host.onEnd();
    this.#handler.onComplete(trailers);
  }

  onUpgrade(head: OriginResponseHead, socket: Duplex): void {
    this.#ended = true;
    this.#host.recordSuccess(this.#index);
    socket.once("close", () => this.#host.onEnd());
    this.#onTunnel(head, socket);
  }

  onFailure(failure: AttemptFailure): void {
    if (!failure.staleConnection && !failure.refusedHere) this.#host.recordFailure(this.#index, failure.error);
    if (!this.#tryAgain(failure)) this.#end(failure.error);
  }

  #tryAgain(failure: AttemptFailure): boolean {
    const { method, body, target } = this.#request;
    if (!failure.beforeResponse || body.kind !== "none" || !IDEMPOTENT.has(method)) return false;
    if (failure.staleConnection && !this.#triedFresh) {
      this.#triedFresh = true;
      this.#try(this.#index, true);
      return true;
    }
    const isRepeatable = (method === "GET" || method === "HEAD") && failure.error.traits.retry === "otherAddress";
    if (!isRepeatable || this.#triedOther) return false;
    const other = this.#host.choose(target, this.#index);
    if (other === undefined) return false;
    this.#triedOther = true;
    this.#try(other, false);
    return true;
  }

  #try(index: number, fresh: boolean): void {
    this.#index = index;
    this.#attempt = this.#prepare?.(index, fresh, this);
    this.#attempt?.start();
  }

  #end(error: EdgeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.onEnd();
    this.#handler.onError(error);
  }
}
