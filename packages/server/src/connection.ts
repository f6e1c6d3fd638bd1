import type { PinnedVisitor, PreparedResponse } from "@basalt/cache";
import {
  CHUNK_DONE,
  CHUNK_REJECTED,
  type ChunkedDecoder,
  createChunkedDecoder,
  createRequestHeadParser,
  FIELD,
  type FieldBlock,
  PARSE_NEED_MORE,
  PARSE_REJECTED,
  type Rejection,
  type RequestHeadParser,
} from "@basalt/http";
import type { OriginPool, PrivateSession } from "@basalt/origin";
import { HTTPS_PORTS } from "@basalt/policy";
import { rejectionSlot } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import { ClientSession } from "./clientSession.ts";
import { rejectConnection } from "./delivery/errorResponse.ts";
import { HeadRecorder } from "./delivery/headRecorder.ts";
import type { ClientSocket, SocketHandler } from "./driver/contract.ts";
import type { EdgeServer } from "./edgeServer.ts";
import { Exchange } from "./exchange.ts";
import { PacedSocket, type PaceLimits, UNLIMITED } from "./pacing/pacedSocket.ts";
import { PrivateSessions } from "./privateSessions.ts";
import { RequestBody } from "./requestBody.ts";
import { RewrittenRequests } from "./rewrittenRequests.ts";
import type { ServedName } from "./servedNames.ts";

/** Bytes of pipelined requests that may wait behind a running one before the socket is paused. */
const PIPELINE_BYTES = 64 * 1024;

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
const NOTHING = Buffer.alloc(0);

/**
 * `idle`: nothing of a next request has arrived. `head`: part of one has. `busy`: a request runs. `tunnel`: bytes go
 * elsewhere. `closing`: the last answer is on its way.
 */
type State = "idle" | "head" | "busy" | "tunnel" | "closing" | "closed";

/** Whoever has the bytes of a client that speaks another protocol. */
export interface TunnelEnd {
  /** The bytes belong to the receiver. */
  readonly receive: (data: Buffer) => void;
  /** Longest time in which nothing moves. */
  readonly idleSeconds: number;
  readonly onIdle: () => void;
}

/** The rest of a response that a connection has nothing more to do with. */
export interface HandedOver {
  /** Whether the memory tier holds these bytes of it. */
  readonly isKept: (data: Buffer) => boolean;
  /** What was held for it may change again; calls after the first do nothing. */
  readonly release: () => void;
}

/** One client connection: finds requests in its bytes, runs them one after the other, keeps its deadlines. */
export class Connection implements SocketHandler {
  readonly server: EdgeServer;
  /** What is written to the client; slowed down for the responses that are (spec 16). */
  socket: ClientSocket;
  readonly localPort: number;
  readonly session: ClientSession;
  readonly #parser: RequestHeadParser;
  readonly #exchange: Exchange;
  #unpaced: ClientSocket;
  #isPaced = false;
  #paced: PacedSocket | undefined;
  #state: State = "idle";
  #waiting: Buffer = NOTHING;
  #paused = false;
  #deadline: number;
  #served = 0;
  #body: RequestBody | undefined;
  #bodyLeft = 0;
  #bodyBytes = 0;
  /** Longest body of the request; 0: without limit. */
  #bodyLimit = 0;
  /** Bytes of a body since the deadline was last moved. */
  #sinceTouch = 0;
  /** The client waits for 100 Continue before it sends its body. */
  #owesContinue = false;
  #decoder: ChunkedDecoder | undefined;
  #peerEnded = false;
  #tunnel: TunnelEnd | undefined;
  #sessions: PrivateSessions | undefined;
  #isLastRequest = false;
  #running = false;
  #unsentSeen = 0;
  #held: (() => void)[] = [];
  #rewritten: RewrittenRequests | undefined;
  #fields: FieldBlock | undefined;
  #fieldsName: ServedName | undefined;
  #fieldsGeneration = -1;

