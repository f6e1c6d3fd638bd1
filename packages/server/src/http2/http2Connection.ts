import type { PinnedVisitor } from "@basalt/cache";
import { PROCESS_SLOT } from "@basalt/telemetry";
import { ClientSession } from "../clientSession.ts";
import type { ClientSocket, SocketHandler } from "../driver/contract.ts";
import type { EdgeServer, ServedConnection } from "../edgeServer.ts";
import { FloodGuard, type Moved } from "./floodGuard.ts";
import { FrameReader } from "./frameReader.ts";
import { FrameSender, type Http2Transport } from "./frameSender.ts";
import { CODE, type Code, ConnectionError, INITIAL_WINDOW_BYTES, MOST_STREAM_ID, SETTING } from "./frames.ts";
import { HpackError } from "./hpack/decoder.ts";
import { IncomingFrames, type IncomingOwner } from "./incomingFrames.ts";
import { SendQueue } from "./sendQueue.ts";
import { SendRoom } from "./sendRoom.ts";
import { type Served, ServedStreams } from "./servedStreams.ts";
import type { StreamEnd, StreamOwner, StreamRequest, StreamSocket } from "./streamSocket.ts";
import { atEndOfTurn, type TurnTask } from "./turns.ts";

/** Copies of answers that wait for the client. */
const ROOM_BYTES = 256 * 1024;

/** What may wait of the body of one request, however few or many a connection may have. */
const LEAST_BODY_ROOM_BYTES = 16 * 1024;
const MOST_BODY_ROOM_BYTES = 256 * 1024;

/** Requests that a connection may begin in one turn of the event loop: others want theirs too. */
const REQUESTS_PER_TURN = 128;

/** After so many bytes what was received is judged at once, not only at the next sweep. */
const JUDGED_BYTES = 256 * 1024;

/** For the client to hear that it should send no more requests, before those that it has sent are no longer taken. */
const NOTICE_MS = 1_000;

/** For the client to take the end of a connection. */
const CLOSE_MS = 5_000;

/** For one that floods: it goes on sending and need not be told twice. */
const FLOOD_CLOSE_MS = 200;

/** What a client has to take within the send time-out, as over HTTP/1.1. */
const LEAST_PROGRESS_BYTES = 512;

const NOTICE_PING = Buffer.from("basalt-1", "latin1");
const NOTHING = Buffer.alloc(0);

/** `noticed`: the client has been asked to go. `left`: it knows the last request that is served. `ended`: nothing is read. */
type Leaving = "no" | "noticed" | "left" | "ended" | "closed";

/**
 * One HTTP/2 connection of a client. Each of its streams is a connection of the engine, so that its request goes through
 * the same parser, limits, phases, counters and logs as any other; they share the session that logs and statistics know.
 */
export class Http2Connection implements ServedConnection, SocketHandler, StreamOwner, IncomingOwner, TurnTask {
  readonly room = new SendRoom(ROOM_BYTES);
  readonly sender: FrameSender;
  /** Its share of the memory of the connection, so that all uploads together keep to that. */
  readonly bodyRoomBytes: number;
  readonly guard: FloodGuard;
  readonly streams: ServedStreams;
  readonly #server: EdgeServer;
  readonly #localPort: number;
  readonly #transport: Http2Transport;
  readonly #clientSession: ClientSession;
  readonly #queue: SendQueue;
  readonly #incoming: IncomingFrames;
  readonly #reader: FrameReader;
  #leaving: Leaving = "no";
  #isFlood = false;
  #isAwaitingTurn = false;
  #requestsOfTurn = 0;
  /** What was received and not looked at yet. */
  #unread: Buffer = NOTHING;
  #receivedBytes = 0;
  #judgedBytes = 0;
  #hasServed = false;
  #deadlineMs: number;
  #noticeEndMs = 0;
  /** What the client was last seen to have taken, and when that was more than before. */
  #takenBytes = 0;
  #movedMs: number;

