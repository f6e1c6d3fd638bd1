import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PinnedVisitor } from "@basalt/cache";
import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { EdgeError, ERROR_CODES } from "@basalt/types";
import { ClientSession } from "../clientSession.ts";
import { Connection } from "../connection.ts";
import type { ClientSocket } from "../driver/contract.ts";
import type { EdgeServer, ServedConnection } from "../edgeServer.ts";
import { FloodGuard, type Moved } from "./floodGuard.ts";
import { RequestHeadReader } from "./requestHead.ts";
import { SendRoom } from "./sendRoom.ts";
import { sessionOptions } from "./sessionOptions.ts";
import { type StreamOwner, StreamSocket } from "./streamSocket.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_PROTOCOL_ERROR } = constants;

/** Copies of answers that wait for the client. */
const ROOM_BYTES = 256 * 1024;

/** Streams that are kept for the next requests, and how many of them by a connection without any. */
const KEPT_STREAMS = 128;
const KEPT_WHEN_IDLE = 1;

/** For the client to take the end of a connection. */
const CLOSE_MS = 5_000;

/** For one that floods: it goes on sending and need not be told twice. */
const FLOOD_CLOSE_MS = 200;

/** A stream and the engine's side of it. */
interface Served {
  readonly socket: StreamSocket;
  readonly connection: Connection;
  /** When the engine was last seen to have something to do with it. */
  busyMs: number;
}

/**
 * One HTTP/2 connection of a client. Each of its streams is a connection of the engine, so that its request goes through
 * the same parser, limits, phases, counters and logs as any other; they share the session that logs and statistics know.
 */
export class Http2Connection implements ServedConnection, StreamOwner {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly tls: ClientSocket["tls"];
  readonly room = new SendRoom(ROOM_BYTES);
  readonly #server: EdgeServer;
  readonly #localPort: number;
  readonly #transport: Socket;
  readonly #session: ServerHttp2Session;
  readonly #clientSession: ClientSession;
  readonly #heads: RequestHeadReader;
  readonly #guard: FloodGuard;
  readonly #active = new Map<StreamSocket, Served>();
  readonly #kept: Served[] = [];
  #hasServed = false;
  #isClosing = false;
  #isFlood = false;
  #deadlineMs: number;