  constructor(
    server: EdgeServer,
    socket: ClientSocket,
    localPort: number,
    session: ClientSession = new ClientSession(socket),
  ) {
    this.server = server;
    this.socket = socket;
    this.#unpaced = socket;
    this.localPort = localPort;
    this.session = session;
    const { limits } = server.state;
    this.#parser = createRequestHeadParser(limits);
    this.#exchange = new Exchange(this);
    this.#deadline = server.parts.clock.monotonic() + limits.headTimeoutSeconds * 1000;
  }

  /** The session id as logs write it. */
  get sessionText(): string {
    return this.session.text;
  }

  /** The address that the client has connected to. */
  get serverIp(): string {
    const address = this.socket.localAddress;
    return address.startsWith("::ffff:") ? address.slice(7) : address;
  }

  get isTls(): boolean {
    return this.socket.tls !== undefined;
  }

  /** The client is on this host. */
  get isLocal(): () => boolean {
    return this.session.isLocal;
  }

  /** STAT-27: true once for each interval of the figures; `block` is that of the virtual host asked for. */
  becomesActive(block: number): boolean {
    return this.session.becomesActive(block, this.server.interval);
  }

  get block(): number {
    return this.session.block;
  }

  countProgress(): void {
    if (this.#state === "busy" || this.#state === "tunnel") this.#exchange.countProgress();
  }

  /** HTTP-41: unsigned 64-bit, unlike that of any other connection. */
  get sessionId(): bigint {
    return this.session.id;
  }

  /** Requests answered before the present one. */
  get served(): number {
    return this.#served;
  }

  /** Nothing is under way: a next request may come. */
  get isIdle(): boolean {
    return this.#state === "idle" && this.#waiting.length === 0;
  }

  /** No answer can reach the client any more. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  onData(buffer: Buffer, start: number, end: number): void {
    switch (this.#state) {
      case "idle":
        // What was sent before is still on its way out, or requests wait for it: these come after them.
        if (this.socket.unsentBytes > 0 || this.#waiting.length > 0) this.#wait(buffer, start, end);
        else this.#consume(buffer, start, end);
        return;
      case "head": {
        const joined = Buffer.concat([this.#waiting, buffer.subarray(start, end)]);
        this.#waiting = NOTHING;
        this.#consume(joined, 0, joined.length);
        return;
      }
      case "busy":
        this.#receiveWhileBusy(buffer, start, end);
        return;
      case "tunnel":
        this.#tunnel?.receive(Buffer.from(buffer.subarray(start, end)));
        return;
      case "closing":
      case "closed":
        return;
    }
  }

  onDrain(): void {
    if (this.isPaced) this.#paced?.innerDrained();
    else this.#drained();
  }

  #drained(): void {
    this.#unsentSeen = 0;
    this.#releaseHeld();
    this.#exchange.drained();
    if (this.#state === "busy") this.#touch(this.server.state.limits.sendTimeoutSeconds);
    if (this.#state !== "idle") return;
    if (this.#waiting.length > 0) this.#consumeWaiting();
    else this.#becomeIdle();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (this.#state === "busy") {
      this.#body?.fail(new EdgeError("CLIENT_GONE", { detail: "request body ended early" }));
      return;
    }
    if (this.#state === "tunnel") this.#exchange.clientEnded();
    else if (this.#state !== "closing" && (this.#state !== "idle" || this.#waiting.length === 0)) this.close();
  }

  onClose(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#releaseHeld();
    this.#body?.fail(new EdgeError("CLIENT_GONE"));
    this.#exchange.clientGone();
    this.#paced?.closed();
    this.#sessions?.end();
    this.server.forget(this);
  }

  /** Closes without an answer, or when the last one has been sent. */
  close(): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#state = "closing";
    this.#touch(CLOSE_SECONDS);
    this.socket.end();
  }

  /** BYP-12: the origin connection of this one with a virtual host. When the origin ends it, this one ends too. */
  privateSession(vhost: string, pool: OriginPool): PrivateSession {
    this.#sessions ??= new PrivateSessions(() => this.#closeAfterRequest());
    return this.#sessions.of(vhost, pool);
  }

