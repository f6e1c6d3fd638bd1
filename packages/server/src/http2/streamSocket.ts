import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from "node:http2";
import type { ClientSocket, SocketHandler } from "../driver/contract.ts";
import type { AnswerHead } from "./answerHead.ts";
import { AnswerReader, type AnswerSink } from "./answerReader.ts";
import type { RequestFraming } from "./requestHead.ts";
import type { SendRoom } from "./sendRoom.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** A write is done when all of it has been taken: short ones show that a slow client still takes something. */
const PIECE_BYTES = 32 * 1024;

/** All heads are read from here: they are used or copied before the next one is made. */
let headBuffer = Buffer.allocUnsafeSlow(4 * 1024);

const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");
const LINE_END = Buffer.from("\r\n", "latin1");
/** `sendDate` is not in the declarations: no Date is made up for an answer that has none. */
const WITH_BODY: ServerStreamResponseOptions & { readonly sendDate: boolean } = { sendDate: false };
const WITHOUT_BODY: typeof WITH_BODY = { sendDate: false, endStream: true };
/**
 * Of an answer whose body is still to come. The library ends the stream in order before it resets one, so that a body that
 * was broken off would look whole; a stream that waits for trailers is ended by these only.
 */
const BODY_TO_COME: typeof WITH_BODY = { sendDate: false, waitForTrailers: true };

const ignoreEvents: SocketHandler = { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} };

/** Errors of a stream are followed by its close. */
const ignoreError = (): void => {};

/** What a stream knows of the connection that it is part of. */
export interface StreamOwner extends Pick<ClientSocket, "remoteAddress" | "remotePort" | "localAddress" | "tls"> {
  readonly room: SendRoom;
  bodyReceived(byteCount: number): void;
  /** The stream is over for both sides; the socket may be used for another one. */
  streamClosed(socket: StreamSocket, wasReset: boolean): void;
}

/** What the stream that is to be served asks for. */
export interface StreamRequest {
  readonly text: string;
  readonly isHead: boolean;
  readonly framing: RequestFraming;
}

interface Unsent {
  readonly data: Buffer;
  position: number;
}

/**
 * One HTTP/2 stream as the byte stream of an HTTP/1.1 client that sends one request (RFC 9113 8.1): what the engine
 * answers becomes HEADERS and DATA. Used again for another stream when it is over.
 */