  /** `transport` has agreed on HTTP/2 with the client, and nothing has been read from it since. */
  constructor(server: EdgeServer, transport: Socket, localPort: number) {
    this.#server = server;
    this.#localPort = localPort;
    this.#transport = transport;
    this.remoteAddress = transport.remoteAddress ?? "";
    this.remotePort = transport.remotePort ?? 0;
    this.localAddress = transport.localAddress ?? "";
    this.tls = tlsOf(transport);
    this.#clientSession = new ClientSession(this, true);
    const { limits, http2 } = server.state;
    const now = this.#now();
    this.#heads = new RequestHeadReader(limits.headBytes);
    this.#guard = new FloodGuard(http2, this.#moved(), now);
    this.#deadlineMs = now + limits.headTimeoutSeconds * 1000;
    this.#session = performServerHandshake(transport, sessionOptions(http2, limits));
    this.#session.setLocalWindowSize(http2.connectionWindowBytes);
    this.#count(PROCESS_SLOT.http2Connections, 1);
    this.#count(PROCESS_SLOT.http2ConnectionsOpen, 1);
    this.#session.on("stream", (stream, _fields, flags, rawFields) => this.#begin(stream, flags, rawFields));
    this.#session.on("ping", () => {
      if (!this.#guard.countPing()) this.#endFlood();
    });
    this.#session.on("remoteSettings", () => {
      if (!this.#guard.countSettings()) this.#endFlood();
    });
    this.#session.on("error", (error) => this.#failed(error));
    this.#session.on("close", () => this.#closed());
  }

  /** Of the virtual host of the last request. */
  get block(): number {
    return this.#clientSession.block;
  }

  destroy(): void {
    this.#session.destroy();
    this.#transport.destroy();
  }

  closeIfIdle(): void {
    if (this.#active.size === 0) this.announceEnd();
  }

  /** Takes no more requests: those under way are finished, the client is told which these are (RFC 9113 6.8). */
  announceEnd(localPort = this.#localPort): void {
    if (this.#isClosing || localPort !== this.#localPort) return;
    this.#isClosing = true;
    this.#deadlineMs = this.#now() + CLOSE_MS;
    this.#session.close();
  }

  checkDeadline(monotonicMs: number): void {
    if (!this.#isClosing && !this.#guard.check(this.#moved(), monotonicMs)) {
      this.#endFlood();
      return;
    }
    for (const served of this.#active.values()) this.#checkStream(served, monotonicMs);
    if (this.#active.size > 0 && !this.#isFlood) {
      if (this.#isClosing) this.#deadlineMs = monotonicMs + CLOSE_MS;
      return;
    }
    while (this.#kept.length > KEPT_WHEN_IDLE) this.#kept.pop()?.socket.discard();
    if (monotonicMs < this.#deadlineMs) return;
    if (this.#isClosing) this.destroy();
    else this.announceEnd();
  }

  visitPinned(visit: PinnedVisitor): void {
    for (const { connection } of this.#active.values()) connection.visitPinned(visit);
  }

  countProgress(): void {
    for (const { connection } of this.#active.values()) connection.countProgress();
  }

  bodyReceived(byteCount: number): void {
    this.#guard.countBody(byteCount);
  }

  streamClosed(socket: StreamSocket, wasReset: boolean): void {
    const served = this.#active.get(socket);
    if (served === undefined) return;
    this.#active.delete(socket);
    this.#count(PROCESS_SLOT.http2StreamsOpen, -1);
    if (wasReset) this.#countReset();
    if (!socket.isClosed && served.connection.isIdle && this.#kept.length < KEPT_STREAMS && !this.#isClosing) {
      this.#kept.push(served);
    } else {
      socket.discard();
    }
    if (this.#active.size === 0 && !this.#isClosing) this.#touchIdle();
  }

  #begin(stream: ServerHttp2Stream, flags: number, fields: readonly string[]): void {
    this.#count(PROCESS_SLOT.http2Streams, 1);
    // What came together with its reset is not even looked at.
    if (stream.closed || stream.destroyed) {
      stream.on("error", ignoreError);
      this.#countReset();
      return;
    }
    const reading = this.#heads.read(fields, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    switch (reading.kind) {
      case "malformed":
        this.#count(rejectionSlot("REQUEST_MALFORMED"), 1);
        refuse(stream);
        return;
      case "connect":
        this.#answerAtOnce(stream, "METHOD_NOT_IMPLEMENTED");
        return;
      case "tooLarge":
        this.#answerAtOnce(stream, "REQUEST_HEAD_TOO_LARGE");
        return;
      case "request":
        this.#guard.countHead(reading.text.length);
        this.#serve(stream, reading);
        return;
    }
  }

  #answerAtOnce(stream: ServerHttp2Stream, code: "METHOD_NOT_IMPLEMENTED" | "REQUEST_HEAD_TOO_LARGE"): void {
    this.#count(rejectionSlot(code), 1);
    stream.on("error", ignoreError);
    stream.respond({ ":status": ERROR_CODES[code].status, "content-length": 0 }, { endStream: true });
  }

  #serve(stream: ServerHttp2Stream, request: Parameters<StreamSocket["serve"]>[1]): void {
    const served = this.#takeKept() ?? this.#open();
    served.busyMs = this.#now();
    this.#hasServed = true;
    this.#active.set(served.socket, served);
    this.#count(PROCESS_SLOT.http2StreamsOpen, 1);
    served.socket.serve(stream, request);
  }

  #takeKept(): Served | undefined {
    for (let served = this.#kept.pop(); served !== undefined; served = this.#kept.pop()) {
      if (!served.socket.isClosed) return served;
    }
    return undefined;
  }

  #open(): Served {
    const socket = new StreamSocket(this);
    const connection = new Connection(this.#server, socket, this.#localPort, this.#clientSession);
    socket.attach(connection);
    return { socket, connection, busyMs: 0 };
  }

  /** The engine watches what it has to do with; what is left of an answer then is for the client to take. */
  #checkStream(served: Served, now: number): void {
    const { socket, connection } = served;
    if (!socket.isClosed && (!connection.isIdle || socket.unsentBytes > 0)) {
      served.busyMs = now;
      connection.checkDeadline(now);
    } else if (now - served.busyMs > this.#server.state.limits.sendTimeoutSeconds * 1000) {
      socket.abandon(NGHTTP2_CANCEL);
    }
  }

  #touchIdle(): void {
    const { http2, limits } = this.#server.state;
    const seconds = this.#hasServed ? http2.idleTimeoutSeconds : limits.headTimeoutSeconds;
    this.#deadlineMs = this.#now() + seconds * 1000;
  }

  #endFlood(): void {
    this.#countFlood();
    this.#session.destroy(
      new EdgeError("CONNECTION_LIMIT", { detail: "too much of something" }),
      NGHTTP2_ENHANCE_YOUR_CALM,
    );
  }

  #countReset(): void {
    this.#count(PROCESS_SLOT.http2StreamsReset, 1);
    if (!this.#guard.countReset()) this.#endFlood();
  }

  #countFlood(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#isFlood = true;
    this.#deadlineMs = this.#now() + FLOOD_CLOSE_MS;
    this.#count(PROCESS_SLOT.http2Floods, 1);
  }

  /** What the protocol library ends a connection for by itself. */
  #failed(error: unknown): void {
    if (isFlood(error)) this.#countFlood();
  }

  #closed(): void {
    for (const { socket } of this.#active.values()) {
      socket.discard();
      this.#count(PROCESS_SLOT.http2StreamsOpen, -1);
    }
    this.#active.clear();
    for (const { socket } of this.#kept) socket.discard();
    this.#kept.length = 0;
    this.#isClosing = true;
    this.#count(PROCESS_SLOT.http2ConnectionsOpen, -1);
    this.#server.forget(this);
  }

  #moved(): Moved {
    return { receivedBytes: this.#transport.bytesRead, sentBytes: this.#transport.bytesWritten };
  }

  #count(slot: number, amount: number): void {
    this.#server.parts.counters.add(slot, amount);
  }

  #now(): number {
    return this.#server.parts.clock.monotonic();
  }
}

