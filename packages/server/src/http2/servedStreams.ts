import type { PinnedVisitor } from "@basalt/cache";
import { PROCESS_SLOT } from "@basalt/telemetry";
import type { ClientSession } from "../clientSession.ts";
import { Connection, type HandedOver } from "../connection.ts";
import type { SocketHandler } from "../driver/contract.ts";
import type { EdgeServer } from "../edgeServer.ts";
import { type StreamOwner, type StreamRequest, StreamSocket } from "./streamSocket.ts";

/** What is kept of each kind for the next requests, and how much of it by a connection without any. */
const KEPT = 128;
const KEPT_WHEN_IDLE = 1;

/** A stream and who has to do with it. */
export interface Served {
  readonly socket: StreamSocket;
  /** The engine's side; undefined when the rest is for the client to take. */
  engine: Connection | undefined;
  tail: HandedOver | undefined;
  /** When it was last seen that something happens, and what was unsent then. */
  busyMs: number;
  unsentSeen: number;
}

export interface StreamWindows {
  readonly send: number;
  readonly receive: number;
}

/**
 * The streams of a connection. What answers a request at once is free for the next one, whether the client has taken the
 * answer or not: so many streams that wait for their client need few engines.
 */
export class ServedStreams {
  readonly #server: EdgeServer;
  readonly #owner: StreamOwner;
  readonly #localPort: number;
  readonly #session: ClientSession;
  readonly #open = new Map<number, Served>();
  /** Over for the client; the engine has still to come to an end. */
  #ending: Served[] = [];
  readonly #engines: Connection[] = [];
  readonly #sockets: StreamSocket[] = [];
  /** Where engines write that have no stream: what one does by itself meanwhile is no other's business. */
  readonly #nowhere: StreamSocket;

  constructor(server: EdgeServer, owner: StreamOwner, localPort: number, session: ClientSession) {
    this.#server = server;
    this.#owner = owner;
    this.#localPort = localPort;
    this.#session = session;
    this.#nowhere = new StreamSocket(owner);
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

  all(): readonly Served[] {
    return [...this.#open.values(), ...this.#ending];
  }

  visitPinned(visit: PinnedVisitor): void {
    for (const { socket, engine, tail } of this.all()) {
      if (engine !== undefined) engine.visitPinned(visit);
      else if (tail !== undefined) socket.visitUnsent((data) => visit(data, tail.isKept(data)));
    }
  }

  serve(id: number, windows: StreamWindows, request: StreamRequest, nowMs: number): void {
    const socket = this.#sockets.pop() ?? new StreamSocket(this.#owner);
    const engine = this.#engineFor(socket);
    const served: Served = { socket, engine, tail: undefined, busyMs: nowMs, unsentSeen: 0 };
    this.#open.set(id, served);
    this.#server.parts.counters.add(PROCESS_SLOT.http2StreamsOpen, 1);
    socket.attach(engine);
    socket.serve(id, windows, request);
    if (socket.isOver) this.settle();
    else if (socket.isAnswered && engine.isIdle && !engine.isTied) this.#part(served, engine);
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
    for (const served of ending) this.#settleOne(served);
  }

  /** A connection without requests needs few. */
  forgetSome(): void {
    while (this.#engines.length > KEPT_WHEN_IDLE) this.#engines.pop()?.onClose();
    this.#sockets.length = Math.min(this.#sockets.length, KEPT_WHEN_IDLE);
  }

  discardAll(): void {
    const all = this.all();
    this.#server.parts.counters.add(PROCESS_SLOT.http2StreamsOpen, -this.#open.size);
    this.#open.clear();
    this.#ending = [];
    for (const { socket } of all) if (!socket.isClosed) socket.discard();
    for (const engine of this.#engines.splice(0)) engine.onClose();
    this.#sockets.length = 0;
  }

  /** The engine has said all and is free; the socket goes on alone. */
  #part(served: Served, engine: Connection): void {
    const tail = engine.handOver();
    served.engine = undefined;
    served.tail = tail;
    served.unsentSeen = served.socket.pendingBytes;
    served.socket.attach(tailHandler(tail));
    this.#keepEngine(engine);
  }

  #settleOne(served: Served): void {
    const { socket, engine } = served;
    if (engine === undefined) served.tail?.release();
    else if (!socket.isClosed) {
      if (!engine.isIdle && !socket.isEnding) {
        this.#ending.push(served);
        return;
      }
      if (engine.isIdle && !engine.isTied) this.#keepEngine(engine);
      else socket.discard();
    }
    socket.leave();
    if (this.#sockets.length < KEPT) this.#sockets.push(socket);
  }

  #keepEngine(engine: Connection): void {
    engine.moveTo(this.#nowhere);
    if (this.#engines.length < KEPT) this.#engines.push(engine);
    else engine.onClose();
  }

  #engineFor(socket: StreamSocket): Connection {
    for (let kept = this.#engines.pop(); kept !== undefined; kept = this.#engines.pop()) {
      if (kept.isIdle) {
        kept.moveTo(socket);
        return kept;
      }
      // Its connection of its own to an origin has ended (BYP-12).
      kept.onClose();
    }
    return new Connection(this.#server, socket, this.#localPort, this.#session);
  }
}

const ignore = (): void => {};

const tailHandler = ({ release }: HandedOver): SocketHandler => ({
  onData: ignore,
  onDrain: release,
  onEnd: ignore,
  onClose: release,
});
