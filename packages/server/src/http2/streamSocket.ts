import type { ClientSocket, SocketHandler } from "../driver/contract.ts";
import { type AnswerHead, AnswerHeads } from "./answerHead.ts";
import { AnswerReader, type AnswerSink } from "./answerReader.ts";
import type { FrameSender } from "./frameSender.ts";
import { CODE, type Code, FRAME_HEAD_BYTES, MOST_PAYLOAD_BYTES } from "./frames.ts";
import type { RequestFraming } from "./requestHead.ts";
import type { SendRoom } from "./sendRoom.ts";

const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");
const LINE_END = Buffer.from("\r\n", "latin1");
const NOTHING = Buffer.alloc(0);

/** A DATA frame that has less room than this waits for the next write, unless it needs no more. */
const LEAST_PIECE_BYTES = 4 * 1024;

/** Heads that the process has sent: sessions of all clients get the same prepared responses. */
const heads = new AnswerHeads();

const ignoreEvents: SocketHandler = { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} };

/** What a stream knows of the connection that it is part of. */
export interface StreamOwner extends Pick<ClientSocket, "remoteAddress" | "remotePort" | "localAddress" | "tls"> {
  readonly room: SendRoom;
  readonly sender: FrameSender;
  /** What may wait of the request body of each stream. */
  readonly bodyRoomBytes: number;
  /** Frames have been put into the sender. */
  hasSaid(): void;
  /** The stream has something to send that could not be sent at once. */
  wantsTurn(stream: StreamSocket): void;
  /** The engine has taken, or nobody will take, so much of a request body. */
  bodyTaken(stream: StreamSocket, byteCount: number): void;
  /** The stream is over for both sides; the socket may be used for another one once the engine is idle. */
  streamClosed(stream: StreamSocket, end: StreamEnd): void;
}

/** `whole`: in order. `reset`: by the client. `broken`: by us. `cut`: the answer is whole, the rest of the request unwanted. */
export type StreamEnd = "whole" | "reset" | "broken" | "cut";

/** What the stream that is to be served asks for. */
export interface StreamRequest {
  /** `[0, headBytes)`: the head; valid during the call. */
  readonly head: Buffer;
  readonly headBytes: number;
  readonly isHead: boolean;
  readonly framing: RequestFraming;
  /** Of the body, where its length is known. */
  readonly bodyBytes: number;
}

/** What a stream waits for before it can send more. */
export type SendOutcome = "nothing" | "turn" | "room" | "streamWindow" | "connectionWindow";

interface Unsent {
  readonly data: Buffer;
  readonly kind: "head" | "lastHead" | "data" | "copy";
  position: number;
}

/**
 * One HTTP/2 stream as the byte stream of an HTTP/1.1 client that sends one request (RFC 9113 8.1): what the engine
 * answers becomes HEADERS and DATA. Used again for another stream when it is over.
 */