  /** The virtual host takes no longer body than this of the present request. */
  limitBody(bytes: number): void {
    this.#bodyLimit = this.#bodyLimit === 0 ? bytes : Math.min(this.#bodyLimit, bytes);
  }

  /** The response to the present request is to say that it is the last one. */
  get isLastRequest(): boolean {
    return this.#isLastRequest;
  }

  /** The client will send no more. */
  get hasPeerEnded(): boolean {
    return this.#peerEnded;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Ends it so that the client cannot take what it has for complete. */
  reset(): void {
    this.socket.reset();
  }

  /** OPT-65: closes it when it is idle; one whose first request is still to come has a moment more. */
  closeIfIdle(monotonicMs: number): void {
    if (this.#state !== "idle" || this.#waiting.length > 0 || this.socket.unsentBytes > 0) return;
    if (this.#served > 0) this.close();
    else this.#deadline = Math.min(this.#deadline, monotonicMs + FIRST_REQUEST_MS);
  }

  /** What the client has not taken yet. */
  visitPinned(visit: PinnedVisitor): void {
    if (this.socket.unsentBytes === 0) return;
    this.socket.visitUnsent((data) => visit(data, this.#exchange.isKept(data)));
  }

  checkDeadline(monotonicMs: number): void {
    if (monotonicMs < this.#deadline || this.#state === "closed") return;
    if (this.isPaced && this.#paced?.isHeldBack === true) {
      // It is slow by our will.
      this.#unsentSeen = 0;
      this.#touch(this.server.state.limits.sendTimeoutSeconds);
      return;
    }
    if (this.#state === "tunnel") {
      this.#tunnel?.onIdle();
      return;
    }
    const { limits } = this.server.state;
    const unsent = this.socket.unsentBytes;
    if (unsent > 0) {
      // A slow client is not a dead one: it is cut when a whole period has passed with next to nothing taken.
      // With a reset: else the kernel would go on offering it what it does not take.
      const taken = this.#unsentSeen - unsent;
      if (taken >= 0 && taken < LEAST_PROGRESS_BYTES) this.reset();
      this.#unsentSeen = unsent;
      this.#touch(limits.sendTimeoutSeconds);
      return;
    }
    switch (this.#state) {
      case "head":
        this.server.parts.counters.add(rejectionSlot("REQUEST_TIMEOUT"), 1);
        rejectConnection(this, "REQUEST_TIMEOUT");
        return;
      case "idle":
        this.close();
        return;
      case "busy":
        if (!this.#paused && !this.#owesContinue) this.#body?.fail(new EdgeError("REQUEST_TIMEOUT"));
        this.#touch(limits.sendTimeoutSeconds);
        return;
      case "closing":
        this.destroy();
        return;
    }
  }

  /** What the rules of URL rewriting make of its requests. */
  get rewritten(): RewrittenRequests {
    this.#rewritten ??= new RewrittenRequests();
    return this.#rewritten;
  }

  /** Where the request comes to, remembered while the client repeats its fields and the configuration stays. */
  selectVhost(host: string | undefined, fields: FieldBlock): ServedName | undefined {
    const { state } = this.server;
    if (this.#fields === fields && this.#fieldsGeneration === state.generation && host === fields.host) {
      return this.#fieldsName;
    }
    const settings = state.table.select(host, this.socket.tls === undefined ? this.localPort : HTTPS_PORTS);
    const name = settings === undefined ? undefined : state.names.get(settings.name);
    this.#fields = host === fields.host ? fields : undefined;
    this.#fieldsGeneration = state.generation;
    this.#fieldsName = name;
    return name;
  }

  /** Something unexpected happened to a request of this connection; `traceText`: the id of its trace, if it has one. */
  reportDefect(cause: unknown, traceText?: string): void {
    this.server.parts.onDefect(cause, { sessionText: this.sessionText, traceText });
  }

  /** From now on what is written is slowed down. */
  pace(limits: PaceLimits): void {
    this.#paced ??= new PacedSocket(this.#unpaced, this.server.pacer, () => this.#drained());
    this.socket = this.#paced;
    this.#isPaced = true;
    this.#paced.limit(limits);
  }

  unpace(): void {
    if (!this.#isPaced) return;
    this.#paced?.limit(UNLIMITED);
    this.socket = this.#unpaced;
    this.#isPaced = false;
  }

  /** What is written next begins with the head of a response, which `onHead` gets a copy of. */
  recordHead(onHead: (head: string) => void): void {
    const inner = this.socket;
    const recorder = new HeadRecorder(inner, (head) => {
      if (this.socket === recorder) this.socket = inner;
      onHead(head);
    });
    this.socket = recorder;
  }

  get isPaced(): boolean {
    return this.#isPaced;
  }

  /** Written, and kept back so that it does not leave too early. */
  get heldBytes(): number {
    return this.isPaced ? this.socket.unsentBytes : 0;
  }

  /** The response cannot be completed: nothing more is said, so that its end does not look like one in order. */
  broken(): void {
    this.#served++;
    if (this.#state !== "busy") return;
    this.#body?.discard();
    this.#state = "closing";
    this.#touch(CLOSE_SECONDS);
  }

  /** The response is out: next request, or the end. */
  finished(keepAlive: boolean): void {
    this.#served++;
    if (this.#state !== "busy") return;
    const bodyPending = this.#body !== undefined;
    if (
      !keepAlive ||
      this.#isLastRequest ||
      bodyPending ||
      (this.#peerEnded && this.#waiting.length === 0 && !this.#running)
    ) {
      this.#body?.discard();
      this.#state = "closing";
      this.#touch(CLOSE_SECONDS);
      this.socket.end();
      return;
    }
    this.#state = "idle";
    if (this.#running) return;
    if (this.#waiting.length > 0 && this.socket.unsentBytes === 0) this.#consumeWaiting();
    else this.#becomeIdle();
  }

  /** From now on the client's bytes belong to the tunnel; returns those that have arrived already. */
  openTunnel(tunnel: TunnelEnd): Buffer {
    this.#state = "tunnel";
    this.#tunnel = tunnel;
    this.touchTunnel();
    const waiting = this.#waiting;
    this.#waiting = NOTHING;
    this.#resume();
    return waiting;
  }

  /** Something has moved. */
  touchTunnel(): void {
    if (this.#state === "tunnel" && this.#tunnel !== undefined) this.#touch(this.#tunnel.idleSeconds);
  }

  pauseReading(): void {
    this.#paused = true;
    this.socket.pauseReading();
  }

  resumeReading(): void {
    this.#resume();
  }

  /** A response begins that may wait for the client: from now on the send time-out holds. */
  watchSending(): void {
    if (this.#body === undefined) this.#touch(this.server.state.limits.sendTimeoutSeconds);
  }

  /** The kernel has not taken all of this response yet: it must not be changed until the next drain. */
  hold(prepared: PreparedResponse): void {
    this.#held.push(prepared.hold());
  }

  /** What of the last response is still on its way, for whoever has the socket from now on; to be asked while it is idle. */
  handOver(): HandedOver {
    const held = this.#held;
    this.#held = [];
    this.#unsentSeen = 0;
    return {
      isKept: this.#exchange.keptTest(),
      release: () => {
        for (const release of held.splice(0)) release();
      },
    };
  }

  /** Serves the client on another stream from now on; to be called while it is idle, and never one that was paced. */
  moveTo(socket: ClientSocket): void {
    this.#unpaced = socket;
    this.socket = socket;
    this.#paused = false;
  }

  /** It has slowed something down, which ties it to its socket. */
  get isTied(): boolean {
    return this.#paced !== undefined;
  }

  #closeAfterRequest(): void {
    this.#isLastRequest = true;
    if (this.#state === "idle" || this.#state === "head") this.close();
  }

  #releaseHeld(): void {
    for (const release of this.#held) release();
    if (this.#held.length > 0) this.#held = [];
  }

  #consumeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = NOTHING;
    this.#consume(waiting, 0, waiting.length);
  }

  /** Runs as many requests as the bytes hold and as finish at once. */
  #consume(buffer: Buffer, start: number, end: number): void {
    let position = start;
    this.#resume();
    this.#running = true;
    while (position < end) {
      const next = this.#parser.parse(buffer, position, end);
      if (next === PARSE_NEED_MORE) {
        this.#running = false;
        this.#awaitHead(buffer, position, end);
        return;
      }
      if (next === PARSE_REJECTED) {
        this.#running = false;
        this.#reject();
        return;
      }
      const headBytes = next - position;
      position = next;
      this.#state = "busy";
      this.#deadline = Number.POSITIVE_INFINITY;
      const { fields } = this.#parser;
      let body: RequestBody | undefined;
      if ((fields.flags & FIELD.CHUNKED) !== 0 || fields.contentLength > 0) {
        body = this.#beginBody(fields);
        position = this.#receiveBody(buffer, position, end);
        if (this.#currentState() !== "busy") break;
      }
      this.#exchange.start(this.#parser, headBytes, body);
      if (this.#currentState() !== "idle" || this.socket.unsentBytes > 0) break;
    }
    this.#running = false;
    const state = this.#currentState();
    if (position < end) {
      if (state === "busy") this.#receiveWhileBusy(buffer, position, end);
      else if (state === "idle") this.#wait(buffer, position, end);
      else if (state === "tunnel") this.#tunnel?.receive(Buffer.from(buffer.subarray(position, end)));
    }
    if (state !== "idle") return;
    if (this.#peerEnded && this.#waiting.length === 0) this.close();
    else this.#becomeIdle(this.#exchange.startedMs);
  }

  /** For the compiler: calls in between may have changed the state. */
  #currentState(): State {
    return this.#state;
  }

  #awaitHead(buffer: Buffer, start: number, end: number): void {
    if (this.#state !== "head") this.#touch(this.server.state.limits.headTimeoutSeconds);
    this.#state = "head";
    this.#waiting = Buffer.from(buffer.subarray(start, end));
  }

  /** `nowMs`: a moment ago by the monotonic clock, where that is known. */
  #becomeIdle(nowMs: number = this.server.parts.clock.monotonic()): void {
    const seconds = this.#fieldsName?.vhost.settings.options.clientKeepAliveSeconds ?? IDLE_SECONDS;
    this.#deadline = nowMs + seconds * 1000;
  }

  #wait(buffer: Buffer, start: number, end: number): void {
    const more = buffer.subarray(start, end);
    this.#waiting = this.#waiting.length === 0 ? Buffer.from(more) : Buffer.concat([this.#waiting, more]);
    if (this.#waiting.length > PIPELINE_BYTES) this.pauseReading();
  }

  #receiveWhileBusy(buffer: Buffer, start: number, end: number): void {
    const rest = this.#body === undefined ? start : this.#receiveBody(buffer, start, end);
    if (rest < end && this.#state === "busy") this.#wait(buffer, rest, end);
  }

  #beginBody(fields: FieldBlock): RequestBody {
    this.#owesContinue = (fields.flags & FIELD.EXPECT_CONTINUE) !== 0 && this.#parser.minorVersion === 1;
    this.#sinceTouch = 0;
    const flow = {
      pause: () => this.pauseReading(),
      // One that is let go late must not speak for the next, nor for whoever has the socket meanwhile.
      resume: () => {
        if (this.#state !== "closed" && this.#exchange.body === body) this.#resume();
      },
      started: () => this.#continue(),
    };
    const body: RequestBody = new RequestBody(flow, this.socket.bodyRoomBytes);
    if ((fields.flags & FIELD.CHUNKED) !== 0) {
      this.#decoder ??= createChunkedDecoder(this.server.state.limits);
      this.#decoder.reset();
      this.#bodyLeft = -1;
      this.#bodyBytes = 0;
      this.#bodyLimit = this.server.state.limits.bodyBytes;
    } else {
      this.#bodyLeft = fields.contentLength;
    }
    this.#body = body;
    this.#touch(this.server.state.limits.bodyTimeoutSeconds);
    return body;
  }

  /** Asks for the body, unless it comes unasked or the answer has begun (RFC 9110 10.1.1). */
  #continue(): void {
    if (!this.#owesContinue || this.#state !== "busy" || this.#exchange.headBytesSent > 0) return;
    this.#owesContinue = false;
    this.socket.write(CONTINUE);
    this.#touch(this.server.state.limits.bodyTimeoutSeconds);
  }

  /** Feeds the running request's body; returns the position behind what belongs to it. */
  #receiveBody(buffer: Buffer, start: number, end: number): number {
    const body = this.#body;
    if (body === undefined || start === end) return start;
    this.#owesContinue = false;
    this.#noteBodyBytes(end - start);
    if (this.#bodyLeft >= 0) {
      const take = Math.min(this.#bodyLeft, end - start);
      if (take > 0) body.push(buffer, start, start + take);
      this.#bodyLeft -= take;
      if (this.#bodyLeft === 0) this.#endBody(body);
      return start + take;
    }
    const decoder = this.#decoder;
    if (decoder === undefined) return end;
    const limit = this.#bodyLimit;
    const outcome = decoder.decode(buffer, start, end, (source, from, to) => {
      this.#bodyBytes += to - from;
      if (limit === 0 || this.#bodyBytes <= limit) body.push(source, from, to);
    });
    if (outcome === CHUNK_REJECTED) return this.#refuseBody(body, decoder.rejection?.code ?? "REQUEST_MALFORMED", end);
    if (limit > 0 && this.#bodyBytes > limit) return this.#refuseBody(body, "REQUEST_BODY_TOO_LARGE", end);
    if (outcome === CHUNK_DONE) this.#endBody(body);
    return decoder.position;
  }

  /** A body that trickles is as good as none: only a fair piece of it moves the deadline. */
  #noteBodyBytes(count: number): void {
    this.#sinceTouch += count;
    if (this.#sinceTouch < LEAST_PROGRESS_BYTES) return;
    this.#sinceTouch = 0;
    this.#touch(this.server.state.limits.bodyTimeoutSeconds);
  }

  /** Ends the request; with an answer only as long as none has begun. */
  #refuseBody(body: RequestBody, code: Rejection["code"] | "REQUEST_BODY_TOO_LARGE", end: number): number {
    this.server.parts.counters.add(rejectionSlot(code), 1);
    body.fail(new EdgeError(code));
    if (this.#exchange.body !== body) {
      // It came with its head: the request is refused as it begins.
      this.#isLastRequest = true;
      return end;
    }
    if (this.#exchange.headBytesSent > 0) {
      this.destroy();
      return end;
    }
    const rejected = rejectConnection(this, code);
    if (rejected === undefined) this.#exchange.clientGone();
    else this.#exchange.rejected(new EdgeError(code), rejected);
    return end;
  }

  #endBody(body: RequestBody): void {
    this.#body = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    body.complete();
  }

  #reject(): void {
    const code = this.#parser.rejection?.code ?? "REQUEST_MALFORMED";
    this.server.parts.counters.add(rejectionSlot(code), 1);
    rejectConnection(this, code);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resumeReading();
  }

  #touch(seconds: number): void {
    this.#deadline = this.server.parts.clock.monotonic() + seconds * 1000;
  }
}

/** Idle time before a first request has told which virtual host's setting holds. */
const IDLE_SECONDS = 10;
/** For a first request while memory is short. */
const FIRST_REQUEST_MS = 1_000;
/** What a body, either way, has to move by within its time-out: slower clients hold a connection for nothing. */
const LEAST_PROGRESS_BYTES = 512;
/** For the last answer to be taken. */
const CLOSE_SECONDS = 30;
