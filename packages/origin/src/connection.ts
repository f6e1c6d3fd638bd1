import type { Socket } from "node:net";
import type { Client } from "undici";
import type { ConnectCallback, Connector, Endpoint } from "./connector.ts";
import { ContinueFilter } from "./continueFilter.ts";
import { inHundredthsOfMs, type OriginTally } from "./counters.ts";
import { readHeadInPieces } from "./headPieces.ts";
import { KEEP_ALIVE_MARGIN_MS, RESPONSE_HEAD_BYTES } from "./limits.ts";
import { UndiciClient } from "./undiciClient.ts";

/** One request on its way to an address: holds a connection from `useConnection` until it releases or discards it. */
export interface ConnectionUser {
  /** 0: no limit. */
  readonly connectTimeoutMs: number;
  useConnection(connection: Connection): void;
  /** The origin sent 100 Continue. */
  noteContinue(): void;
  /** No connection became free within the connect limit. */
  refuseConnection(): void;
}

/** Where a user gets its connection from. */
export interface ConnectionSource {
  /** Gives the user a connection, now or when one is free; `fresh` asks for one that has served nobody. */
  acquire(user: ConnectionUser, fresh: boolean): void;
  /** The user no longer wants the connection it is waiting for. */
  cancel(user: ConnectionUser): void;
  /** The user's response is complete and the connection may serve another. */
  release(connection: Connection): void;
  /** The connection must not be used again. */
  discard(connection: Connection): void;
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  readonly connector: Connector;
  /** How long an idle connection is kept; 0: every connection serves one request (ORG-34). */
  readonly reuseTimeoutMs: number;
  readonly onConnect: () => void;
  readonly tally: OriginTally;
}

let connectionsMade = 0;

/** One undici client, which is one connection at a time, and whoever uses it. */
export class Connection {
  readonly client: Client;
  readonly #options: ConnectionOptions;
  readonly #continueFilter = new ContinueFilter(() => this.#user?.noteContinue());
  #user: ConnectionUser | undefined;
  #giveUpConnecting: (() => void) | undefined;
  /** Responses completed on the socket that stands. */
  #served = 0;
  #number = 0;
  #localIp = "";
  /** The last interval of the figures in which something was carried. */
  #activeInterval = -1;
  #broken = false;
  #settling = false;
  #dropped = false;
  #isHeadAwaited = true;

  /** `onIdleClose`: the socket ended while nobody used it. */
  constructor(options: ConnectionOptions, onIdleClose: (connection: Connection) => void) {
    this.#options = options;
    const keepAliveTimeout = Math.max(1, options.reuseTimeoutMs);
    this.client = new UndiciClient("http://origin", {
      pipelining: options.reuseTimeoutMs > 0 ? 1 : 0,
      keepAliveTimeout,
      keepAliveMaxTimeout: keepAliveTimeout,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      maxHeaderSize: RESPONSE_HEAD_BYTES,
      allowH2: false,
      useMilo: false,
      connect: (_, callback) => this.#connect(callback),
    });
    this.client.on("disconnect", () => {
      if (this.#user === undefined && !this.#dropped) onIdleClose(this);
    });
  }

  /** A response was already completed on this socket, so the origin may have closed it as idle meanwhile. */
  get isReused(): boolean {
    return this.#served > 0;
  }

  /** Of the connection that stands: unlike that of any other of this process. */
  get number(): number {
    return this.#number;
  }

  /** Which transaction on that connection the present one is, from 1. */
  get transactionNumber(): number {
    return this.#served + 1;
  }

  /** This side's IP. */
  get localIp(): string {
    return this.#localIp;
  }

  /** Bytes are moving. */
  noteActive(): void {
    const { tally } = this.#options;
    if (this.#activeInterval === tally.interval) return;
    this.#activeInterval = tally.interval;
    tally.add("connectionsActive", 1);
  }

  /** The socket was reset; the end of a response that is delimited by close cannot be trusted. */
  get isBroken(): boolean {
    return this.#broken;
  }

  assign(user: ConnectionUser): void {
    this.#user = user;
    if (!this.#settling) this.#use();
  }

  /**
   * The user's response is complete. Undici still stands inside its parser then, where a new request would inherit
   * the timers of the old one, so the next user's request is held until the parser has returned.
   */
  free(): void {
    this.#user = undefined;
    this.#served += 1;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      if (!this.#dropped) this.#use();
    });
  }

  /** The final head of the user's response is there. */
  noteHead(): void {
    this.#isHeadAwaited = false;
  }

  #use(): void {
    this.#isHeadAwaited = true;
    this.#continueFilter.expectResponse();
    this.#user?.useConnection(this);
  }

  /** Ends the connection, or the attempt to make one. Nobody hears of it. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#user = undefined;
    this.#giveUpConnecting?.();
    queueMicrotask(() => void this.client.destroy());
  }

  #connect(callback: (...outcome: [error: null, socket: Socket] | [error: Error, socket: null]) => void): void {
    const timeoutMs = this.#user?.connectTimeoutMs ?? 0;
    const startedMs = performance.now();
    let establishedMs: number | undefined;
    const outcome = (...[error, socket]: Parameters<ConnectCallback>): void => {
      this.#giveUpConnecting = undefined;
      if (error !== null) {
        callback(error, null);
        return;
      }
      this.#count(socket, (establishedMs ?? performance.now()) - startedMs);
      this.#served = 0;
      this.#broken = false;
      // Before undici's own listener: a reset has to be known when undici takes it for the end of the body.
      socket.on("error", () => {
        this.#broken = true;
      });
      readHeadInPieces(socket, () => this.#isHeadAwaited);
      this.#continueFilter.attach(socket);
      this.#continueFilter.expectResponse();
      this.#options.onConnect();
      callback(null, socket);
    };
    this.#giveUpConnecting = this.#options.connector(this.#options.endpoint, timeoutMs, outcome, () => {
      establishedMs = performance.now();
    });
  }

  #count(socket: Socket, connectMs: number): void {
    const { tally } = this.#options;
    connectionsMade += 1;
    this.#number = connectionsMade;
    this.#localIp = socket.localAddress ?? "";
    tally.add("connections", 1);
    tally.add("connectTime", inHundredthsOfMs(connectMs));
    socket.once("close", () => tally.add("connectionsClosed", 1));
  }
}
