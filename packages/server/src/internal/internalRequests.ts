import type { CacheResult, ErrorCode } from "@basalt/types";
import { ClientSession } from "../clientSession.ts";
import { Connection } from "../connection.ts";
import type { EdgeServer } from "../edgeServer.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { InternalSocket, type WantedBytes } from "./internalSocket.ts";

/** Engines that are kept for the next requests. */
const KEPT = 64;

export interface InternalRequest {
  /** As in a `Host` field. */
  readonly host: string;
  readonly target: string;
  /** The port by which the host is asked; one that it listens on. */
  readonly port: number;
  /** `measure`: the body is read, and only its length kept. The purge family needs no further right (PRG-26). */
  readonly kind: "HEAD" | "measure" | "PURGE" | "EXPIRE" | "HARDPURGE" | WantedBytes;
}

export interface InternalAnswer {
  /** 0: there was none. */
  readonly status: number;
  /** Flat, names in lower case. */
  readonly fields: readonly string[];
  readonly data: Buffer | undefined;
  readonly bodyBytes: number;
  readonly result: CacheResult;
  readonly errorCode: ErrorCode | undefined;
  readonly isBypassed: boolean;
  readonly vhost: ServedVhost | undefined;
  /** Who counts and logs it. */
  readonly booked: string | undefined;
  readonly storedAtMs: number | undefined;
  /** The answer came to its end. */
  readonly isComplete: boolean;
}

type Facts = Omit<InternalAnswer, "status" | "fields" | "data" | "bodyBytes">;

/** An answer to a request that no virtual host has seen. */
export const unanswered = (errorCode: ErrorCode): InternalAnswer => ({
  status: 0,
  fields: [],
  data: undefined,
  bodyBytes: 0,
  result: "TCP_ERROR",
  errorCode,
  isBypassed: false,
  vhost: undefined,
  booked: undefined,
  storedAtMs: undefined,
  isComplete: false,
});

const factsOf = ({ result, error, bypassKind, vhost, booked, object, isComplete }: Exchange): Facts => ({
  result,
  errorCode: error?.code,
  isBypassed: bypassKind !== "none",
  vhost,
  booked: booked?.name,
  storedAtMs: object?.storedAtMs,
  isComplete,
});

/** A connection of ours with its request. */
class Engine {
  readonly #socket: InternalSocket;
  readonly #connection: Connection;
  #facts: Facts | undefined;
  #over: PromiseWithResolvers<void> | undefined;

  constructor(server: EdgeServer, port: number) {
    this.#socket = new InternalSocket(
      () => this.#over?.resolve(),
      // Not in the middle of a write of the engine's.
      () => queueMicrotask(() => this.#cut()),
    );
    const session = new ClientSession(this.#socket, false, (exchange) => {
      this.#facts = factsOf(exchange);
      this.#over?.resolve();
    });
    this.#connection = new Connection(server, this.#socket, port, session);
    this.#socket.attach(this.#connection);
  }

  /** It can take another request. */
  get isFree(): boolean {
    return !this.#socket.isClosed && this.#connection.isIdle;
  }

  async run({ host, target, kind }: InternalRequest, signal: AbortSignal): Promise<InternalAnswer> {
    signal.throwIfAborted();
    this.#facts = undefined;
    const over = Promise.withResolvers<void>();
    this.#over = over;
    const cancel = (): void => this.close();
    signal.addEventListener("abort", cancel, { once: true });
    const wanted = typeof kind === "object" ? kind : undefined;
    const range = wanted === undefined ? "" : `Range: bytes=${wanted.from}-${wanted.to - 1}\r\n`;
    const method = typeof kind === "object" || kind === "measure" ? "GET" : kind;
    const head = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${range}\r\n`, "latin1");
    this.#socket.send(head, kind === "HEAD", wanted);
    try {
      await over.promise;
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#over = undefined;
    }
    signal.throwIfAborted();
    const { section, data, bodyBytes } = this.#socket.collected;
    // Without an exchange: it was refused before it became one, or nothing was said at all.
    const facts = this.#facts ?? unanswered(section === undefined ? "CLIENT_GONE" : "REQUEST_MALFORMED");
    return { ...facts, status: section?.status ?? 0, fields: section?.fields ?? [], data, bodyBytes };
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The rest of the answer is not wanted. */
  #cut(): void {
    if (this.#facts === undefined) this.close();
  }
}

/**
 * Requests that no client has sent: they take the way of all requests, from rewriting and access control to the origin,
 * and count nowhere; whoever makes them counts them. Their body is theirs, copied.
 */
export class InternalRequests {
  readonly #server: EdgeServer;
  readonly #free = new Map<number, Engine[]>();
  #isClosed = false;

  constructor(server: EdgeServer) {
    this.#server = server;
  }

  /** Rejects when the signal is aborted. */
  async run(request: InternalRequest, signal: AbortSignal): Promise<InternalAnswer> {
    if (this.#isClosed) return unanswered("SHUTTING_DOWN");
    const engine = this.#take(request.port);
    try {
      return await engine.run(request, signal);
    } finally {
      this.#keep(request.port, engine);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const engines of this.#free.values()) for (const engine of engines) engine.close();
    this.#free.clear();
  }

  #take(port: number): Engine {
    const free = this.#free.get(port);
    for (let engine = free?.pop(); engine !== undefined; engine = free?.pop()) if (engine.isFree) return engine;
    return new Engine(this.#server, port);
  }

  #keep(port: number, engine: Engine): void {
    const free = this.#free.get(port) ?? [];
    if (this.#isClosed || !engine.isFree || free.length >= KEPT) {
      engine.close();
      return;
    }
    free.push(engine);
    this.#free.set(port, free);
  }
}