  constructor(server: EdgeServer, transport: Http2Transport, localPort: number) {
    this.#server = server;
    this.#localPort = localPort;
    this.#transport = transport;
    this.#clientSession = new ClientSession(transport, true);
    const { limits, http2 } = server.state;
    const now = this.#now();
    this.sender = new FrameSender(transport);
    const shareBytes = http2.connectionMemoryBytes / http2.maxConcurrentStreams;
    this.bodyRoomBytes = Math.max(LEAST_BODY_ROOM_BYTES, Math.min(MOST_BODY_ROOM_BYTES, shareBytes));
    this.#queue = new SendQueue(this.sender);
    this.guard = new FloodGuard(http2, this.#moved(), now);
    this.streams = new ServedStreams(server, this, localPort, this.#clientSession);
    this.#incoming = new IncomingFrames(this, http2, limits);
    this.#reader = new FrameReader(this.#incoming);
    this.#deadlineMs = now + limits.headTimeoutSeconds * 1000;
    this.#movedMs = now;
    this.#count(PROCESS_SLOT.http2Connections, 1);
    this.#count(PROCESS_SLOT.http2ConnectionsOpen, 1);
    this.sender.settings([
      [SETTING.MAX_CONCURRENT_STREAMS, http2.maxConcurrentStreams],
      [SETTING.INITIAL_WINDOW_SIZE, http2.streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, limits.headBytes],
    ]);
    const grownBytes = http2.connectionWindowBytes - INITIAL_WINDOW_BYTES;
    if (grownBytes > 0) this.sender.windowUpdate(0, grownBytes);
    this.hasSaid();
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  get remotePort(): number {
    return this.#transport.remotePort;
  }

  get localAddress(): string {
    return this.#transport.localAddress;
  }

  get tls(): ClientSocket["tls"] {
    return this.#transport.tls;
  }

  /** Of the virtual host of the last request. */
  get block(): number {
    return this.#clientSession.block;
  }

  destroy(): void {
    this.#transport.destroy();
  }

  closeIfIdle(): void {
    if (this.streams.openCount === 0) this.announceEnd();
  }

  /**
   * Takes no more requests: those under way are finished, the client is told which these are (RFC 9113 6.8). First it is
   * told to send no more, so that none is lost that is on its way at this moment.
   */
  announceEnd(localPort = this.#localPort): void {
    if (this.#leaving !== "no" || localPort !== this.#localPort) return;
    this.#leaving = "noticed";
    this.#noticeEndMs = this.#now() + NOTICE_MS;
    this.#deadlineMs = this.#now() + CLOSE_MS;
    this.sender.goAway(MOST_STREAM_ID);
    this.sender.ping(0, NOTICE_PING, 0);
    this.hasSaid();
  }

  checkDeadline(monotonicMs: number): void {
    if (this.#isOpen && !this.guard.check(this.#moved(), monotonicMs)) {
      this.endFlood();
      return;
    }
    if (this.#leaving === "noticed" && monotonicMs >= this.#noticeEndMs) this.#leave();
    this.#checkStreams(monotonicMs);
    const isBusy = this.streams.openCount > 0 || this.sender.hasOutput;
    if (isBusy && !this.#isFlood && this.#leaving !== "ended") {
      if (this.#leaving !== "no") this.#deadlineMs = monotonicMs + CLOSE_MS;
      return;
    }
    this.streams.forgetSome();
    if (monotonicMs < this.#deadlineMs || this.#leaving === "closed") return;
    if (this.#leaving === "no") this.announceEnd();
    else this.destroy();
  }

  visitPinned(visit: PinnedVisitor): void {
    this.streams.visitPinned(visit);
  }

  countProgress(): void {
    for (const { engine } of this.streams.all()) engine?.countProgress();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#receivedBytes += end - start;
    if (!this.#isOpen) return;
    if (this.#unread.length > 0) this.#unread = Buffer.concat([this.#unread, buffer.subarray(start, end)]);
    else this.#read(buffer, start, end);
    if (this.#receivedBytes - this.#judgedBytes < JUDGED_BYTES || !this.#isOpen) return;
    this.#judgedBytes = this.#receivedBytes;
    if (!this.guard.check(this.#moved(), this.#now())) this.endFlood();
  }

  onDrain(): void {
    this.#send();
    if (this.#unread.length > 0 || this.#leaving === "left") this.hasSaid();
  }

  /** A client that sends no more takes nothing either: windows would not open again. */
  onEnd(): void {
    if (!this.#isOpen) return;
    this.#leaving = "ended";
    this.#deadlineMs = this.#now() + CLOSE_MS;
    this.#queue.drop();
    this.streams.discardAll();
    this.#transport.end();
  }

  onClose(): void {
    this.#leaving = "closed";
    this.sender.drop();
    this.#queue.drop();
    this.#unread = NOTHING;
    this.streams.discardAll();
    this.#count(PROCESS_SLOT.http2ConnectionsOpen, -1);
    this.#server.forget(this);
  }

  hasSaid(): void {
    if (this.#isAwaitingTurn) return;
    this.#isAwaitingTurn = true;
    atEndOfTurn(this);
  }

  endTurn(): void {
    this.#isAwaitingTurn = false;
    if (this.#leaving === "closed") return;
    this.#requestsOfTurn = 0;
    this.streams.settle();
    this.#send();
    if (this.#unread.length > 0 && this.#isOpen && !this.sender.isFull) this.#readOn();
    this.#endIfDone();
  }

  wantsTurn(stream: StreamSocket): void {
    this.#queue.add(stream);
    this.hasSaid();
  }

  bodyTaken(stream: StreamSocket, byteCount: number): void {
    this.#incoming.bodyTaken(stream, byteCount);
  }

  streamClosed(stream: StreamSocket, end: StreamEnd): void {
    if (end === "broken" || end === "cut") this.#incoming.cutOff(stream);
    this.streams.closed(stream);
    if (end === "reset") this.#count(PROCESS_SLOT.http2StreamsReset, 1);
    if (this.streams.openCount === 0 && this.#leaving === "no") this.#touchIdle();
  }

  mayRead(): boolean {
    return this.#isOpen && this.#requestsOfTurn < REQUESTS_PER_TURN && !this.sender.isFull;
  }

  /** New streams are served. */
  get takesRequests(): boolean {
    return this.#leaving === "no" || this.#leaving === "noticed";
  }

  serve(id: number, request: StreamRequest): void {
    this.#requestsOfTurn++;
    this.#hasServed = true;
    this.streams.serve(
      id,
      { send: this.#incoming.peer.windowBytes, receive: this.#server.state.http2.streamWindowBytes },
      request,
      this.#now(),
    );
  }

  windowOpened(stream: StreamSocket | undefined): void {
    if (stream === undefined) this.#queue.windowOpened();
    else this.#queue.add(stream);
    this.hasSaid();
  }

  noticeTaken(): void {
    if (this.#leaving === "noticed") this.#leave();
  }

  /** The client goes by itself: what it has asked for is answered. */
  clientLeaves(): void {
    if (this.#leaving === "no") {
      this.#leaving = "left";
      this.#deadlineMs = this.#now() + CLOSE_MS;
    }
    this.hasSaid();
  }

  count(slot: number, amount: number): void {
    this.#count(slot, amount);
  }

  endFlood(): void {
    if (!this.#isOpen) return;
    this.#isFlood = true;
    this.#count(PROCESS_SLOT.http2Floods, 1);
    this.#end(CODE.ENHANCE_YOUR_CALM, FLOOD_CLOSE_MS);
  }

  get #isOpen(): boolean {
    return this.#leaving !== "ended" && this.#leaving !== "closed";
  }

  #read(buffer: Buffer, start: number, end: number): void {
    try {
      const position = this.#reader.read(buffer, start, end);
      if (position === end || !this.#isOpen) return;
      this.#unread = Buffer.from(buffer.subarray(position, end));
      this.#transport.pauseReading();
      this.hasSaid();
    } catch (error) {
      this.#failed(error);
    }
  }

  #readOn(): void {
    const unread = this.#unread;
    this.#unread = NOTHING;
    this.#read(unread, 0, unread.length);
    if (this.#unread.length === 0 && this.#isOpen) this.#transport.resumeReading();
  }

  #failed(error: unknown): void {
    if (error instanceof ConnectionError) {
      if (error.code === CODE.ENHANCE_YOUR_CALM) this.endFlood();
      else this.#end(error.code, CLOSE_MS);
    } else if (error instanceof HpackError) this.#end(CODE.COMPRESSION_ERROR, CLOSE_MS);
    else {
      this.#server.parts.onDefect(error);
      this.#end(CODE.INTERNAL_ERROR, CLOSE_MS);
    }
  }

  /** Fills the output and hands it over, when the transport takes something. */
  #send(): void {
    if (!this.sender.hasOutput && this.#queue.isEmpty) return;
    if (!this.#transport.mayWrite()) return;
    this.#queue.fill();
    this.sender.write();
    if (this.#queue.isEmpty || this.#leaving === "closed") return;
    if (this.#transport.mayWrite()) this.hasSaid();
  }

  #leave(): void {
    this.#leaving = "left";
    this.sender.goAway(this.#incoming.lastStream);
    this.hasSaid();
  }

  #endIfDone(): void {
    if (this.#leaving !== "left" || this.streams.isBusy || this.sender.hasOutput) return;
    this.#leaving = "ended";
    // A slow client has still to take the last of its answers.
    this.#deadlineMs = this.#now() + this.#server.state.limits.sendTimeoutSeconds * 1000;
    this.#transport.end();
  }

  /** Says why, and ends everything on it. */
  #end(code: Code, closeMs: number): void {
    if (!this.#isOpen) return;
    this.#leaving = "ended";
    this.#unread = NOTHING;
    this.#deadlineMs = this.#now() + closeMs;
    this.#queue.drop();
    this.streams.discardAll();
    this.sender.goAway(this.#incoming.lastStream, code);
    this.sender.write();
    this.#transport.end();
  }

  #checkStreams(now: number): void {
    const { limits } = this.#server.state;
    const sendTimeoutMs = limits.sendTimeoutSeconds * 1000;
    const unsentBytes = this.#transport.unsentBytes;
    const takenBytes = this.sender.sentBytes - unsentBytes;
    if (unsentBytes === 0 || takenBytes - this.#takenBytes >= LEAST_PROGRESS_BYTES) {
      this.#takenBytes = takenBytes;
      this.#movedMs = now;
    } else if (now - this.#movedMs > sendTimeoutMs) {
      this.#transport.reset();
      return;
    }
    for (const served of this.streams.all()) this.#checkStream(served, now, unsentBytes > 0, sendTimeoutMs);
    this.streams.settle();
  }

  /**
   * The engine watches what it has to do with; what is left of an answer then is for the client to take. Where the whole
   * connection is slow, no stream is to blame.
   */
  #checkStream(served: Served, now: number, isConnectionSlow: boolean, sendTimeoutMs: number): void {
    const { socket, engine } = served;
    const { pendingBytes } = socket;
    if (engine !== undefined && !socket.isClosed && (!engine.isIdle || socket.unsentBytes > 0)) {
      served.busyMs = now;
      served.unsentSeen = pendingBytes;
      if (!isConnectionSlow || socket.unsentBytes === 0) engine.checkDeadline(now);
      return;
    }
    if (isConnectionSlow || served.unsentSeen - pendingBytes >= LEAST_PROGRESS_BYTES) {
      served.unsentSeen = pendingBytes;
      served.busyMs = now;
    } else if (now - served.busyMs > sendTimeoutMs) socket.abandon(CODE.CANCEL);
  }

  #touchIdle(): void {
    const { http2, limits } = this.#server.state;
    const seconds = this.#hasServed ? http2.idleTimeoutSeconds : limits.headTimeoutSeconds;
    this.#deadlineMs = this.#now() + seconds * 1000;
  }

  #moved(): Moved {
    return { receivedBytes: this.#receivedBytes, sentBytes: this.sender.sentBytes };
  }

  #count(slot: number, amount: number): void {
    this.#server.parts.counters.add(slot, amount);
  }

  #now(): number {
    return this.#server.parts.clock.monotonic();
  }
}

/** Serves an admitted connection on which HTTP/2 has been agreed on. */
export const serveHttp2 = (
  server: EdgeServer,
  transport: Http2Transport,
  attach: (handler: SocketHandler) => void,
  localPort: number,
): void => {
  const connection = new Http2Connection(server, transport, localPort);
  server.enlist(connection);
  attach(connection);
};
