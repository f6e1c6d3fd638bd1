import { PROCESS_SLOT } from "@basalt/telemetry";
import type { ClientSession } from "../clientSession.ts";
import { Connection } from "../connection.ts";
import type { EdgeServer } from "../edgeServer.ts";
import { type StreamOwner, type StreamRequest, StreamSocket } from "./streamSocket.ts";

/** Streams that are kept for the next requests, and how many of them by a connection without any. */
const KEPT_STREAMS = 128;
const KEPT_WHEN_IDLE = 1;

/** A stream and the engine's side of it. */
export interface Served {
  readonly socket: StreamSocket;
  readonly connection: Connection;
  /** When the engine was last seen to have something to do with it. */
  busyMs: number;
}

/** The streams of a connection, and those that wait to be used again. */
export class ServedStreams {
  readonly #server: EdgeServer;
  readonly #owner: StreamOwner;
  readonly #localPort: number;
  readonly #session: ClientSession;
  readonly #open = new Map<number, Served>();
  /** Over for the client; the engine has still to come to an end. */
  #ending: Served[] = [];
  readonly #kept: Served[] = [];

  constructor(server: EdgeServer, owner: StreamOwner, localPort: number, session: ClientSession) {
    this.#server = server;
    this.#owner = owner;
    this.#localPort = localPort;
    this.#session = session;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** For the client or for the engine something is under way. */
  get isBusy(): boolean {
    return this.#open.size > 0 || this.#ending.length > 0;
  }

  find(id: number): StreamSocket | undefined {
    return this.#open.get(id)?.socket;
  }

  *all(): Generator<Served> {
    yield* [...this.#open.values(), ...this.#ending];
  }

  *openSockets(): Generator<StreamSocket> {
    for (const { socket } of this.#open.values()) yield socket;
  }

  serve(
    id: number,
    windows: { readonly send: number; readonly receive: number },
    request: StreamRequest,
    nowMs: number,
  ): void {
    const served = this.#takeKept() ?? this.#make();
    served.busyMs = nowMs;
    this.#open.set(id, served);
    this.#server.parts.counters.add(PROCESS_SLOT.http2StreamsOpen, 1);
    served.socket.serve(id, windows, request);
    if (served.socket.isOver) this.settle();
  }

  closed(socket: StreamSocket): void {
    const served = this.#open.get(socket.id);
    if (served === undefined) return;
    this.#open.delete(socket.id);
    this.#server.parts.counters.add(PROCESS_SLOT.http2StreamsOpen, -1);
    this.#ending.push(served);
  }

  /** Streams that are over for the engine too may be used again. */
  settle(): void {
    if (this.#ending.length === 0) return;
    const ending = this.#ending;
    this.#ending = [];
    for (const served of ending) {
      const { socket, connection } = served;
      if (socket.isClosed) continue;
      if (connection.isIdle && this.#kept.length < KEPT_STREAMS) this.#kept.push(served);
      else if (connection.isIdle || socket.isEnding) socket.discard();
      else this.#ending.push(served);
    }
  }

  /** A connection without requests needs few. */
  forgetSome(): void {
    while (this.#kept.length > KEPT_WHEN_IDLE) this.#kept.pop()?.socket.discard();
  }

  discardAll(): void {
    const all = [...this.all(), ...this.#kept];
    this.#server.parts.counters.add(PROCESS_SLOT.http2StreamsOpen, -this.#open.size);
    this.#open.clear();
    this.#ending = [];
    this.#kept.length = 0;
    for (const { socket } of all) if (!socket.isClosed) socket.discard();
  }

  #takeKept(): Served | undefined {
    for (let served = this.#kept.pop(); served !== undefined; served = this.#kept.pop()) {
      if (!served.socket.isClosed) return served;
    }
    return undefined;
  }

  #make(): Served {
    const socket = new StreamSocket(this.#owner);
    const connection = new Connection(this.#server, socket, this.#localPort, this.#session);
    socket.attach(connection);
    return { socket, connection, busyMs: 0 };
  }
}
