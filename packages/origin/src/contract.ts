import type { EdgeError } from "@basalt/types";

/** One request to an origin. Field arrays are flat: name, value, name, value …, latin1, as they go over the wire. */
export interface OriginRequest {
  readonly method: string;
  /** Path and query string, origin-form, without the path prefix of the address. */
  readonly target: string;
  /** End-to-end fields; the pool adds Host (CFG-12 table) unless present, and framing. */
  readonly fields: readonly string[];
  readonly body: OriginRequestBody;
  /** Which pair of time-outs holds: caching or bypass (BYP-13). */
  readonly mode: "cache" | "bypass";
}

/** `stream`: an async iterable of chunks; contentLength -1 means chunked. A request with a body is sent at most once. */
export type OriginRequestBody =
  | { readonly kind: "none" }
  | { readonly kind: "stream"; readonly contentLength: number; readonly chunks: AsyncIterable<Buffer> };

export interface OriginResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Flat, as received. */
  readonly fields: readonly string[];
  /** Configured address that answered. */
  readonly address: string;
}

/** Callbacks of one exchange, in order: onInformation*, onHead, onData*, then exactly one of onComplete or onError. */
export interface OriginHandler {
  /** Before anything is sent: the handle of this exchange. The only way to get it for `upgrade`. */
  onStart?(exchange: OriginExchange): void;
  /** Interim 1xx responses. */
  onInformation?(status: number, fields: readonly string[]): void;
  onHead(head: OriginResponseHead): void;
  /** False pauses the origin's socket until `resume`. The chunk belongs to the receiver. */
  onData(chunk: Buffer): boolean;
  onComplete(trailers: readonly string[]): void;
  /** Before or after onHead; the response is not complete. */
  onError(error: EdgeError): void;
}

export interface OriginExchange {
  resume(): void;
  /** The caller no longer wants the answer; no callback follows. */
  abort(): void;
}

/** An established upgrade: raw bytes both ways. */
export interface OriginTunnel {
  readonly head: OriginResponseHead;
  readonly socket: import("node:stream").Duplex;
}

/** Origin servers of one virtual host, as one worker sees them. */
export interface OriginPool {
  send(request: OriginRequest, handler: OriginHandler): OriginExchange;
  /** Hands an upgrade request on; resolves with the tunnel after 101, or with the refusal as an ordinary exchange. */
  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined>;
  /** Exchanges in progress. */
  readonly active: number;
  /** Bytes and exchanges since the pool was made, for statistics. */
  readonly counters: OriginCounters;
  close(): Promise<void>;
}

export interface OriginCounters {
  requests: number;
  requestBytes: number;
  responseHeadBytes: number;
  responseBodyBytes: number;
  /** Index = status class 1 to 5. */
  readonly responses: number[];
  connectFailures: number;
  receiveTimeouts: number;
  closedEarly: number;
  connections: number;
}