export class StreamSocket implements ClientSocket, AnswerSink {
  readonly #owner: StreamOwner;
  readonly #answer = new AnswerReader(this);
  #handler: SocketHandler = ignoreEvents;
  #stream: ServerHttp2Stream | undefined;
  #framing: RequestFraming = "none";
  #hasRequestEnded = false;
  #isPaused = false;
  /** What was written and not yet taken, in order; the first is on its way. */
  #unsent: Unsent[] = [];
  #unsentBytes = 0;
  #isSending = false;
  /** The engine waits for nothing more: when all has been taken, the rest of the request is not wanted. */
  #isEnding = false;
  /** The head of the answer, while it is not known whether the whole body comes with it. */
  #owedHead: AnswerHead | undefined;
  /** Bytes of the session's room that copies of this stream take. */
  #copiedBytes = 0;
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

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const { data } of this.#unsent) visit(data);
  }

  /** Runs the request of a stream. */
  serve(stream: ServerHttp2Stream, { text, isHead, framing }: StreamRequest): void {
    this.#stream = stream;
    this.#framing = framing;
    this.#hasRequestEnded = framing === "none";
    this.#isPaused = false;
    this.#isOver = false;
    this.#isEnding = false;
    this.#answer.begin(isHead);
    stream.on("error", ignoreError);
    stream.on("close", this.#onStreamClose);
    if (text.length > headBuffer.length) headBuffer = Buffer.allocUnsafeSlow(text.length * 2);
    const headBytes = headBuffer.write(text, 0, "latin1");
    this.#handler.onData(headBuffer, 0, headBytes);
    if (framing === "none" || stream.destroyed) return;
    stream.on("data", this.#onBody);
    stream.on("end", this.#onBodyEnd);
    if (this.#isPaused) stream.pause();
  }

  write(data: Buffer): boolean {
    if (!this.#isOver) this.#answer.accept(data);
    this.#sayHead();
    return this.#unsentBytes === 0;
  }

  writePair(head: Buffer, body: Buffer): boolean {
    if (!this.#isOver) this.#answer.accept(head);
    return this.write(body);
  }

  pauseReading(): void {
    this.#isPaused = true;
    this.#stream?.pause();
  }

  resumeReading(): void {
    this.#isPaused = false;
    if (this.#framing !== "none") this.#stream?.resume();
  }

  end(): void {
    const stream = this.#stream;
    if (stream === undefined) {
      this.#release();
      return;
    }
    if (this.#isOver) return;
    if (!this.#answer.end()) this.#closeWith(NGHTTP2_INTERNAL_ERROR);
    // RFC 9113 8.1: the answer is whole, the rest of the request is not wanted.
    else if (this.#unsent.length > 0) this.#isEnding = true;
    else this.#leaveRequest(stream);
  }

  #leaveRequest(stream: ServerHttp2Stream): void {
    if (!this.#hasRequestEnded) stream.close(NGHTTP2_NO_ERROR);
  }

  /** There are no tunnels in a stream that was not opened as one. */
  endWriting(): void {
    this.end();
  }

  reset(): void {
    this.#closeWith(NGHTTP2_INTERNAL_ERROR);
    this.#release();
  }

  destroy(): void {
    this.#closeWith(NGHTTP2_CANCEL);
    this.#release();
  }

  /** Breaks off what is left of a stream that the engine has nothing to do with any more. */
  abandon(code: number): void {
    this.#closeWith(code);
  }

  /** The engine's side ends; nobody will use it again. */
  discard(): void {
    this.#isOver = true;
    this.#release();
  }

  interim({ fields }: AnswerHead): void {
    this.#say((stream) => stream.additionalHeaders(asObject(fields)));
  }

  head(head: AnswerHead, isWhole: boolean): void {
    if (isWhole) this.#say((stream) => stream.respond(head.fields, WITHOUT_BODY));
    else this.#owedHead = head;
  }

  body(data: Buffer): void {
    this.#sayHead();
    const { room } = this.#owner;
    const isCopied = this.#unsentBytes === 0 && room.take(data.length);
    if (isCopied) this.#copiedBytes += data.length;
    const kept = isCopied ? Buffer.from(data) : data;
    if (isCopied) {
      this.#say((stream) => stream.write(kept));
      return;
    }
    this.#unsent.push({ data, position: 0 });
    this.#unsentBytes += data.length;
    this.#sendPiece();
  }

  ended(): void {
    if (this.#unsent.length > 0) return;
    this.#say((stream) => stream.end());
  }

  #sayHead(): void {
    const head = this.#owedHead;
    if (head === undefined) return;
    this.#owedHead = undefined;
    this.#say((stream) => {
      if (!this.#answer.isOver) stream.on("wantTrailers", this.#onBodySent);
      stream.respond(head.fields, this.#answer.isOver ? WITH_BODY : BODY_TO_COME);
    });
  }

  #sendPiece(): void {
    const [next] = this.#unsent;
    if (this.#isSending || next === undefined) return;
    const { data, position } = next;
    const piece = data.subarray(position, position + PIECE_BYTES);
    next.position += piece.length;
    this.#isSending = true;
    const isLast = this.#answer.isOver && this.#unsent.length === 1 && next.position === data.length;
    this.#say((stream) => {
      stream.write(piece, () => this.#pieceTaken(stream, piece.length));
      if (isLast) stream.end();
    });
  }

  #pieceTaken(stream: ServerHttp2Stream, byteCount: number): void {
    if (stream !== this.#stream || this.#isOver) return;
    this.#isSending = false;
    this.#unsentBytes -= byteCount;
    const [first] = this.#unsent;
    if (first !== undefined && first.position === first.data.length) this.#unsent.shift();
    if (this.#unsent.length > 0) {
      this.#sendPiece();
      return;
    }
    if (this.#answer.isOver && !stream.writableEnded) stream.end();
    if (this.#isEnding) this.#leaveRequest(stream);
    this.#handler.onDrain();
  }

  /** A stream that the client has left meanwhile takes nothing more; its close follows. */
  #say(speak: (stream: ServerHttp2Stream) => void): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed || stream.destroyed) return;
    try {
      speak(stream);
    } catch {
      this.#closeWith(NGHTTP2_INTERNAL_ERROR);
    }
  }

  readonly #onBody = (data: Buffer): void => {
    if (this.#isOver || data.length === 0) return;
    this.#owner.bodyReceived(data.length);
    const handler = this.#handler;
    if (this.#framing === "length") {
      handler.onData(data, 0, data.length);
      return;
    }
    const size = Buffer.from(`${data.length.toString(16)}\r\n`, "latin1");
    handler.onData(size, 0, size.length);
    handler.onData(data, 0, data.length);
    handler.onData(LINE_END, 0, LINE_END.length);
  };

  readonly #onBodyEnd = (): void => {
    // A stream that was reset ends its body too.
    if (this.#isOver || this.#stream?.closed !== false) return;
    this.#hasRequestEnded = true;
    if (this.#framing === "stream") this.#handler.onData(LAST_CHUNK, 0, LAST_CHUNK.length);
  };

  readonly #onBodySent = (): void => {
    if (!this.#isOver) this.#say((stream) => stream.sendTrailers({}));
  };

  readonly #onStreamClose = (): void => {
    const wasReset = !this.#isOver && (!this.#answer.isOver || this.#stream?.rstCode !== NGHTTP2_NO_ERROR);
    this.#isOver = true;
    this.#stream = undefined;
    this.#owner.room.give(this.#copiedBytes);
    this.#copiedBytes = 0;
    const wasTaken = this.#unsentBytes === 0;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#isSending = false;
    this.#owedHead = undefined;
    if (!wasTaken || !this.#answer.isOver) this.#release();
    this.#owner.streamClosed(this, wasReset);
  };

  #closeWith(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.close(code);
  }

  #release(): void {
    const handler = this.#handler;
    this.#handler = ignoreEvents;
    handler.onClose();
  }
}

/** Interim responses take no list. */
const asObject = (fields: readonly string[]): OutgoingHttpHeaders => {
  const object: Record<string, string | string[]> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    const before = object[name];
    object[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return object;
};