/** Serves an admitted connection on which HTTP/2 has been agreed on. */
export const serveHttp2 = (server: EdgeServer, transport: Socket, localPort: number): void => {
  try {
    markSecured(transport);
    server.enlist(new Http2Connection(server, transport, localPort));
  } catch {
    // The client has gone before anything could be read.
    transport.destroy();
    server.parts.counters.add(PROCESS_SLOT.connectionsClosed, 1);
  }
};

/** Boundary: the runtime says by itself only of sockets of its own server that the handshake is over. */
const markSecured = (transport: Socket): void => {
  if (transport instanceof TLSSocket) Object.assign(transport, { secureConnecting: false });
};

const ignoreError = (): void => {};

const refuse = (stream: ServerHttp2Stream): void => {
  stream.on("error", ignoreError);
  stream.close(NGHTTP2_PROTOCOL_ERROR);
};

const tlsOf = (transport: Socket): ClientSocket["tls"] => {
  if (!(transport instanceof TLSSocket)) return undefined;
  return { protocol: transport.getProtocol() ?? "", cipher: transport.getCipher()?.name ?? "" };
};

/** Codes under which the library gives up on a client that sends too much of something. */
const FLOOD_CODES: ReadonlySet<string> = new Set([
  "ERR_HTTP2_TOO_MANY_INVALID_FRAMES",
  "ERR_HTTP2_TOO_MANY_CUSTOM_SETTINGS",
]);

const isFlood = (error: unknown): boolean => {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return FLOOD_CODES.has(String(error.code)) || /flood|too many/i.test(error.message);
};