export class StreamSocket implements ClientSocket, AnswerSink<AnswerHead> {
  /** Number of the stream that is being served. */
  id = 0;
  /** What the client takes of the answer, and what it may still send of the request. */
  sendWindow = 0;
  receiveWindow = 0;
  /** Taken of the request body, and not yet told to the client. */
  unacknowledgedBytes = 0;
  /** It waits for a turn of its connection, and who comes behind it. */
  isQueued = false;
  next: StreamSocket | undefined;
  readonly #owner: StreamOwner;
  readonly #answer = new AnswerReader<AnswerHead>(this, heads);
  #handler: SocketHandler = ignoreEvents;
  #framing: RequestFraming = "none";
  /** Of the request body, where its length is known. */
  #bodyLeft = -1;
  #hasRequestEnded = false;
  #isPaused = false;
  #pausedBytes = 0;
  /** What was written and not yet sent, in order. */
  #unsent: Unsent[] = [];
  /** Of the buffers that are not the stream's own. */
  #unsentBytes = 0;
  #owesDrain = false;
  /** The engine waits for nothing more: when all has been sent, the rest of the request is not wanted. */
  #isEnding = false;
  /** The head of the answer, while it is not known whether the body comes with it. */
  #owedHead: AnswerHead | undefined;
  /** Bytes of the connection's room that copies of this stream take. */
  #copiedBytes = 0;
  #hasAnswerEnded = false;
  /** Nothing is said on the stream any more. */
  #isOver = true;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
  }

  /** The engine has let go of it. */
  get isClosed(): boolean {
    return this.#handler === ignoreEvents;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The engine has nothing more to say on it, and will not be asked again. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** The request has come whole, and the answer has been written whole. */
  get isAnswered(): boolean {
    return this.#hasRequestEnded && this.#answer.isOver;
  }

  /** What the client has to take, its own copies included. */
  get pendingBytes(): number {
    return this.#unsentBytes + this.#copiedBytes;
  }

  /** Nobody has to do with it until it serves again. */
  leave(): void {
    this.#handler = ignoreEvents;
  }

  get hasRequestEnded(): boolean {
    return this.#hasRequestEnded;
  }

  get remoteAddress(): string {
    return this.#owner.remoteAddress;
  }

  get remotePort(): number {
    return this.#owner.remotePort;
  }

  get localAddress(): string {
    return this.#owner.localAddress;
  }

  get tls(): ClientSocket["tls"] {
    return this.#owner.tls;
  }

  get bodyRoomBytes(): number {
    return this.#owner.bodyRoomBytes;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const { data, kind } of this.#unsent) if (kind === "data") visit(data);
  }

  /** Runs the request of a stream. */
  serve(id: number, windows: { readonly send: number; readonly receive: number }, request: StreamRequest): void {
    this.id = id;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
    this.unacknowledgedBytes = 0;
    this.#framing = request.framing;
    this.#bodyLeft = request.framing === "length" ? request.bodyBytes : -1;
    this.#hasRequestEnded = request.framing === "none";
    this.#isPaused = false;
    this.#pausedBytes = 0;
    this.#isOver = false;
    this.#isEnding = false;
    this.#hasAnswerEnded = false;
    this.#answer.begin(request.isHead);
    this.#handler.onData(request.head, 0, request.headBytes);
  }

  /** A piece of the request body that the windows allow. False: the body is not as long as was said. */
  receive(buffer: Buffer, from: number, to: number, isLast: boolean): boolean {
    const byteCount = to - from;
    if (this.#bodyLeft >= 0) {
      this.#bodyLeft -= byteCount;
      // RFC 9113 8.1.1: the sum of DATA is the Content-Length.
      if (this.#bodyLeft < 0 || (isLast && this.#bodyLeft > 0)) {
        this.#owner.bodyTaken(this, byteCount);
        this.abandon(CODE.PROTOCOL_ERROR);
        return false;
      }
    }
    if (isLast) this.#hasRequestEnded = true;
    if (byteCount > 0) this.#passBody(buffer, from, to, byteCount);
    if (!isLast || this.#isOver) return true;
    if (this.#framing === "stream") this.#handler.onData(LAST_CHUNK, 0, LAST_CHUNK.length);
    this.#closeIfWhole();
    return true;
  }

  /** Trailers end the request as its last byte does; they are dropped, as those of HTTP/1.1 are. */
  receiveEnd(): boolean {
    return this.receive(NOTHING, 0, 0, true);
  }

  #passBody(buffer: Buffer, from: number, to: number, byteCount: number): void {
    const handler = this.#handler;
    if (this.#framing === "stream") {
      const size = Buffer.from(`${byteCount.toString(16)}\r\n`, "latin1");
      handler.onData(size, 0, size.length);
      handler.onData(buffer, from, to);
      handler.onData(LINE_END, 0, LINE_END.length);
    } else {
      handler.onData(buffer, from, to);
    }
    if (this.#isPaused && !this.#isOver) this.#pausedBytes += byteCount;
    else this.#owner.bodyTaken(this, byteCount);
  }

  /** The client has broken it off. */
  wasReset(): void {
    this.#close("reset");
  }

  write(data: Buffer): boolean {
    if (!this.#isOver) this.#answer.accept(data);
    this.#sayHead();
    return this.#isTaken();
  }

  writePair(head: Buffer, body: Buffer): boolean {
    if (!this.#isOver) this.#answer.accept(head);
    return this.write(body);
  }

  #isTaken(): boolean {
    if (this.#unsentBytes === 0) return true;
    this.#owesDrain = true;
    return false;
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    const byteCount = this.#pausedBytes;
    this.#pausedBytes = 0;
    if (byteCount > 0) this.#owner.bodyTaken(this, byteCount);
  }

  end(): void {
    if (this.#isOver) {
      this.#release();
      return;
    }
    if (!this.#answer.end()) {
      this.#closeWith(CODE.INTERNAL_ERROR);
      return;
    }
    // RFC 9113 8.1: the answer is whole, the rest of the request is not wanted.
    this.#isEnding = true;
    this.#closeIfWhole();
  }

  /** There are no tunnels in a stream that was not opened as one. */
  endWriting(): void {
    this.end();
  }

  reset(): void {
    this.#closeWith(CODE.INTERNAL_ERROR);
    this.#release();
  }

  destroy(): void {
    this.#closeWith(CODE.CANCEL);
    this.#release();
  }

  /** Breaks it off for both sides. */
  abandon(code: Code): void {
    this.#closeWith(code);
  }

  /** The engine's side ends; nobody will use it again. */
  discard(): void {
    this.#isOver = true;
    this.#dropUnsent();
    this.#release();
  }

  interim({ block }: AnswerHead): void {
    this.#queue(block, "head");
  }

  head(head: AnswerHead, isWhole: boolean): void {
    if (!isWhole) {
      this.#owedHead = head;
      return;
    }
    if (this.#unsent.length > 0 || !this.#owner.sender.headers(this.id, head.block, true)) {
      this.#queue(head.block, "lastHead");
      return;
    }
    this.#owner.hasSaid();
    this.#answerSent();
  }

  body(data: Buffer): void {
    if (this.#sendsAtOnce(data)) return;
    this.#sayHead();
    if (data.length === 0) return;
    if (this.#owner.room.take(data.length)) {
      this.#copiedBytes += data.length;
      this.#queue(Buffer.from(data), "copy");
    } else {
      this.#unsentBytes += data.length;
      this.#queue(data, "data");
    }
  }

  ended(): void {
    // What is still to be sent says by its last frame that nothing follows.
    if (this.#hasAnswerEnded || this.#isOver || this.#unsent.length > 0) return;
    this.#sayHead();
    if (this.#unsent.length > 0) return;
    this.#owner.sender.data(this.id, NOTHING, 0, 0, true);
    this.#owner.hasSaid();
    this.#answerSent();
  }

  /** Head and body of a short answer, where there is room for all of it. */
  #sendsAtOnce(data: Buffer): boolean {
    const { sender } = this.#owner;
    const { length } = data;
    if (this.#unsent.length > 0 || length > MOST_PAYLOAD_BYTES) return false;
    if (length > this.sendWindow || length > sender.window || length === 0) return false;
    const block = this.#owedHead?.block ?? NOTHING;
    if (length + block.length + 4 * FRAME_HEAD_BYTES > sender.roomBytes) return false;
    if (this.#owedHead !== undefined) {
      sender.headers(this.id, block, false);
      this.#owedHead = undefined;
    }
    this.sendWindow -= length;
    const isLast = this.#answer.isOver;
    sender.data(this.id, data, 0, length, isLast);
    this.#owner.hasSaid();
    if (isLast) this.#answerSent();
    return true;
  }

  #sayHead(): void {
    const head = this.#owedHead;
    if (head === undefined) return;
    this.#owedHead = undefined;
    this.#queue(head.block, "head");
  }

  #queue(data: Buffer, kind: Unsent["kind"]): void {
    if (this.#isOver) return;
    this.#unsent.push({ data, kind, position: 0 });
    this.#owner.wantsTurn(this);
  }

  /** Sends one frame, if it can; the engine hears when all has been sent. */
  sendNext(): SendOutcome {
    const [next] = this.#unsent;
    if (next === undefined || this.#isOver) return "nothing";
    const waitsFor = next.kind === "data" || next.kind === "copy" ? this.#sendData(next) : this.#sendHead(next);
    if (waitsFor !== "turn") return waitsFor;
    if (this.#unsent.length > 0) return "turn";
    const owesDrain = this.#owesDrain;
    this.#owesDrain = false;
    if (this.#answer.isOver && !this.#hasAnswerEnded) this.#answerSent();
    if (owesDrain) this.#handler.onDrain();
    return this.#unsent.length > 0 ? "turn" : "nothing";
  }

  #sendHead({ data, kind }: Unsent): SendOutcome {
    if (!this.#owner.sender.headers(this.id, data, kind === "lastHead")) return "room";
    this.#unsent.shift();
    return "turn";
  }

  #sendData(next: Unsent): SendOutcome {
    const { sender } = this.#owner;
    const { data, position, kind } = next;
    const wanted = Math.min(data.length - position, MOST_PAYLOAD_BYTES, this.sendWindow, sender.window);
    if (wanted <= 0) return sender.window <= 0 ? "connectionWindow" : "streamWindow";
    const room = sender.roomBytes - FRAME_HEAD_BYTES;
    if (room < wanted && room < LEAST_PIECE_BYTES) return "room";
    const length = Math.min(wanted, room);
    next.position += length;
    this.sendWindow -= length;
    const isWhole = next.position === data.length;
    const isLast = isWhole && this.#unsent.length === 1 && this.#answer.isOver;
    sender.data(this.id, data, position, position + length, isLast);
    if (kind === "data") this.#unsentBytes -= length;
    else {
      this.#owner.room.give(length);
      this.#copiedBytes -= length;
    }
    if (isWhole) this.#unsent.shift();
    return "turn";
  }

  /** The last frame of the answer has been put into the sender. */
  #answerSent(): void {
    this.#hasAnswerEnded = true;
    this.#closeIfWhole();
  }

  #closeIfWhole(): void {
    if (this.#isOver || !this.#hasAnswerEnded) return;
    if (this.#hasRequestEnded) this.#close("whole");
    else if (this.#isEnding) {
      this.#owner.sender.resetStream(this.id, CODE.NO_ERROR);
      this.#owner.hasSaid();
      this.#close("cut");
    }
  }

  #closeWith(code: Code): void {
    if (this.#isOver) return;
    this.#owner.sender.resetStream(this.id, code);
    this.#owner.hasSaid();
    this.#close("broken");
  }

  #close(end: StreamEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const wasTaken = this.#unsentBytes === 0;
    const pausedBytes = this.#pausedBytes;
    this.#dropUnsent();
    if (pausedBytes > 0) this.#owner.bodyTaken(this, pausedBytes);
    this.#owner.streamClosed(this, end);
    if (!wasTaken || !this.#answer.isOver) this.#release();
  }

  #dropUnsent(): void {
    if (this.#copiedBytes > 0) this.#owner.room.give(this.#copiedBytes);
    this.#copiedBytes = 0;
    this.#pausedBytes = 0;
    if (this.#unsent.length > 0) this.#unsent = [];
    this.#unsentBytes = 0;
    this.#owesDrain = false;
    this.#owedHead = undefined;
  }

  #release(): void {
    const handler = this.#handler;
    this.#handler = ignoreEvents;
    handler.onClose();
  }
}
